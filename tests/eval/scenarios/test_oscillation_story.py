"""The story of oscillation follows its traces: what they do not say, it does not say."""

import json

import numpy as np
import pandas as pd
import pytest

from eval.pages import png
from eval.plots.rates import draw_rates
from eval.run_directory import Journal, RunDirectory, write_json
from eval.scenarios.oscillation import CURE, OUTCOMES, SIGNALS, gather, story
from eval.scenarios.traces import Traces
from eval.treatment.causes import judge_factorial
from eval.treatment.cure import judge_cure
from eval.treatment.document import document
from train.config import resolve, save_config

LEVELS = {"rate": ["as_it_was", "lower"], "batch": ["as_it_was", "larger"]}
WORDS = {"baseline": "as it was", "batch=larger": "larger batches", "rate=lower": "a lower rate"}
WORDS["rate=lower,batch=larger"] = "both"
LAYERS = ("embeddings", "block.0", "head")
RATES = (0.004, 0.1, 2.5)


def cells(swings, seeds, generator):
    """A row a run: each arm's swing with some spread, about a level of 1."""
    arms = zip(WORDS, [(a, b) for a in LEVELS["rate"] for b in LEVELS["batch"]], strict=True)
    return pd.DataFrame(
        [
            {
                "cell": cell,
                "rate": rate,
                "batch": batch,
                "seed": seed,
                "symptom": swings[cell] > 0.3,
                "swing": swings[cell] * np.exp(0.1 * generator.normal()),
                "validation_level": 1.0,
            }
            for cell, (rate, batch) in arms
            for seed in seeds
        ]
    )


def write_traces(folder, swings, momentum=lambda rate, beta: 0.003 * rate / (1 - beta), cured=True):
    generator = np.random.default_rng(0)
    folder.mkdir()
    settings = {"model": "deep_mlp", "max_steps": 90, "learning_rate": 2.5, "optim": "sgd", "eval_steps": 3}
    save_config(RunDirectory(folder), resolve(settings | {"output_dir": str(folder)}, [], where="a", name="b")[2])
    journal = Journal(folder / "journal.jsonl")
    for step in range(3, 93, 3):
        jump = 0.9 * (-1) ** (step // 3) + 0.1 * generator.normal()
        journal.write("train", step, step / 30, loss=1.5 + 0.9 * jump, learning_rate=2.5)
        accuracy = 0.5 + 0.2 * (-1) ** (step // 3)
        journal.write("eval", step, step / 30, loss=1.5 + jump, accuracy=accuracy, f1=accuracy)
    journal.close()
    experiment, cure = (cells(swings, seeds, generator) for seeds in ((1, 2, 3), (11, 12, 13, 14)))
    cause = judge_factorial(experiment, LEVELS, lowered=8, enlarged=8)
    remedy = cause.remedy if cured else None
    judged = judge_cure(cure, "swing", control="baseline", remedy=remedy) if remedy else None
    told = {"question": "Rate or noise?", "words": WORDS, "flags": {"rate=lower": "--learning_rate 0.3"}}
    written = document(finding="oscillation", cause=cause, cure=judged, budget={}, command="x", **told)
    write_json(folder / "treatment.json", written)
    write_json(folder / "scenario.json", {"number": 2, "run": "run", "command": "x", "seconds": {}, "cores": 2})
    both = pd.concat([experiment.assign(phase="experiment"), cure.assign(phase="cure")])
    both.to_csv(folder / "cells.csv", index=False)
    runs = [
        {"study": "momentum", "momentum": beta, "learning_rate": rate, "seed": seed, "swing": momentum(rate, beta)}
        for beta in (0, 0.9, 0.99)
        for rate in RATES
        for seed in (0, 1)
    ]
    best = {"sgd": 0.1, "momentum": 0.1, "rmsprop": 0.004, "adam": 0.004}
    runs += [
        {"study": "optimisers", "optimiser": name, "learning_rate": rate, "seed": 0, "swing": 0.01}
        | {"validation_loss": 0.6 + 0.2 * abs(np.log10(rate / good))}
        for name, good in best.items()
        for rate in RATES
    ]
    outcomes = pd.DataFrame(runs)
    outcomes.assign(validation_level=0.65).fillna({"validation_loss": 0.65}).to_csv(folder / OUTCOMES, index=False)
    pd.DataFrame(
        [
            {"optimiser": name, "learning_rate": rate, "seed": 0, "step": step, "layer": layer, "update_norm": 1.0}
            | {key: rate * size for key in ("effective_step", "effective_step_low", "effective_step_high")}
            | {"root_second_moment": 1 / size if name in ("rmsprop", "adam") else None}
            for name in best
            for rate in RATES
            for step in (1, 30, 60)
            for layer, size in zip(LAYERS, (50, 5, 2) if name in ("rmsprop", "adam") else (1, 1, 1), strict=True)
        ]
    ).to_csv(folder / SIGNALS, index=False)
    kept = [
        {"arm": row["cell"], "seed": row["seed"], "validation": {"step": [12, 24, 36], "value": [0.7, 0.6, last]}}
        | {"moved": {"update": 4 * last, "gradient": last}}
        for row in cure.to_dict("records")
        if row["cell"] in ("baseline", "rate=lower")
        for last in [0.5 + 0.001 * row["seed"] + row["swing"]]
    ]
    (folder / CURE).write_text(json.dumps(kept))
    return Traces(folder)


RATE = {"baseline": 1.0, "batch=larger": 0.9, "rate=lower": 0.03, "rate=lower,batch=larger": 0.025}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return story(write_traces(tmp_path_factory.mktemp("story") / "2-oscillation", RATE))


def text_of(section):
    return " ".join(section.text.split())


@pytest.mark.slow
def test_the_sections_stand_in_their_order_and_every_picture_can_be_drawn(told):
    headings = [section.heading for section in told.sections]
    asked = ("What happens, and where", "Which cause, and why not the others", "What to do today")
    asked += ("What to look at next week", "What would confirm it")
    assert [heading for heading in headings if heading in asked] == list(asked)
    names = [picture.name for section in told.sections for picture in section.pictures]
    assert len(names) == len(set(names)) == 8
    for section in told.sections:
        assert all(png(picture.draw()) for picture in section.pictures)


def test_the_rate_is_named_where_the_experiment_names_it(told):
    cause = text_of(told.sections[1])
    assert "**The learning rate is too high for the curvature.**" in cause
    assert "gradients too noisy: refuted" in cause
    assert "the learning rate is too high" in told.lead and told.lead.endswith("cured.")
    assert "--learning_rate 0.3" in told.sections[4].text


def test_momentum_is_called_sensitive_to_both_only_where_both_matter(tmp_path, told):
    assert told.sections[2].heading == "Momentum does not spare the choice"
    assert "with β = 0 up to 2.5; with β = 0.9 up to 0.1; with β = 0.99 up to 0.004" in text_of(told.sections[2])
    only_rate = story(write_traces(tmp_path / "traces", RATE, momentum=lambda rate, beta: 0.003 * rate))
    assert only_rate.sections[2].heading == "Momentum"
    assert "only one of the two matters" in text_of(only_rate.sections[2])


def test_the_mechanism_is_read_from_the_logged_signals(told):
    text = text_of(told.sections[3])
    assert "| adam | 0.004 | 0.600 | 0.010 | 0.004 to 0.004 | 1 of 3 |" in text
    assert "sgd multiplies the gradient of every layer by the same 0.1." in text
    assert "adam goes 25 times as far for the same gradient in embeddings as in head." in text
    assert "Each is low at 1 of the rates" in text


def test_signals_that_tell_every_mended_run_are_named(told):
    text = text_of(told.sections[-1])
    assert "Told apart in every run: swing of the validation loss, last validation loss" in text


def test_nothing_is_promised_where_nothing_was_cured(tmp_path):
    calm = dict.fromkeys(WORDS, 0.01)
    found = story(write_traces(tmp_path / "traces", calm, cured=False))
    assert "No cause is confirmed" in found.lead and "No remedy was found" in found.lead
    assert "No arm helped" in found.sections[4].text
    assert not found.sections[4].pictures


def test_gathering_reads_journals_of_runs_that_broke_off_too(tmp_path):
    study = tmp_path / "studies" / "optimisers"
    rows = []
    for rate, last in ((0.1, 0.6), (2.5, float("nan"))):
        journal = Journal(study / f"runs/{rate}" / "journal.jsonl")
        for step in range(1, 13):
            journal.write("train", step, 0.1 * step, loss=last, learning_rate=rate)
            journal.write("eval", step, 0.1 * step, loss=0.6 + 0.01 * (step % 2), accuracy=0.6)
            layers = {"head": {"effective_step": rate, "update_norm": 1.0}}
            journal.write("optimizer_signals", step, 0.1 * step, layers=layers)
        journal.close()
        (study / f"runs/{rate}" / "config.yaml").write_text("learning_rate: 0.1\n")
        rows.append({"optimiser": "sgd", "learning_rate": rate, "seed": 0, "run": f"runs/{rate}"})
    pd.DataFrame(rows).to_csv(study / "runs.csv", index=False)
    files = gather(tmp_path)
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    runs = pd.read_csv(tmp_path / OUTCOMES)
    assert runs["diverged"].tolist() == [0, 1]
    signals = pd.read_csv(tmp_path / SIGNALS)
    assert signals["step"].tolist() == [1, 3, 5, 7, 9, 11] * 2 and set(signals["effective_step"]) == {0.1, 2.5}


def test_runs_that_broke_off_stand_at_the_cut():
    [axes] = draw_rates({"sgd": [(0.1, 0.5), (2.5, np.nan), (0.1, 0.7)]}, "loss", most=3.0).axes
    line = next(line for line in axes.lines if line.get_label() == "sgd")
    assert list(line.get_xdata()) == [0.1, 2.5] and list(line.get_ydata()) == [0.6, 3.0]
    assert "cut at 3" in axes.get_title(loc="left")
