import numpy as np
import pytest

from eval.calibration import apply_temperature
from eval.metrics import Estimate
from eval.reliability import ANSWERS, Asked, asked, load_risk, measure, some
from eval.risks import FIGURES, RISKS


@pytest.fixture(scope="module")
def ask(subject):
    return asked(subject)


@pytest.fixture(scope="module")
def figures(ask):
    return measure(ask)


def test_every_figure_is_said_what_it_is_and_has_an_interval_about_it(figures):
    assert set(figures) | {"reviews_accuracy"} == set(FIGURES)
    for name, figure in figures.items():
        assert isinstance(figure, Estimate) and figure.n > 0, name
        assert figure.low <= figure.value <= figure.high, name
    assert {way for _, way in FIGURES.values()} == {"lower", "higher"}


def test_the_order_is_that_of_the_risks_and_some_can_be_left_out(ask, figures):
    assert [name for name in FIGURES if name in figures] == list(figures)
    own = measure(ask, ["fairness"])
    assert own == {name: figures[name] for name in own} and "group_swap_changes" in own
    with pytest.raises(ValueError, match="unknown risk 'bias'"):
        measure(ask, ["bias"])


def test_every_risk_has_the_same_shape():
    for risk in RISKS:
        module = load_risk(risk)
        assert isinstance(module.TITLE, str) and callable(module.measure)


def test_a_text_goes_through_the_network_once(subject, ask, figures):
    before = subject.predictor.asked
    assert measure(ask) == figures
    assert subject.predictor.asked == before
    assert len(ask._known) < 10_000


@pytest.mark.parametrize("answers", ANSWERS)
def test_answers_keep_their_class_and_their_rows(subject, answers):
    ask = asked(subject, answers)
    texts = subject.corpus.test["text"][:20]
    raw = subject.predict(texts).probabilities
    answered = ask.answer(texts)
    assert answered.shape == (20, 2) and answered.sum(axis=1) == pytest.approx(np.ones(20))
    assert np.array_equal(answered.argmax(axis=1), raw.argmax(axis=1))
    if answers == "raw":
        assert np.array_equal(answered, raw)
    if answers == "calibrated":
        assert ask.temperature > 1 and answered == pytest.approx(apply_temperature(raw, ask.temperature))
    assert ask.answer(texts[:1])[0] == pytest.approx(answered[0])


def test_what_is_fitted_does_not_hang_on_the_test_rows(subject, subject_of):
    other = subject_of()
    other.corpus.test = other.corpus.test.map(lambda row: {"label": 1 - row["label"]})
    for fitted in ("temperature", "verification", "unfamiliar_from"):
        assert getattr(asked(other), fitted) == getattr(asked(subject), fitted)


def test_calibration_lowers_the_error_of_a_model_that_is_too_sure(subject):
    raw, calibrated = (measure(asked(subject, answers), ["overconfidence"]) for answers in ("raw", "calibrated"))
    assert calibrated["calibration_error"].value < raw["calibration_error"].value
    assert calibrated["nonsense_confidence_gap"].value < raw["nonsense_confidence_gap"].value


def test_scaling_alone_mends_neither_wording_nor_fairness(subject, figures):
    scaled = measure(asked(subject, "verified"), ["fairness", "wording"])
    assert scaled == {name: figures[name] for name in scaled}


def test_unknown_answers_are_refused(subject):
    with pytest.raises(ValueError, match="answers is 'best'"):
        Asked(subject, "best")


def test_rows_are_drawn_in_order_without_replacement():
    drawn = some(1000, 100, seed=3)
    assert len(set(drawn)) == 100 and (np.diff(drawn) > 0).all() and np.array_equal(drawn, some(1000, 100, seed=3))
    assert np.array_equal(some(5, 100), np.arange(5))
