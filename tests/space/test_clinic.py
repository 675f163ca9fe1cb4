import shutil

import pytest

from space.clinic import Calibration, Clinic, holds_classifier


@pytest.fixture
def run(tiny_classifier, tmp_path):
    folder = shutil.copytree(tiny_classifier, tmp_path / "runs" / "mine")
    (folder / "journal.jsonl").write_text("")
    return folder


@pytest.fixture
def evaluated(calibrate):
    """A function that writes an evaluation and opens a clinic on the run."""

    def write(run, **calibration):
        calibrate(run, **calibration)
        return Clinic(str(run), run.parent)

    return write


def test_the_calibration_is_that_of_the_evaluation(run, evaluated):
    assert evaluated(run).calibration() == Calibration(1.5, 0.8, True)
    clinic = evaluated(run, temperature=2.0, abstention_threshold=None)
    assert clinic.calibration("mine") == Calibration(2.0, None, True)


def test_the_calibration_of_other_weights_is_not_used(run, evaluated):
    assert evaluated(run, weights="deadbeef0000").calibration() == Calibration()


@pytest.mark.parametrize(
    "wrong", [{"temperature": None}, {"temperature": -1}, {"temperature": 0}, {"abstention_threshold": 7}]
)
def test_a_calibration_without_sense_leaves_the_probabilities_raw(run, evaluated, wrong):
    assert evaluated(run, **wrong).calibration() == Calibration()


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", '"x"', '{"temperature": NaN, "abstention_threshold": 1}'])
def test_a_broken_file_leaves_the_probabilities_raw(run, evaluated, content):
    clinic = evaluated(run)
    (run / "evaluation" / "calibration.json").write_text(content)
    assert clinic.calibration() == Calibration()


def test_a_network_that_is_trained_again_is_loaded_again(run, evaluated):
    clinic = evaluated(run)
    before = clinic.predictor()
    assert clinic.predictor() is before
    weights = run / "model.safetensors"
    weights.write_bytes(weights.read_bytes())
    assert clinic.predictor() is not before


def test_only_classifiers_are_offered(run, evaluated):
    language_model = run.parent / "language"
    language_model.mkdir()
    (language_model / "journal.jsonl").write_text("")
    (language_model / "config.json").write_text('{"architectures": ["TransformerForCausalLM"]}')
    clinic = Clinic(str(run), run.parent)
    assert set(clinic.run_names()) == {"mine", "language"}
    assert clinic.run_names(trained=True) == ["mine"]
    assert holds_classifier(run) and not holds_classifier(run.parent)
