"""The parts about consistency and text of other kinds, on a model of a few words."""

import importlib.util
from dataclasses import asdict
from pathlib import Path

import pytest

from eval.pages import png
from eval.parts import consistency, out_of_domain
from eval.run_directory import plain
from eval.subject import Options

SPEC = importlib.util.spec_from_file_location(
    "reliability_models", Path(__file__).parents[1] / "reliability" / "conftest.py"
)
models = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(models)


@pytest.fixture(scope="module")
def subject():
    other = models.make_subject(models.WordCounter(scale=0.5))
    return models.make_subject(models.WordCounter(said=-5, short=-9), other=other)


@pytest.fixture(scope="module")
def data(subject):
    parts = {"consistency": consistency, "out_of_domain": out_of_domain}
    return {name: plain(asdict(part.measure(subject, Options()))) for name, part in parts.items()}


def test_contradictions_are_told_with_an_example(data):
    own = data["consistency"]
    assert own["flips"]["restated"]["value"] > 0.02 > own["other_flips"]["restated"]["value"]
    assert (
        own["dialogues"]["with memory"]["contradictions"]["value"]
        < own["dialogues"]["alone"]["contradictions"]["value"]
    )
    section = consistency.section(own)
    assert section.startswith("**") and "(consistency.png)" in section and "the other model" in section
    assert own["contradictions"][0]["again"].split(":")[0].replace("~", "") in section
    remarks = consistency.remarks(own)
    assert {remark.kind for remark in remarks} == {"bad", "do"}
    assert all(len(remark.text) <= 110 for remark in remarks)


def test_a_memory_that_misses_changes_of_mind_is_not_advised(data):
    memory = data["consistency"]["dialogues"]["with memory"]
    alone = data["consistency"]["dialogues"]["alone"]["changes_missed"]
    missing = memory | {"changes_missed": alone | {"value": alone["value"] + 0.01}}
    own = data["consistency"] | {"dialogues": data["consistency"]["dialogues"] | {"with memory": missing}}
    assert {remark.kind for remark in consistency.remarks(own)} == {"bad"}


def test_a_consistent_model_is_praised_and_one_of_one_answer_is_not(subject):
    own = plain(asdict(consistency.measure(subject.other, Options())))
    assert [remark.kind for remark in consistency.remarks(own)] == ["good"]
    assert own["other_flips"] is None and "the other model" not in consistency.section(own)
    yes = plain(asdict(consistency.measure(models.make_subject(models.WordCounter(the=90)), Options())))
    assert yes["degenerate"] == "positive" and [remark.kind for remark in consistency.remarks(yes)] == ["bad"]
    assert consistency.section(yes).startswith("**Every test row is called positive")


def test_other_text_is_told_by_its_best_score(data):
    own = data["out_of_domain"]
    section = out_of_domain.section(own)
    assert "tells text on other subjects best" in section and "(out_of_domain.png)" in section
    assert "the other model" in section and "imdb" in section
    kinds = [remark.kind for remark in out_of_domain.remarks(own)]
    assert kinds[0] == "good" and kinds[-1] == "bad"
    assert all(len(remark.text) <= 110 for remark in out_of_domain.remarks(own))
    assert own["texts"] == {"test rows": 160, "other subjects": 168, "nonsense": 150}


def test_a_blind_model_is_told_so(data):
    own = {**data["out_of_domain"], "figures": {**data["out_of_domain"]["figures"]}}
    for score in ("confidence", "energy", "distance"):
        own["figures"][f"auroc_{score}"] = {"value": 0.6, "low": 0.5, "high": 0.7, "n": 300}
    assert [remark.kind for remark in out_of_domain.remarks(own)] == ["bad", "bad"]


@pytest.mark.parametrize("part", [consistency, out_of_domain])
def test_plots_are_drawn_from_what_is_stored(data, part):
    name = part.__name__.split(".")[-1]
    (figure,) = part.plots(data[name]).values()
    assert set(part.plots(data[name])) == {name} and png(figure).startswith(b"\x89PNG")
