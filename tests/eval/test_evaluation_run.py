import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cli.errors import UsageError, UserError
from eval.parts import load_part
from eval.run import main, parse_args
from eval.run_directory import RunDirectory, read_json

ROOT = Path(__file__).parents[2]
QUICK = ["--only", "metrics,calibration", "--threads", "1"]


@pytest.fixture
def run(tiny_classifier, tiny_corpus, tmp_path) -> Path:
    """A run directory as train/run.py leaves it, without the training."""
    folder = tmp_path / "run"
    shutil.copytree(tiny_classifier, folder)
    settings = {"corpus": "reviews", "data_dir": str(tiny_corpus), "model": "embedded", "tuning": "full"}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    (folder / "metrics.json").write_text(
        json.dumps({"schema": 1, "corpus": "x", "overlap": None, "best_step": 3, "validation": {}, "test": {}})
    )
    return folder


def evaluate(*argv: object) -> dict:
    return main(parse_args([str(each) for each in argv]))


def test_a_run_gets_its_report_its_files_and_its_card(run, capsys):
    result = evaluate(run, *QUICK)
    folder = run / "evaluation"
    assert {"about.json", "metrics.json", "calibration.json", "report.md", "report.html"} <= {
        path.name for path in folder.iterdir()
    }
    assert result["metrics"]["test"]["accuracy"]["n"] == 32
    assert result["summary"]["headline"] in capsys.readouterr().out
    card = RunDirectory(run).model_card.read_text()
    figures = yaml.safe_load(card.split("---")[1])["model-index"][0]["results"][0]["metrics"]
    accuracy = next(figure for figure in figures if figure["name"] == "accuracy")
    assert accuracy["value"] == result["metrics"]["test"]["accuracy"]["value"]


def test_a_second_command_adds_its_part_to_the_report(run):
    evaluate(run, "--only", "metrics", "--threads", "1")
    evaluate(run, "--only", "calibration", "--threads", "1")
    report = (run / "evaluation" / "report.md").read_text()
    assert f"## {load_part('metrics').TITLE}" in report and f"## {load_part('calibration').TITLE}" in report


def test_an_owner_keeps_the_text_of_the_card(run):
    (run / "README.md").write_text("---\nlicense: mit\n---\n# Mine\n")
    evaluate(run, "--only", "metrics", "--threads", "1")
    card = (run / "README.md").read_text()
    assert "# Mine" in card and "license: mit" in card and "model-index" in card and "Limits" not in card


def test_an_interrupted_evaluation_keeps_what_is_finished(run, monkeypatch):
    def interrupted(subject, options):
        raise KeyboardInterrupt

    monkeypatch.setattr(load_part("calibration"), "measure", interrupted)
    with pytest.raises(KeyboardInterrupt):
        evaluate(run, *QUICK)
    assert "accuracy" in read_json(run / "evaluation" / "metrics.json")["test"]
    assert load_part("metrics").TITLE in (run / "evaluation" / "report.html").read_text()


def test_a_model_folder_is_judged_on_a_named_corpus(tiny_classifier, tiny_corpus, tmp_path):
    evaluate(tiny_classifier, "--data_dir", tiny_corpus, "--output_dir", tmp_path / "out", "--only", "metrics")
    assert (tmp_path / "out" / "report.html").is_file()
    assert not (tiny_classifier / "evaluation").exists()


def test_a_model_without_a_corpus_asks_for_one(tiny_classifier, tmp_path):
    with pytest.raises(UsageError, match="--corpus or --data_dir"):
        evaluate(tiny_classifier, "--output_dir", tmp_path)


def test_a_hub_id_needs_an_output_folder():
    with pytest.raises(UsageError, match="--output_dir"):
        evaluate("somebody/model", "--corpus", "reviews")


def test_an_unfinished_run_is_named(run):
    (run / "config.json").unlink()
    with pytest.raises(UserError, match="holds no model yet"):
        evaluate(run)


def test_a_run_is_not_judged_on_what_it_was_trained_on(run, tiny_corpus, tmp_path):
    turned = tmp_path / "turned"
    turned.mkdir()
    for split, source in (("train", "test"), ("test", "train"), ("validation", "validation")):
        shutil.copy(tiny_corpus / f"{source}.csv", turned / f"{split}.csv")
    with pytest.raises(UserError, match="trained on rows of the test.*--allow_overlap"):
        evaluate(run, "--data_dir", turned)
    evaluate(run, "--data_dir", turned, "--allow_overlap", "--only", "metrics")


def test_parts_of_other_rows_leave_the_report(run, tiny_corpus, tmp_path):
    evaluate(run, *QUICK)
    smaller = tmp_path / "smaller"
    shutil.copytree(tiny_corpus, smaller)
    lines = (smaller / "test.csv").read_text().splitlines()
    (smaller / "test.csv").write_text("\n".join(lines[:21]) + "\n")
    evaluate(run, "--data_dir", smaller, "--only", "metrics")
    assert not (run / "evaluation" / "calibration.json").exists()
    assert read_json(run / "evaluation" / "about.json")["test rows"] == 20


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--only", "calibratoin"], "did you mean calibration"),
        (["--neutral_band", "0.7", "0.3"], "the lower first"),
        (["--threads", "0"], "1 or more"),
        (["--sute", "x"], "--sute"),
        (["--suite", "nowhere.jsonl"], "nowhere.jsonl cannot be read"),
        (["--corpus", "imbd"], "did you mean imdb"),
        (["--against", "nowhere/at/all"], "no such folder"),
    ],
)
def test_a_mistake_is_one_line(run, flags, said):
    with pytest.raises(UserError, match=said) as mistake:
        evaluate(run, *flags)
    assert "\n" not in str(mistake.value)


def test_a_mistake_has_no_traceback(run):
    done = subprocess.run(
        [sys.executable, "eval/run.py", str(run), "--only", "x"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and len(done.stderr.splitlines()) == 1


def test_a_suite_is_checked_before_the_work(run, tmp_path):
    suite = tmp_path / "suite.jsonl"
    suite.write_text("no JSON\n")
    with pytest.raises(UserError, match="suite.jsonl"):
        evaluate(run, "--suite", suite, *QUICK)
    assert not (run / "evaluation").exists()
