import dataclasses

import numpy as np
import pytest

from cli.errors import UserError
from eval.evidence import CONSTANTS, INDEX, Evidence, remove_evidence
from eval.nearest import K, Neighbours
from eval.reliability import Asked
from eval.run_directory import read_json, write_json
from eval.verification import Verification, doubt
from tests.eval.reliability.conftest import WordCounter, make_subject

BAR = 0.4


@pytest.fixture(scope="module")
def states():
    return np.random.default_rng(0).normal(size=(60, 12)).astype(np.float32)


@pytest.fixture(scope="module")
def evidence(states):
    neighbours = Neighbours.build(states[:40], [f"text {row}" for row in range(40)], np.arange(40) % 2, "abc")
    return Evidence(neighbours, Verification(0.7, 1.4, True), BAR)


def test_an_answer_is_supported_by_those_of_its_label(evidence, states):
    for state in states[40:]:
        found = evidence.support(np.array([0.2, 0.8]), state)
        (rows,), (similarities,) = evidence.neighbours.search(state[None])
        labels = rows % 2
        assert [each.text for each in found.nearest] == [f"text {row}" for row in rows] and len(rows) == K
        assert found.agreeing == labels.sum()
        assert found.distance == pytest.approx(evidence.neighbours.distances(state[None])[0])
        assert found.unfamiliar == (found.distance > BAR)
        doubts = doubt(np.array([1]), labels[None], similarities[None])
        assert found.verified == pytest.approx(
            evidence.verification.verify(np.array([[0.2, 0.8]]), doubts)[0, 1], abs=1e-6
        )


def test_the_more_agree_the_more_is_left_of_the_confidence(evidence, states):
    of_one_label = [
        dataclasses.replace(evidence, neighbours=dataclasses.replace(evidence.neighbours, labels=np.full(40, label)))
        for label in (0, 1)
    ]
    against, backed = (each.support(np.array([0.2, 0.8]), states[0]) for each in of_one_label)
    assert (against.agreeing, backed.agreeing) == (0, K) and 0.5 < against.verified < backed.verified


def test_without_a_fit_there_is_no_verified_confidence(evidence, states):
    unfitted = dataclasses.replace(evidence, verification=Verification(0.0, 1.0, False))
    assert unfitted.support(np.array([0.2, 0.8]), states[0]).verified is None


def test_what_was_saved_is_read_again(evidence, states, tmp_path):
    evidence.save(tmp_path)
    again = Evidence.load(tmp_path, "abc")
    asked = np.array([0.9, 0.1]), states[50]
    assert again.support(*asked) == evidence.support(*asked)
    assert "text" not in (tmp_path / CONSTANTS).read_text()
    remove_evidence(tmp_path)
    remove_evidence(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UserError):
        Evidence.load(tmp_path, "abc")


@pytest.mark.parametrize(
    "wrong",
    [
        {"weights": "of another"},
        {"verification": {"strength": 1.0}},
        {"verification": {"strength": -1.0, "temperature": 1.0, "fitted": True}},
        {"verification": {"strength": "x", "temperature": 1.0, "fitted": True}},
        {"unfamiliar_from": None},
        {"unfamiliar_from": float("inf")},
    ],
)
def test_constants_without_sense_are_refused(evidence, tmp_path, wrong):
    evidence.save(tmp_path)
    write_json(tmp_path / CONSTANTS, read_json(tmp_path / CONSTANTS) | wrong)
    with pytest.raises(UserError, match=CONSTANTS):
        Evidence.load(tmp_path, "abc")


def test_sentences_of_other_weights_are_refused(evidence, tmp_path):
    evidence.save(tmp_path)
    dataclasses.replace(evidence.neighbours, weights="of another").save(tmp_path / INDEX)
    with pytest.raises(UserError, match="other weights"):
        Evidence.load(tmp_path, "abc")


def test_a_model_gives_its_own_training_sentences_cut():
    subject = make_subject(WordCounter())
    long = {"text": subject.corpus.train["text"][0] + " at length" * 100, "label": 1}
    subject.corpus.train = subject.corpus.train.select(range(1, 200)).add_item(long)
    evidence = Asked(subject, sentences=7_000).evidence("abc")
    neighbours = evidence.neighbours
    assert len(neighbours.texts) == 200 and neighbours.weights == "abc"
    assert max(map(len, neighbours.texts)) == 240 and neighbours.texts[-1].endswith("…")
    validation = subject.predictor.predict(subject.corpus.validation["text"][:], states=True)
    unfamiliar = [
        evidence.support(*row).unfamiliar for row in zip(validation.probabilities, validation.states, strict=True)
    ]
    # 5%, but for rows that lie on the bar itself.
    assert 0.02 < np.mean(unfamiliar) < 0.08
    far = subject.predictor.predict(["zzz qqq xxx www"], states=True)
    assert evidence.support(far.probabilities[0], far.states[0]).unfamiliar
    assert len(Asked(subject, sentences=50).evidence("abc").neighbours.texts) == 50
