"""What --measure adds to a run, and that a fault there does not lose it."""

import contextlib
import dataclasses
import io

import pytest

import train.measuring
from cli.errors import UsageError
from eval.risks import FIGURES_OF, RISKS
from eval.run_directory import RunDirectory, read_journal, read_metrics, read_test_predictions
from train.config import parse
from train.run import main, prepare_corpus

RISK = "overconfidence"


class Stumble:
    """A run whose measures fail, then the same command again."""

    def __init__(self, command, patch):
        with patch.context() as context:
            context.setattr(train.measuring, "measure_risks", self._fail)
            self.first = main(*command)
        self.run = RunDirectory(command[1].output_dir)
        self.on_disk, self.lines = read_metrics(self.run.metrics), len(read_journal(self.run.journal))
        self.second = main(*command)

    def _fail(self, *args):
        raise ValueError("no such\nthing")


@pytest.fixture(scope="module")
def command(tiny_bert, tiny_corpus, tmp_path_factory):
    flags = [
        *("--model", str(tiny_bert), "--data_dir", str(tiny_corpus), "--max_steps", "4", "--max_eval_samples", "20"),
        *("--precision", "fp32", "--cpu_threads", "1", "--report_to", "none", "--save_strategy", "no"),
        *("--eval_strategy", "no", "--load_best_model_at_end", "no", "--augment", "0.5", "--grad_norm_steps", "0"),
    ]
    return parse([*flags, "--measure", RISK, "--output_dir", str(tmp_path_factory.mktemp("measured") / "run")])


@pytest.fixture(scope="module")
def stumbled(command):
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        found = Stumble(command, pytest.MonkeyPatch)
    found.said = said.getvalue()
    return found


def test_a_fault_leaves_a_whole_run(stumbled):
    assert f"The run is whole, but {RISK} could not be measured (no such thing)" in stumbled.said
    assert "Traceback" in stumbled.said
    assert stumbled.first == stumbled.on_disk and "reliability" not in stumbled.first
    assert (stumbled.run.path / "model.safetensors").exists()


def test_the_same_command_measures_without_training(stumbled, command):
    assert len(read_journal(stumbled.run.journal)) == stumbled.lines
    without = {key: value for key, value in stumbled.second.items() if key != "reliability"}
    assert without == stumbled.first and stumbled.second == read_metrics(stumbled.run.metrics)
    assert main(*command) == stumbled.second


def test_the_figures_are_those_of_the_risk_on_the_rows_that_the_run_judges_on(stumbled):
    figures = stumbled.second["reliability"]
    assert set(figures) == set(FIGURES_OF[RISK])
    assert all(set(estimate) == {"value", "low", "high", "n"} for estimate in figures.values())
    assert figures["confident_errors"]["n"] == stumbled.second["test"]["accuracy"]["n"] == 20
    labels, probabilities = read_test_predictions(stumbled.run.test_predictions)
    wrong = (probabilities.argmax(axis=1) != labels) & (probabilities.max(axis=1) > 0.9)
    assert figures["confident_errors"]["value"] == wrong.mean()


def test_they_are_of_the_answers_that_are_asked_for(stumbled, command):
    """A temperature is fitted, so the confidence on nonsense is another one; which texts are asked stays the same."""
    raw = stumbled.second["reliability"]["nonsense_confidence_gap"]
    corpus = prepare_corpus(command[0])[0]
    answers = dataclasses.replace(command[0], answers="calibrated")
    found = train.measuring.measure(answers, stumbled.run, corpus, seed=command[1].seed)["reliability"][
        "nonsense_confidence_gap"
    ]
    assert found["n"] == raw["n"] and found["value"] != raw["value"]
    assert read_metrics(stumbled.run.metrics)["reliability"]["nonsense_confidence_gap"] == found


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--measure", "fairnes"], f"--measure has 'fairnes': it is some of {','.join(RISKS)}"),
        (["--measure", "fairness,"], "--measure has ''"),
        (["--answers", "calibrated"], "--answers calibrated is how a run answers what --measure asks"),
        (["--remember", "yes"], "--remember is how a run answers"),
        (["--task", "causal_lm", "--model", "transformer", "--measure", "fairness"], "--task causal_lm makes none"),
    ],
)
def test_what_cannot_be_measured_is_one_line(wrong, message):
    with pytest.raises(UsageError, match="^[^\n]*$") as error:
        parse(wrong)
    assert message in str(error.value)


def test_risks_come_in_the_order_of_the_measures():
    assert parse(["--measure", " wording, consistency"])[0].risks == ("consistency", "wording")
