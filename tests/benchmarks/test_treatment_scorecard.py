"""The scorecard of causes: what is planted can be trained, labels are checked, and the score counts as it says."""

import csv
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.treatment import treating
from benchmarks.treatment.cohort import HEALTHY_RUNS, SICK_RUNS, candidates, chosen, label_of, reasons, why_not
from benchmarks.treatment.recipes import BASES, CAUSES, HEALTHY, TIMES, TWIN
from benchmarks.treatment.treating import RUN, SEEDS, TREATED, planned, tell_cause, train_and_look
from benchmarks.treatment_scorecard import ARMS, row_of, scored, work_off, write_rows
from eval.treatment.causes import BOTH, NOISE, NOT_CONFIRMED, RATE
from train.config import resolve

CALM = {"swing": 0.01, "level": 0.7, "best": 0.6, "oscillation": False}
WILD = CALM | {"swing": 0.5}


def seen(**wild) -> dict:
    """What was looked at where of each base these, {base: planted that swing}, are no calm ones."""
    return {
        f"{base}-{planted}": WILD if planted in wild.get(base, ()) else CALM
        for base in BASES
        for planted in (HEALTHY, *CAUSES, TWIN)
    }


def test_what_is_planted_is_all_that_differs():
    runs = candidates()
    for name, base in BASES.items():
        healthy = runs[f"{name}-{HEALTHY}"]
        changed = {
            planted: {key for key, value in runs[f"{name}-{planted}"].items() if value != healthy[key]}
            for planted in (*CAUSES, TWIN)
        }
        rate, batch = {"learning_rate"}, {"per_device_train_batch_size"}
        assert changed == {"rate": rate, "batch": batch, "both": rate | batch, TWIN: rate | batch}
        assert runs[f"{name}-{TWIN}"]["per_device_train_batch_size"] == TIMES * base.batch
        assert runs[f"{name}-batch"]["per_device_train_batch_size"] <= 4 and base.times >= 10
        assert healthy["eval_steps"] % 2 == 1


def test_every_candidate_can_be_trained():
    for settings in candidates().values():
        resolve(settings | {"output_dir": "unused"}, [], where="a recipe", name="scorecard")


def test_no_two_bases_share_a_seed():
    for seed in (0, 1000):
        first = [settings["seed"] for key, settings in candidates(seed).items() if key.endswith(HEALTHY)]
        # A treatment takes the seeds that follow.
        assert min(b - a for a, b in zip(first, first[1:], strict=False)) > SEEDS


def test_a_label_holds_where_runs_with_and_without_the_cause_say_so():
    base = next(iter(BASES))
    every = ("rate", "batch", "both", TWIN)
    good = seen(**{base: every})
    assert not any(why_not(f"{base}-{planted}", good) for planted in (*CAUSES, HEALTHY))
    assert "without anything planted" in why_not(f"{base}-rate", seen(**{base: (*every, HEALTHY)}))
    dead = good | {f"{base}-{HEALTHY}": CALM | {"best": 0.69}}
    assert why_not(f"{base}-rate", dead) == "it learns nothing without anything planted"
    noisy = seen(**{base: ("rate", "batch", "both")})
    assert why_not(f"{base}-rate", noisy) == "calm with the rate with larger batches"
    assert why_not(f"{base}-both", noisy) is None
    assert why_not(f"{base}-both", seen(**{base: ("rate", "both")})) == "calm with the batch alone"
    # Half a swing is one where a detector says so, too.
    faint = {"swing": 0.1, "level": 0.7, "oscillation": False}
    assert why_not(f"{base}-batch", good | {f"{base}-batch": faint}) == "calm with the batch alone"
    assert why_not(f"{base}-batch", good | {f"{base}-batch": faint | {"oscillation": True}}) is None
    lost = {"swing": float("nan"), "level": float("nan"), "oscillation": False}
    assert why_not(f"{base}-batch", good | {f"{base}-batch": lost}) is not None


def test_the_first_whose_label_holds_are_scored():
    every = ("rate", "batch", "both", TWIN)
    looked = seen(**dict.fromkeys(BASES, every))
    keys = chosen(looked)
    assert (len(keys), SICK_RUNS, HEALTHY_RUNS) == (30, 20, 10)
    assert {label: sum(label_of(key) == label for key in keys) for label in (RATE, NOISE, BOTH, NOT_CONFIRMED)} == {
        RATE: 7,
        NOISE: 7,
        BOTH: 6,
        NOT_CONFIRMED: 10,
    }
    first = next(iter(BASES))
    looked |= {f"{first}-rate": CALM}
    assert f"{first}-rate" not in chosen(looked) and f"{first}-batch" in chosen(looked)
    assert len(chosen(looked)) == 30 and set(reasons(looked)) == {f"{first}-rate", f"{first}-both"}


def told(cause: str) -> dict:
    swings = dict(zip(("baseline", "batch=larger", "rate=lower", "both"), (0.5, 0.4, 0.02, None), strict=True))
    return {"cause": cause, "times": {"lowered": 8.0, "enlarged": 8.0}, "swings": swings, "seconds": 12.0}


def test_the_score_counts_causes_and_alarms(tmp_path):
    looked = WILD | {"diagnosis": "oscillation"}
    base = next(iter(BASES))
    verdicts = {"rate": RATE, "batch": RATE, "both": BOTH, HEALTHY: NOISE}
    rows = [row_of(f"{base}-{planted}", looked, told(cause)) for planted, cause in verdicts.items()]
    text = scored(rows, {"x-rate": "calm"}, SICK_RUNS, HEALTHY_RUNS)
    assert text.startswith("2 of 3 causes are told right") and "1 of 1 healthy runs get a cause" in text
    assert "20 and 10 were wanted" in text and "x-rate: calm" in text and text.count("(wrong)") == 2
    assert "wanted" not in scored(rows, {}, 3, 1)
    write_rows(tmp_path / "table.csv", rows)
    with open(tmp_path / "table.csv", newline="") as file:
        read = list(csv.DictReader(file))
    assert [row["right"] for row in read] == ["True", "False", "True", "False"]
    assert [read[0][arm] for arm in ARMS] == ["0.5", "0.4", "0.02", ""]


def test_what_goes_on_is_said(capsys):
    with ThreadPoolExecutor(1) as pool:
        found = work_off(pool, lambda key: told(key), [RATE, BOTH], "treatment")
    assert list(found) == [RATE, BOTH]
    assert capsys.readouterr().out.splitlines()[1] == "treatment 2/2 both: both, 12 s; 0 min to go"


@pytest.fixture
def tiny_run(tmp_path, tiny_corpus, tiny_bert, monkeypatch):
    """A run of 24 steps that swings for noise, and its folder."""
    monkeypatch.setattr(treating, "shared_tokenizer", lambda work: tiny_bert)
    name = next(iter(BASES))
    settings = candidates()[f"{name}-batch"] | {"data_dir": str(tiny_corpus), "max_steps": 24, "eval_steps": 1}
    settings |= {"model": "deep_mlp", "model_config": {"depth": 1, "width": 8}, "max_train_samples": None}
    return settings, tmp_path / "x"


@pytest.mark.slow
def test_a_run_is_trained_and_its_cause_told_once(tiny_run):
    settings, folder = tiny_run
    looked = train_and_look(settings, folder, folder.parent)
    assert looked["swing"] > 0 and looked["level"] > 0
    journal = folder / RUN / "journal.jsonl"
    made = os.stat(journal).st_mtime_ns
    assert train_and_look(settings, folder, folder.parent) == looked and os.stat(journal).st_mtime_ns == made

    treatment = planned(folder / RUN)
    assert len(treatment.study.seeds) == SEEDS and settings["seed"] not in treatment.study.seeds
    found = tell_cause(folder)
    assert found["cause"] in (RATE, NOISE, BOTH, NOT_CONFIRMED)
    assert list(found["swings"]) == list(treatment.arms) and found["seeds"] == SEEDS
    assert len(list((folder / "experiment" / "runs").glob("*/journal.jsonl"))) == 4 * SEEDS
    assert (folder / "experiment" / "cells.csv").exists() and (folder / "experiment" / "effects.json").exists()
    # Killed before its end was written down, it is told again from the runs that are there.
    (folder / TREATED).unlink()
    again = tell_cause(folder)
    assert again["swings"] == found["swings"] and again["seconds"] < found["seconds"]
    # Another recipe is another run.
    other = train_and_look(settings | {"learning_rate": 0.5}, folder, folder.parent)
    assert other["swing"] != looked["swing"] and not (folder / TREATED).exists()
