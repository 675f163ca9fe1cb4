import csv
import os
import shutil
import time
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

import space.tabs
from cli.errors import UserError
from eval.run_directory import read_json, write_json
from eval.study_report import judge_study
from eval.study_sections import headline
from eval.units import unit_of
from space.app import build, serve
from space.clinic import Clinic
from space.studies import EXAMPLES, SILENCE, Studies, Study, metric_of, read_table, stamp_of, state_of
from space.study_charts import effect_chart, guard_chart, half_normal_chart, interaction_charts
from space.tabs import studies

HOSTILE = '<img src=x onerror="window.hacked = 1">'
METRIC = "test.accuracy"
PAIR = {"dropout": ["0.1", "none", "0.3"], "tuning": ["full", HOSTILE]}
ONCE = {name: ["no", "yes"] for name in ("residual", "norm", "mask", "rotary")}
REASON = "out of memory: <b>too large</b>"


def write_runs(folder, factors, seeds, value, *, cells=None, failed=()):
    """study.yaml and runs.csv as the study's command leaves them."""
    draw = np.random.default_rng(0)
    rows = []
    for cell, seed in product(cells or list(product(*factors.values())), range(seeds)):
        complete = (cell, seed) not in failed
        figures = {"seconds": 20.5, METRIC: value(*cell) + 0.01 * seed + draw.normal(0, 0.004)} if complete else {}
        known = {"cell": "+".join(cell), **dict(zip(factors, cell, strict=True)), "seed": seed}
        known |= {"status": "complete" if complete else "failed", "reason": "" if complete else REASON}
        rows.append(known | {"run": f"runs/{len(rows)}"} | figures)
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(folder / "runs.csv", index=False)
    (folder / "study.yaml").write_text(yaml.safe_dump({"metric": METRIC}))
    return folder


def pair_value(dropout, tuning):
    return 0.8 - 0.06 * (tuning != "full") + 0.05 * (dropout == "0.3") * (tuning != "full")


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Two finished studies: "pair", 3 x 2 with an interaction and two failed runs, and "once", 2^4 single runs."""
    folder = tmp_path_factory.mktemp("judged") / "studies"
    cells = list(product(*PAIR.values()))
    write_runs(folder / "pair", PAIR, 5, pair_value, failed=[(cells[1], 2), (cells[1], 3)])
    judge_study(folder / "pair", PAIR, METRIC)
    write_runs(folder / "once", ONCE, 1, lambda residual, *_: 0.7 + 0.1 * (residual == "yes"))
    judge_study(folder / "once", ONCE, METRIC)
    return folder


@pytest.fixture
def folder(judged, tmp_path):
    """The studies of a test, beside its runs."""
    return Path(shutil.copytree(judged, tmp_path / "studies"))


def found(folder, name="pair"):
    return Studies(folder).study(name)


def content(study, state="finished"):
    names = ["summary", "effects", "guards", "guards_plot"]
    names += [*(f"pair{number}" for number in range(studies.MOST_PAIRS)), "half_normal", "anova"]
    names += ["anova_text", "table", "download", "report", "report_page"]
    return SimpleNamespace(**dict(zip(names, studies._content(study, state), strict=True)))


def age(path, seconds):
    """Make a file this old."""
    os.utime(path, (time.time() - seconds,) * 2)


def test_studies_come_newest_first_and_then_the_examples(folder, tmp_path):
    age(folder / "once" / "study.yaml", 99)
    age(folder / "once" / "runs.csv", 99)
    for name in ("pair", "late", "early"):
        write_runs(tmp_path / "examples" / name, ONCE, 1, lambda *_: 0.5, cells=[("no",) * 4])
    (folder / "no study").mkdir()
    shelf = Studies(folder, tmp_path / "examples")
    assert shelf.names() == ["pair", "once", "early", "late", "pair (example)"]
    assert shelf.study("pair").path == folder / "pair" and not shelf.study("pair").example
    assert shelf.study("pair (example)").path == tmp_path / "examples" / "pair"


@pytest.mark.parametrize("name", ["../outside", "/etc", "pair/../../outside", "pair/", "nowhere", "", "."])
def test_nothing_outside_the_folders_can_be_named(folder, name):
    write_runs(folder.parent / "outside", ONCE, 1, lambda *_: 0.5, cells=[("no",) * 4])
    with pytest.raises(UserError, match="there is no study"):
        Studies(folder).study(name)


def test_studies_lie_beside_the_runs_unless_told_otherwise(tmp_path):
    assert Clinic("none", tmp_path / "runs").studies == tmp_path / "studies"
    assert Clinic("none", tmp_path / "runs", studies=tmp_path / "x").studies == tmp_path / "x"


def test_a_study_is_finished_when_the_results_of_all_its_runs_are_there(folder):
    study, now = found(folder), time.time()
    assert state_of(study, now) == state_of(study, now + 9 * SILENCE) == "finished"
    write_json(study.effects, read_json(study.effects) | {"missing": 3})
    assert state_of(study, now) == "running"
    assert state_of(study, now + 9 * SILENCE) == "not finished"
    study.effects.unlink()
    assert state_of(study, now) == "running"
    # A search has a file of its own.
    write_json(study.path / "search.json", {"schema": 1})
    assert state_of(study, now) == "finished"


def test_a_study_that_goes_on_is_running_again(folder):
    study, now = found(folder), time.time()
    age(study.effects, 500)
    assert state_of(study, now) == "running"
    for name in ("runs.csv", "study.yaml"):
        age(study.path / name, 2 * SILENCE)
    age(study.effects, 4 * SILENCE)
    assert state_of(study, now) == "not finished"
    # The sign of life of a run that takes long.
    run = study.path / "runs" / "long"
    run.mkdir(parents=True)
    (run / "journal.jsonl").touch()
    assert state_of(study, now) == "running"
    # What was copied with the project says nothing by its times.
    assert state_of(Study("pair", study.path, True), now) == "finished"


def test_the_stamp_changes_with_every_table(folder):
    study, now = found(folder), time.time()
    before = stamp_of(study, now)
    assert stamp_of(study, now) == before
    age(study.runs, 1)
    assert stamp_of(study, now) != before


def test_the_table_is_read_as_it_was_written(folder):
    table = read_table(folder / "pair" / "runs.csv")
    assert table.factors == ["dropout", "tuning"] and table.metrics == [METRIC]
    assert {row["dropout"] for row in table.rows} == {"0.1", "none", "0.3"}
    assert len(table.rows) == 30


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column 'seed'"),
        ("cell,seed\na,0\n", "no column 'status'"),
        ("seed,status\n0,complete,1\n", "row 1 .* not as long"),
        ("seed,status\n0,complete\n1\n", "row 2 .* not as long"),
        ('seed,status\n0,"complete\n', "not valid CSV"),
        (b"seed,status\n0,\xff\n", "not valid CSV"),
    ],
)
def test_what_is_no_table_of_runs_is_one_line(tmp_path, text, message):
    path = tmp_path / "runs.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=message) as caught:
        read_table(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "metric"),
    [
        ("metric: test.f1", "test.f1"),
        ("metric: test.auc", "validation.loss"),
        ("metric: [1]", "validation.loss"),
        ("- a list", "validation.loss"),
        ("{broken", "validation.loss"),
        (None, "validation.loss"),
    ],
)
def test_a_study_under_way_is_about_the_metric_of_its_definition(tmp_path, settings, metric):
    (tmp_path / "runs.csv").write_text("a.b,seed,status,validation.loss,test.f1\nx,0,complete,1,2\n")
    if settings:
        (tmp_path / "study.yaml").write_text(settings)
    assert metric_of(Study("x", tmp_path, False), read_table(tmp_path / "runs.csv")) == metric


def test_the_download_holds_every_cell_and_no_formula(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text('rate,seed,status,test.mcc\n=1+1,0,complete,-0.25\n"a,b",1,failed,\n-x,2,complete,+1e-3\n')
    rows = list(csv.reader(studies.runs_csv(read_table(path)).splitlines()))
    assert rows[0] == ["rate", "seed", "status", "test.mcc"]
    assert [row[0] for row in rows[1:]] == ["'=1+1", "a,b", "'-x"]
    assert [row[3] for row in rows[1:]] == ["-0.25", "", "0.001"]


def test_the_effect_chart_draws_what_effects_json_says(folder):
    data = read_json(folder / "pair" / "effects.json")
    figure = effect_chart(data, unit_of(METRIC, 0.01))
    drawn = {}
    for trace in figure.data:
        if trace.name != "one seed":
            reach = zip(trace.x, trace.error_x.arrayminus, trace.error_x.array, strict=True)
            drawn |= {y: [x - low, x, x + high] for y, (x, low, high) in zip(trace.y, reach, strict=True)}
    for y, effect in enumerate(data["effects"]):
        estimate = effect["estimate"]
        assert drawn[y] == pytest.approx([100 * estimate[key] for key in ("low", "value", "high")])
    seeds = next(trace for trace in figure.data if trace.name == "one seed")
    assert len(seeds.x) == sum(len(effect["differences"]) for effect in data["effects"])
    band = figure.layout.shapes[0]
    assert (band.x0, band.x1) == (-1, 1)
    assert "<img" not in figure.to_json()


def test_a_level_without_runs_is_named_in_the_chart(folder):
    data = read_json(folder / "pair" / "effects.json")
    empty = {"value": None, "low": None, "high": None, "n": 0}
    data["effects"][0] |= {"estimate": empty, "differences": [], "verdict": "not_resolvable"}
    figure = effect_chart(data, unit_of(METRIC, 0.01))
    assert [note.text for note in figure.layout.annotations] == ["no run to compare"]
    assert len(figure.layout.yaxis.ticktext) == 3


def test_interactions_share_their_scale_and_leave_gaps(folder):
    data = read_json(folder / "once" / "effects.json")
    charts = interaction_charts(data, 3)
    assert len(charts) == 3 and len({chart.layout.yaxis.range for chart in charts}) == 1
    (chart,) = interaction_charts(read_json(folder / "pair" / "effects.json"), 3)
    pair = read_json(folder / "pair" / "effects.json")["pair_means"][0]
    assert [list(trace.y) for trace in chart.data] == [list(level) for level in zip(*pair["means"], strict=True)]
    data["pair_means"][0]["means"][0][0] = None
    gap = next(
        chart
        for chart in interaction_charts(data, 9)
        if chart.layout.title.text == " × ".join(data["pair_means"][0]["factors"])
    )
    assert gap.data[0].y[0] is None


def test_the_half_normal_chart_names_what_stands_out(folder):
    data = read_json(folder / "once" / "effects.json")
    figure = half_normal_chart(data, unit_of(METRIC, 0.01))
    assert len(figure.data[-1].x) == 15 and "residual" in [note.text for note in figure.layout.annotations]


def test_what_a_finished_study_says(folder):
    shown = content(found(folder))
    data = read_json(folder / "pair" / "effects.json")
    assert "<strong>pair</strong> is finished: 30 runs, 28 complete, 2 failed." in shown.summary
    assert headline(data).partition(HOSTILE)[0] in shown.summary
    assert shown.summary.count("<tr>") == 1 + 3 and "hurts on average; depends on dropout" in shown.summary
    assert "would be found in 80%" in shown.summary and "<img" not in shown.summary
    assert shown.effects.visible and shown.pair0.visible and not shown.pair1.visible and not shown.half_normal.visible
    assert "sum of squares" in shown.anova_text and "<img" not in shown.anova_text
    assert not shown.report.open and shown.report_page.startswith('<iframe class="document" sandbox')


def guarded(study, *guards):
    """The study with guards: those of the calibration, changed."""
    shipped = read_json(EXAMPLES / "calibration" / "effects.json")["guards"]
    write_json(study.effects, read_json(study.effects) | {"guards": [shipped[1] | change for change in guards]})
    return study


def test_guards_have_a_table_and_a_chart(folder):
    bare = content(found(folder))
    assert not bare.guards.visible and not bare.guards.value and not bare.guards_plot.visible
    lost = {"estimate": {"value": None, "low": None, "high": None, "n": 0}, "differences": [], "verdict": "open"}
    worse = {"estimate": {"value": 0.03, "low": 0.02, "high": 0.04, "n": 6}, "verdict": "broken", "level": HOSTILE}
    study = guarded(found(folder), {}, worse, lost)
    shown = content(study)
    assert shown.guards.visible and shown.guards_plot.visible and shown.effects.visible
    table = shown.guards.value
    assert table.count("<tr>") == 1 + 3 and "<img" not in table
    error = read_json(study.effects)["guards"][0]["estimate"]
    interval = "{value:+.1f} [{low:+.1f}, {high:+.1f}] points".format(**{k: 100 * v for k, v in error.items()})
    for words in ("calibration error may rise by 1.0 points at most", interval, "▼</span> broken"):
        assert words in table
    assert "open: no run of it is left to compare" in table


def test_the_guard_chart_draws_losses_against_what_is_allowed(folder):
    (error,) = read_json(guarded(found(folder), {}).effects)["guards"]
    estimate = error["estimate"]
    gain = error | {"figure": "test.accuracy", "higher_is_better": True, "margin": 0.02, "level": HOSTILE}
    loss = error | {"figure": "test.log_loss", "verdict": "open", "factor": "other"}
    figure = guard_chart([error, gain, loss])
    assert [axis.title.text for axis in figure.select_xaxes()] == ["points worse", "test log loss, worse by"]
    held, rose = (next(figure.select_traces(dict(name=name))) for name in ("held", "open"))
    value = estimate["value"]
    assert list(held.x) == pytest.approx([100 * value, -100 * value]) and list(rose.x) == pytest.approx([value])
    low, high = (100 * (value - estimate["low"]), 100 * (estimate["high"] - value))
    assert held.error_x.arrayminus == pytest.approx([low, high]) and held.error_x.array == pytest.approx([high, low])
    allowed = [list(trace.x) for trace in figure.select_traces(dict(name="allowed up to"))]
    assert allowed == [[1, 2], [0.01]]
    shades = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert [shade.x1 for shade in shades] == [1, 2, 0.01]
    assert [shade.x0 for shade in shades] == [figure.layout.xaxis.range[0]] * 2 + [figure.layout.xaxis2.range[0]]
    assert [trace.name for trace in figure.data if trace.showlegend] == ["one seed", "allowed up to", "held", "open"]
    assert "<img" not in figure.to_json() and figure.layout.yaxis.ticktext[0].endswith("<br>answers: calibrated")


@pytest.mark.parametrize("value", [None, 7, "x", [{}], {"a": 1}, [{"verdict": "lost"}]])
def test_guards_out_of_shape_break_nothing(folder, value):
    study = found(folder)
    write_json(study.effects, read_json(study.effects) | {"guards": value})
    assert "<strong>pair</strong> is finished" in content(study).summary


def test_failed_runs_stand_in_the_table_with_their_reason(folder):
    value = content(found(folder)).table.value
    assert value["headers"] == ["dropout", "tuning", "seed", METRIC, "seconds", "status"]
    failed = [row for row in value["data"] if row[-1] != "complete"]
    assert [row[-1] for row in failed] == [f"✗ failed: {REASON}"] * 2 and failed[0][3] is None
    styles = value["metadata"]["styling"]
    assert [bool(style[0]) for style in styles] == [row[-1] != "complete" for row in value["data"]]


def test_single_runs_get_a_half_normal_plot(folder):
    shown = content(found(folder, "once"))
    assert shown.half_normal.visible and shown.pair2.visible and "without replicates" in shown.anova_text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is not valid JSON"),
        ("[]", "is not of schema 1"),
        ('{"schema": 99}', "is not of schema 1"),
        ('{"schema": 1}', "out of shape"),
        ('{"schema": 1, "design": 3, "effects": [{}]}', "out of shape"),
    ],
)
def test_broken_effects_are_one_line_and_the_runs_are_shown(folder, text, told):
    study = found(folder)
    study.effects.write_text(text)
    shown = content(study)
    assert told in shown.summary and shown.summary.count("<p>") == 2
    assert shown.table.visible and not shown.effects.visible and shown.report.open


@pytest.mark.parametrize("key", ["effects", "resolution", "factors", "interactions", "pair_means", "anova", "margin"])
@pytest.mark.parametrize("value", [None, 7, "x", [{}], {"a": 1}])
def test_effects_out_of_shape_break_nothing(folder, key, value):
    study = found(folder)
    write_json(study.effects, read_json(study.effects) | {key: value})
    assert "<strong>pair</strong> is finished" in content(study).summary


def test_a_broken_table_is_one_line_and_the_verdicts_are_shown(folder):
    study = found(folder)
    study.runs.write_text("seed\n")
    shown = content(study)
    assert "no run to show yet" in shown.summary and "no column &#x27;status&#x27;" in shown.summary
    assert shown.effects.visible and not shown.table.visible


def test_a_search_shows_its_runs_and_its_report(tmp_path):
    path = write_runs(tmp_path / "search", {"rate": []}, 1, lambda _: 0.7, cells=[("1e-4",), ("0.00025",)])
    for name, data in (
        ("search.json", {"best": 1}),
        ("effects.json", {"schema": 1, "design": "search", "metric": METRIC}),
    ):
        write_json(path / name, data)
        (path / "report.html").write_text(f"<h1>Found</h1>{HOSTILE}")
        shown = content(found(tmp_path, "search"))
        (path / name).unlink()
        assert shown.summary == "<p><strong>search</strong> is finished: 2 runs, all complete.</p>"
        assert shown.report.open and "&lt;h1&gt;Found" in shown.report_page
        assert not shown.effects.visible and not shown.anova.visible
        assert shown.table.datatype[0] == "number"
        assert [row[0] for row in shown.table.value["data"]] == [1e-4, 2.5e-4]
        assert [row[0] for row in shown.table.value["metadata"]["display_value"]] == ["1e-4", "0.00025"]


def test_committed_examples_are_whole():
    for path in EXAMPLES.glob("*/"):
        shown = content(Study(path.name, path, True))
        assert shown.table.visible and "run the study&#x27;s command again" not in shown.summary


@pytest.fixture
def address(tmp_path, monkeypatch):
    """Where the tab is served, with the studies under tmp_path; it looks again every half second."""
    monkeypatch.setattr(space.tabs, "TAB_NAMES", ("report", "studies"))
    monkeypatch.setattr(studies, "REFRESH", 0.5)
    page = build(Clinic("none", tmp_path / "runs"))
    yield serve(page, wait=False)
    page.close()


def count_events(page, seconds):
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/queue/join" in request.url else None)
    page.wait_for_timeout(1000 * seconds)
    return len(asked)


# In one go: Plotly draws a chart anew while the page finds its width.
AXIS_TITLES_INSIDE = """() => [...document.querySelectorAll(".js-plotly-plot")].every(it => {
    const frame = it.getBoundingClientRect(), title = it.querySelector(".xtitle")?.getBoundingClientRect()
    return !it.offsetParent || (title && frame.left <= title.left && title.right <= frame.right)
})"""


@pytest.mark.browser
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_finished_study_is_drawn(folder, address, new_page, width, color_scheme):
    page = new_page(width=width, color_scheme=color_scheme)
    page.goto(f"{address}?tab=studies&study=pair")
    page.locator("table.study").wait_for()
    page.locator(".js-plotly-plot:visible").nth(1).locator(".scatterlayer .trace").nth(1).wait_for(state="attached")
    assert page.locator(".js-plotly-plot:visible").count() == 2
    effects, pair = (page.locator(".js-plotly-plot:visible").nth(number) for number in (0, 1))
    assert effects.locator(".xerror").count() == 3
    assert effects.locator(".ytick text").count() == 3 and effects.locator(".shapelayer path").count() >= 1
    assert pair.locator(".scatterlayer .point").count() == 6
    assert effects.locator(".ytick text").all_text_contents()[2].startswith("tuning<img src=x")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.wait_for_function(AXIS_TITLES_INSIDE)

    pair.scroll_into_view_if_needed()
    pair.locator(".scatterlayer .point").first.hover(force=True)
    pair.locator(".hoverlayer text").first.wait_for()
    assert "dropout 0.1, tuning full: 0.8" in pair.locator(".hoverlayer").text_content()

    page.get_by_role("button", name="Analysis of variance").click()
    page.get_by_text("sum of squares").wait_for()
    page.get_by_role("button", name="The whole report").click()
    page.frame_locator("iframe.document").get_by_role("heading", level=1).wait_for()
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=f"tests/screenshots/studies-{width}-{color_scheme}.png", full_page=True)
    # A finished study is not asked for again.
    assert count_events(page, 1.5) == 0


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_the_guards_of_a_study_are_drawn(folder, address, new_page, width):
    page = new_page(width=width, color_scheme="dark" if width == 390 else "light")
    page.goto(f"{address}?tab=studies&study=calibration")
    table, drawn = page.locator("table.guards"), page.locator(".js-plotly-plot:visible")
    drawn.nth(1).locator(".xerror").nth(2).wait_for(state="attached")
    assert table.locator("tbody tr").count() == 3 and table.get_by_text("held").count() == 3
    assert drawn.nth(1).locator(".ytick text").count() == 3
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.wait_for_function(AXIS_TITLES_INSIDE)
    drawn.nth(1).scroll_into_view_if_needed()
    drawn.nth(1).locator(".scatterlayer .trace").last.locator(".point").nth(1).hover(force=True)
    drawn.nth(1).locator(".hoverlayer text").first.wait_for()
    assert "points where +1.0 is allowed" in drawn.nth(1).locator(".hoverlayer").text_content()
    page.screenshot(path=f"tests/screenshots/studies-guards-{width}.png", full_page=True)
    page.get_by_role("combobox", name="Study").click()
    page.get_by_role("option", name="pair", exact=True).click()
    page.get_by_text("pair is finished").wait_for()
    table.wait_for(state="detached")
    assert drawn.count() == 2 and page.get_by_text("Guards").count() == 0


@pytest.mark.browser
def test_the_runs_can_be_sorted_and_saved(folder, address, new_page):
    page = new_page()
    page.goto(f"{address}?tab=studies&study=pair")
    rows = page.locator(".answers .virtual-row")
    rows.nth(5).wait_for()

    def cells():
        return [row.locator(".body-cell").all_inner_texts() for row in rows.all()]

    failed = rows.filter(has_text="failed: out of memory: <b>too large</b>").first
    assert failed.locator(".body-cell").first.evaluate("cell => getComputedStyle(cell).opacity") < "1"
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download runs.csv").click()
    assert saved.value.suggested_filename == "pair-runs.csv"
    with open(saved.value.path(), newline="") as file, open(folder / "pair" / "runs.csv", newline="") as original:
        assert list(csv.reader(file)) == list(csv.reader(original))
    seeds = [row[2] for row in cells()]
    page.locator(".answers th", has_text="seed").locator("visible=true").hover()
    page.locator(".answers th", has_text="seed").locator("[aria-label='Open cell menu']").click()
    page.get_by_text("Sort descending").click()
    page.wait_for_function("document.querySelector('.answers .virtual-row .body-cell:nth-child(3)').innerText === '4'")
    assert seeds[:6] == ["0", "1", "2", "3", "4", "0"] and [row[2] for row in cells()][:6] == ["4"] * 6


@pytest.mark.browser
def test_a_study_under_way_is_followed_until_it_ends(tmp_path, address, new_page):
    path, cells = tmp_path / "studies" / "live", list(product(*PAIR.values()))
    path.mkdir(parents=True)
    (path / "study.yaml").write_text(yaml.safe_dump({"metric": METRIC}))
    page = new_page()
    page.goto(f"{address}?tab=studies")
    page.get_by_text("is running: no run to show yet").wait_for()
    write_runs(path, PAIR, 2, pair_value, cells=cells[:2])
    page.get_by_text("is running: 4 runs, all complete").wait_for()
    page.locator(".answers .virtual-row", has_text="complete").first.wait_for()

    page.get_by_role("tab", name="Report").click()
    page.wait_for_timeout(1500)
    assert count_events(page, 1.5) == 0
    page.get_by_role("tab", name="Studies").click()
    write_runs(path, PAIR, 5, pair_value)
    judge_study(path, PAIR, METRIC)
    page.get_by_text("is finished: 30 runs, all complete").wait_for()
    page.locator(".js-plotly-plot:visible .xerror").first.wait_for(state="attached")
    page.wait_for_timeout(1000)
    assert count_events(page, 1.5) == 0


@pytest.mark.browser
def test_a_study_is_chosen_and_stands_in_the_address(folder, address, new_page):
    page = new_page()
    page.goto(f"{address}?tab=studies&study=../pair")
    page.get_by_text("there is no study '../pair' here").wait_for()
    page.get_by_role("combobox", name="Study").click()
    page.get_by_role("option", name="once", exact=True).click()
    page.locator(".js-plotly-plot:visible").nth(4).wait_for()
    assert page.locator(".js-plotly-plot:visible").nth(4).locator(".scatterlayer .point").count() == 15
    page.wait_for_url(lambda url: url.endswith("?tab=studies&study=once"))


@pytest.mark.browser
def test_without_studies_it_says_how_to_make_one(tmp_path, monkeypatch, address, new_page):
    monkeypatch.setattr(Studies, "names", lambda self: [])
    page = new_page()
    page.goto(f"{address}?tab=studies")
    page.get_by_text("No study yet").wait_for()
    assert page.locator("code", has_text="python train/study.py").count() == 1
