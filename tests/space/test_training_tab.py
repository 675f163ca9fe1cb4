import json
import math
import os
import time
from types import SimpleNamespace

import numpy as np
import pytest

import space.tabs
from eval import diagnose
from eval.diagnosis.finding import Finding, Name, Onset
from eval.run_directory import Journal, RunDirectory, write_json
from space.app import build, serve
from space.charts import f1_chart, loss_chart, metric_chart
from space.clinic import Clinic
from space.gradient_charts import COLUMNS, gradient_norms, norm_chart, profile_chart
from space.tabs import training
from train.opening import lock

HOSTILE = '<img src=x onerror="window.hacked = 1">'


def write_run(folder, *, steps=6, finished=True):
    """A run of `steps` records, evaluated after every second one."""
    folder.mkdir(parents=True)
    journal = Journal(folder / "journal.jsonl")
    journal.write("event", 0, 0, event="train_begin", world_size=1, max_steps=10 * steps)
    for number in range(1, steps + 1):
        write_step(journal, 10 * number, number / 2)
    journal.close()
    if finished:
        finish(folder)
    return RunDirectory(folder)


def write_step(journal, step, epoch):
    layers = {"embeddings": {"norm": 1e-3 * step}, "block.0": {"norm": 0.1}, "head": {"norm": 2.0}}
    journal.write("grad_norms", step, epoch, clipped=step > 20, total=2.1, layers=layers)
    journal.write("train", step, epoch, loss=1 / step, learning_rate=1e-4, grad_norm=2.1)
    if epoch == int(epoch):
        journal.write("eval", step, epoch, loss=0.5 / step, accuracy=0.8, f1=0.7 + epoch / 100, auc=0.9)


def finish(folder):
    figure = {"value": 0.8, "low": 0.7, "high": 0.9, "n": 100}
    split = {"accuracy": figure, "f1": figure}
    write_json(
        folder / "metrics.json",
        {"schema": 1, "corpus": "x", "overlap": None, "best_step": 60, "validation": split, "test": split},
    )


def norms_at(step, **layers):
    return {
        "kind": "grad_norms",
        "step": step,
        "epoch": step / 10,
        "clipped": False,
        "total": 1.0,
        "layers": {name: {"norm": norm} for name, norm in layers.items()},
    }


def test_layers_keep_the_order_from_input_to_output():
    layers, steps, norms, words = gradient_norms([norms_at(1, embeddings=1.0, block=2.0, head=3.0)])
    assert (layers, steps) == (["embeddings", "block", "head"], [1])
    assert norms[:, 0].tolist() == [1, 2, 3]
    assert words[2] == ["step 1: 3"]
    figure = norm_chart([norms_at(1, embeddings=1.0, block=2.0, head=3.0)])
    # Reversed: the first category is drawn at the top.
    assert figure.layout.yaxis.autorange == "reversed"
    assert [row[0] for row in figure.data[0].z] == pytest.approx(np.log10([1, 2, 3]), abs=1e-4)


def test_norms_that_have_no_logarithm_are_marked():
    journal = [norms_at(1, a=math.nan, b=0.0, c=1.0), norms_at(2, a=math.inf, b=1.0)]
    layers, _, norms, _ = gradient_norms(journal)
    assert np.isposinf(norms[0]).all() and norms[1, 0] == 0 and math.isnan(norms[2, 1])
    heat, zero, broken = norm_chart(journal).data
    assert heat.z[0] == (None, None) or list(heat.z[0]) == [None, None]
    assert (list(zero.x), list(zero.y)) == ([1], ["b"])
    assert (list(broken.x), list(broken.y)) == ([1, 2], ["a", "a"])


def test_many_records_keep_their_spikes():
    journal = [norms_at(step, a=1.0) for step in range(1, 1001)]
    journal[777] = norms_at(778, a=500.0)
    journal[10] = norms_at(11, a=math.nan)
    _, steps, norms, words = gradient_norms(journal)
    assert len(steps) <= COLUMNS
    assert sorted(set(norms[0])) == [1, 500, math.inf]
    assert "steps 776 to 780, the largest: 500" in words[0]


def test_a_layer_out_of_shape_is_left_out():
    _, _, norms, _ = gradient_norms(
        [{**norms_at(1, a=1.0), "layers": {"a": {"norm": "big"}, "b": 3, "c": {"norm": 2}}}]
    )
    assert np.isnan(norms[:2]).all() and norms[2, 0] == 2


def line(kind, step, **fields):
    return {"kind": kind, "step": step, "epoch": step / 10, **fields}


def test_losses_that_are_no_numbers_are_gaps_with_a_mark():
    journal = [line("train", 1, loss=0.5), line("train", 2, loss=math.nan), line("train", 3, loss=math.inf)]
    figure = loss_chart(journal, "step")
    assert list(figure.data[0].y) == [0.5, None, None]
    assert [shape.x0 for shape in figure.layout.shapes] == [2]
    assert figure.layout.annotations[0].text == "not finite"
    assert "NaN" not in figure.to_json()


def test_a_guarded_run_is_marked_once_and_by_the_axis_asked_for():
    journal = [line("train", 1, loss=math.nan), line("event", 2, event="non_finite"), line("event", 5, event="resume")]
    assert [shape.x0 for shape in loss_chart(journal, "epoch").layout.shapes] == [0.2, 0.5]


@pytest.mark.parametrize(("losses", "scale"), [([0.7, 0.1], None), ([0.001, 0.7], "log"), ([0.0, 0.7], None)])
def test_losses_of_many_sizes_get_a_log_scale(losses, scale):
    journal = [line("train", step, loss=loss) for step, loss in enumerate(losses, start=1)]
    assert loss_chart(journal, "step").layout.yaxis.type == scale


def test_metrics_without_figures_are_not_drawn():
    journal = [line("eval", 1, loss=1.0, accuracy=0.8, auc=math.nan, f1=0.5), line("eval", 2, loss=1.0, f1=0.6)]
    assert [trace.name for trace in metric_chart(journal, "step").data] == ["accuracy"]
    ring = f1_chart(journal).data[1]
    assert (list(ring.x), list(ring.y)) == ([0.2], [0.6])


def test_a_silent_run_without_metrics_is_not_finished(tmp_path):
    run = write_run(tmp_path / "run", finished=False)
    now = time.time()
    assert training.state_of(run, now) == "training"
    assert training.state_of(run, now + training.SILENCE + 1) == "not finished"
    finish(run.path)
    assert training.state_of(run, now + training.SILENCE + 1) == "finished"


def test_the_lock_tells_whether_a_run_lives(tmp_path):
    run = write_run(tmp_path / "run", finished=False)
    later = time.time() + training.SILENCE + 1
    with lock(run):
        assert training.state_of(run, later) == "training"
    assert training.state_of(run, time.time()) == "not finished"


def content(run, state="finished", silent=0):
    names = ["summary", "diagnosis", "incident", "incident_text", "loss", "metrics", "f1", "norms", "profile"]
    names.append("events")
    return SimpleNamespace(**dict(zip(names, training._content(run, state, "step", silent), strict=True)))


@pytest.mark.parametrize(
    ("minutes", "words"), [(12, "12 minutes"), (119, "119 minutes"), (121, "2 hours"), (9999, "6 days")]
)
def test_a_silent_run_says_for_how_long_and_what_may_be_wrong(tmp_path, minutes, words):
    run = write_run(tmp_path / "run", finished=False)
    assert f"No news for {words}: its process is there, but hangs" in content(run, "training", minutes).summary
    assert f"No news for {words}. Its process is gone: interrupted" in content(run, "not finished", minutes).summary
    assert "No news" not in content(run, "training").summary + content(run, "not finished").summary


def test_what_a_finished_run_says(tmp_path):
    shown = content(write_run(tmp_path / "run"))
    assert "On its test rows: accuracy 0.800 [0.700, 0.900], F1 0.800" in shown.summary
    assert "Lowest validation loss: 0.008, at step 60, epoch 3." in shown.summary
    assert "train begin" in shown.events
    assert "<strong>healthy</strong>: nothing" in shown.diagnosis.value and not shown.incident.visible
    assert not shown.profile.visible
    assert all(plot.visible for plot in (shown.loss, shown.metrics, shown.f1, shown.norms))


@pytest.mark.filterwarnings("ignore:.*is skipped")
def test_a_journal_of_broken_lines_is_read_as_far_as_it_goes(tmp_path):
    run = write_run(tmp_path / "run", finished=False)
    with open(run.journal, "a") as file:
        file.write('{"kind": "tra\n[]\n{"kind": "train", "step": 70, "epoch": null, "loss": "NaN"}\n{"kind": "ev')
    shown = content(run, "training")
    assert "step 70 of 60" in shown.summary and "2 broken lines" in shown.summary


def test_an_empty_journal_shows_no_charts(tmp_path):
    (tmp_path / "journal.jsonl").touch()
    shown = content(RunDirectory(tmp_path), "training")
    assert "step 0. " in shown.summary and "not been evaluated yet" in shown.summary
    assert not (shown.loss.visible or shown.metrics.visible or shown.f1.visible or shown.norms.visible)


def test_events_tell_what_happened_and_are_escaped(tmp_path):
    journal = [
        line("event", 1, event="resume", max_steps=9),
        line("event", 2, event="early_stopping", metric="eval_loss", best=0.25, best_step=1),
        line("event", 3, event="non_finite", quantity="gradient", layer="head", name=HOSTILE, value=math.nan),
        line("event", 3, event="epoch_grad_norms", layers={}),
    ]
    html = training._events(journal)
    assert "early stopping: metric eval_loss, best 0.25, best step 1" in html
    assert "the gradient of head (&lt;img" in html and "was NaN; no checkpoint was saved" in html
    assert "<img" not in html and html.count("<tr>") == 4


def write_overfitted(folder, *, finished=True):
    """A run whose validation loss is lowest at step 50 of 120, and rises since."""
    folder.mkdir(parents=True)
    journal = Journal(folder / "journal.jsonl")
    layers = {"embeddings": {"norm": 0.4}, "block.0": {"norm": 0.1}, "head": {"norm": 2.0}}
    for step in range(5, 121, 5):
        journal.write("grad_norms", step, step / 20, clipped=True, total=2.1, layers=layers)
        journal.write("train", step, step / 20, loss=0.7 * math.exp(-step / 60), learning_rate=1e-4, grad_norm=1.0)
        if step % 10 == 0:
            loss = 0.5 + (step - 50) ** 2 / 10_000
            journal.write("eval", step, step / 20, loss=loss, accuracy=0.8 - loss / 10, f1=0.8 - loss / 10)
    journal.close()
    if finished:
        finish(folder)
    return RunDirectory(folder)


def write_vanishing(folder):
    """A run whose gradient halves four times from layer to layer, and which learns nothing."""
    folder.mkdir(parents=True)
    journal = Journal(folder / "journal.jsonl")
    for step in range(10, 301, 10):
        layers = {f"block.{layer}": {"norm": 4.0 ** (layer - 9)} for layer in range(10)}
        journal.write("grad_norms", step, step / 100, clipped=False, total=1.1, layers=layers)
        journal.write("train", step, step / 100, loss=0.6931 + 1e-4 * (step % 3), learning_rate=1e-4, grad_norm=1.1)
    journal.close()
    finish(folder)
    return RunDirectory(folder)


def drawn(plot) -> dict:
    return json.loads(plot.value["plot"])


def onsets(plot) -> list:
    return [shape["x0"] for shape in drawn(plot)["layout"]["shapes"]]


def test_the_diagnosis_is_what_the_command_says(tmp_path, capsys):
    run = write_overfitted(tmp_path / "run")
    # What an earlier version of the log was judged to be does not matter.
    write_json(run.path / "diagnosis.json", {"schema": 1, "verdict": "plateau", "findings": []})
    shown = content(run)
    diagnose.main([str(run.path)])
    told = capsys.readouterr().out.splitlines()[0]
    assert told.startswith("overfitting since step 50 (epoch 2.5), severity")
    assert f"<strong>overfitting</strong>{told.removeprefix('overfitting')}</p>" in shown.diagnosis.value
    assert "<code>--early_stopping_patience" in shown.diagnosis.value
    assert all(onsets(plot) == [50] for plot in (shown.loss, shown.metrics))
    assert onsets(shown.f1) == [2.5]
    assert (
        shown.incident.visible and "Symptom" in shown.incident_text and 'download="incident.md"' in shown.incident_text
    )


def test_a_run_that_is_being_trained_is_not_said_to_be_undertrained(tmp_path):
    (tmp_path / "run").mkdir()
    run = RunDirectory(tmp_path / "run")
    journal = Journal(run.journal)
    for step in range(1, 41):
        journal.write("train", step, step / 10, loss=2 - step / 40, learning_rate=1e-4, grad_norm=1.0)
    journal.close()
    with lock(run):
        assert "<strong>healthy</strong>" in content(run, "training").diagnosis.value
    assert "<strong>undertrained</strong>" in content(run).diagnosis.value


def test_a_finding_of_gradients_gets_a_profile_by_depth(tmp_path):
    shown = content(write_vanishing(tmp_path / "run"))
    assert "<strong>vanishing gradients</strong>" in shown.diagnosis.value
    assert onsets(shown.norms)[0] == 10
    profile = drawn(shown.profile)
    assert [trace["name"] for trace in profile["data"]] == ["step 10", "step 160", "step 300"]
    assert profile["data"][2]["y"] == pytest.approx([4.0 ** (layer - 9) for layer in range(10)])
    assert profile["layout"]["yaxis"]["type"] == "log"


def finding(name, step, epoch):
    begun = None if step is None else Onset(step, epoch)
    return Finding(name=name, severity=0.5, confidence=0.9, onset=begun, evidence={}, causes=[])


def test_every_onset_has_a_line_and_a_name_of_its_own():
    journal = [line("train", step, loss=1 / step) for step in range(1, 11)]
    found = [
        finding(Name.OVERFITTING, 8, 0.8),
        finding(Name.OSCILLATION, 2, None),
        finding(Name.DEAD_UNITS, 8, 0.8),
        finding(Name.UNDERTRAINED, None, None),
    ]
    figure = loss_chart(journal, "step", found)
    assert [shape.x0 for shape in figure.layout.shapes] == [8, 2]
    names = figure.layout.annotations
    assert [each.text for each in names] == ["overfitting ▸", "◂ oscillation", "dead units ▸"]
    assert len({each.yshift for each in names}) == 3
    # The axes stay as high as they are without findings.
    plain = loss_chart(journal, "step")
    assert figure.layout.height - figure.layout.margin.t == plain.layout.height - plain.layout.margin.t
    assert [shape.x0 for shape in loss_chart(journal, "epoch", found).layout.shapes] == [0.8]


def test_layers_within_a_factor_of_ten_look_alike():
    heat = norm_chart([norms_at(1, a=1.0, b=2.0)]).data[0]
    assert (heat.zmin, heat.zmax) == pytest.approx((math.log10(2) - 3, math.log10(2)))
    deep = norm_chart([norms_at(1, a=1e-30, b=1.0)]).data[0]
    assert (deep.zmin, deep.zmax) == (-12, 0)
    assert profile_chart([norms_at(1, a=0.0, b=1.0)]).data[0].y == (None, 1.0)


def test_a_thousand_layers_fit_on_a_page():
    names = {f"model.encoder.layers.{number}.weight": 1.0 for number in range(1000)}
    figure = norm_chart([norms_at(1, **names)])
    assert figure.layout.height < 1000 and len(figure.layout.yaxis.tickvals) <= 24
    assert all(len(text) <= 19 for text in figure.layout.yaxis.ticktext)


@pytest.fixture
def address(tmp_path, monkeypatch):
    """Where the tab is served, with the runs under tmp_path; it looks again every half second."""
    monkeypatch.setattr(space.tabs, "TAB_NAMES", ("report", "training"))
    monkeypatch.setattr(training, "REFRESH", 0.5)
    page = build(Clinic("none", tmp_path))
    yield serve(page, wait=False)
    page.close()


def count_refreshes(page, seconds):
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/queue/join" in request.url else None)
    page.wait_for_timeout(1000 * seconds)
    return len(asked)


@pytest.mark.browser
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_finished_run_is_drawn(tmp_path, address, new_page, width, color_scheme):
    write_overfitted(tmp_path / "quick")
    page = new_page(width=width, color_scheme=color_scheme)
    page.goto(f"{address}?tab=training&run=quick")
    page.wait_for_selector(".js-plotly-plot .heatmaplayer image", state="attached")
    page.get_by_text("On its test rows").wait_for()
    assert page.locator(".headline").inner_text().startswith("overfitting since step 50 (epoch 2.5)")
    assert page.locator(".js-plotly-plot:visible").count() == 4
    assert page.locator(".js-plotly-plot .annotation-text", has_text="overfitting").count() == 4
    assert page.locator(".js-plotly-plot").first.locator(".scatterlayer .trace").count() == 2
    layers = page.locator(".js-plotly-plot").last.locator(".ytick text").all_text_contents()
    tops = [tick.bounding_box()["y"] for tick in page.locator(".js-plotly-plot").last.locator(".ytick text").all()]
    assert [name for _, name in sorted(zip(tops, layers, strict=True))] == ["embeddings", "block.0", "head"]

    heat = page.locator(".js-plotly-plot").last
    heat.scroll_into_view_if_needed()
    heat.locator(".heatmaplayer").first.hover(force=True)
    heat.locator(".hoverlayer text").first.wait_for()
    assert "block.0, step" in heat.locator(".hoverlayer").text_content()

    page.get_by_role("button", name="Incident report").click()
    page.get_by_text("Immediate mitigation:").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_label("epoch", exact=True).check()
    page.locator(".js-plotly-plot").first.locator(".xtitle", has_text="epoch").wait_for()
    page.screenshot(path=f"tests/screenshots/training-{width}-{color_scheme}.png", full_page=True)
    assert count_refreshes(page, 1.5) == 0


@pytest.mark.browser
def test_a_run_under_way_is_followed_until_it_ends(tmp_path, address, new_page):
    run = write_run(tmp_path / "live", finished=False)
    page = new_page()
    page.goto(f"{address}?tab=training&run=live")
    page.get_by_text("is training: step 60 of 60").wait_for()
    journal = Journal(run.journal)
    write_step(journal, 70, 3.5)
    journal.close()
    page.get_by_text("is training: step 70").wait_for()

    page.get_by_role("tab", name="Report").click()
    page.wait_for_timeout(1500)
    assert count_refreshes(page, 1.5) == 0
    page.get_by_role("tab", name="Training").click()
    page.wait_for_timeout(500)
    assert count_refreshes(page, 2) >= 2

    finish(run.path)
    page.get_by_text("is finished after 70 steps").wait_for()
    page.wait_for_timeout(1000)
    assert count_refreshes(page, 1.5) == 0


@pytest.mark.browser
def test_a_run_that_died_is_said_to_be_unfinished(tmp_path, address, new_page):
    run = write_run(tmp_path / "dead", finished=False)
    os.utime(run.journal, (time.time() - 9999,) * 2)
    page = new_page()
    page.goto(f"{address}?tab=training")
    page.get_by_text("is not finished: its journal ends at step 60 of 60. No news for 2 hours.").wait_for()
    assert count_refreshes(page, 1.5) == 0


@pytest.mark.browser
def test_a_path_is_no_run(tmp_path, address, new_page):
    write_run(tmp_path / "quick")
    page = new_page()
    page.goto(f"{address}?tab=training&run=../quick")
    page.get_by_text("there is no run '../quick' here").wait_for()


@pytest.mark.browser
def test_a_long_name_is_wrapped(tmp_path, address, new_page):
    name = "a_run_of_january_" * 12
    write_run(tmp_path / name)
    page = new_page(width=390)
    page.goto(f"{address}?tab=training")
    page.get_by_text(f"{name} is finished").wait_for()
    page.get_by_role("combobox", name="Run").locator("visible=true").click()
    option = page.get_by_role("option", name=name).bounding_box()
    assert option["x"] >= 0 and option["x"] + option["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
