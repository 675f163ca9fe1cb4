import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors.torch import load_file, save_file

from cli.errors import UsageError, UserError
from eval.evidence import Evidence
from eval.metrics import share
from eval.parts import load_part
from eval.reliability import out_of_domain
from eval.run import main, parse_args
from eval.run_directory import RunDirectory, read_json, weights_fingerprint

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


@pytest.fixture
def without_other_corpora(monkeypatch):
    """The part about text of other kinds, on a few texts."""
    few = [f"a {word} film" for word in ("good", "bad", "dull")]
    monkeypatch.setattr(load_part("out_of_domain"), "texts_of", lambda asked: (few, few[:2], few[1:]))
    monkeypatch.setattr(out_of_domain, "other_corpus", lambda asked: ("imdb", share(np.array([True, False]))))


def test_a_run_keeps_its_training_sentences_for_the_app(run, tiny_corpus, tmp_path, without_other_corpora):
    parts = ["--only", "metrics,out_of_domain", "--threads", "1"]
    evaluate(run, *parts, "--output_dir", tmp_path / "out")
    fresh = turned_round(tiny_corpus, tmp_path / "fresh", train="train", validation="test", test="validation")
    evaluate(run, "--data_dir", fresh, *parts)
    assert not [*run.rglob("nearest.*"), *(tmp_path / "out").glob("nearest.*")]
    evaluate(run, *parts)
    kept = Evidence.load(run / "evaluation", weights_fingerprint(str(run))).neighbours
    train = (tiny_corpus / "train.csv").read_text().splitlines()[1:]
    assert [f"{text},{label}" for text, label in zip(kept.texts, kept.labels, strict=True)] == train


def test_report_and_app_warn_from_the_same_bar(run, without_other_corpora, monkeypatch):
    monkeypatch.setattr(load_part("out_of_domain"), "SENTENCES", 40)
    monkeypatch.setattr(load_part("out_of_domain"), "TRAINING_SENTENCES", 10)
    evaluate(run, "--only", "out_of_domain", "--threads", "1")
    kept = Evidence.load(run / "evaluation", weights_fingerprint(str(run)))
    told = read_json(run / "evaluation" / "out_of_domain.json")["unfamiliar_from"]
    assert len(kept.neighbours.texts) == 40 and kept.unfamiliar_from == pytest.approx(told, rel=1e-12)
    evaluate(run, "--only", "out_of_domain", "--threads", "1", "--output_dir", run / "elsewhere")
    assert read_json(run / "elsewhere" / "out_of_domain.json")["unfamiliar_from"] == told


def test_training_sentences_as_other_weights_saw_them_go(run, without_other_corpora):
    evaluate(run, "--only", "metrics,out_of_domain", "--threads", "1")
    weights = load_file(run / "model.safetensors")
    save_file({name: 2 * tensor for name, tensor in weights.items()}, run / "model.safetensors", {"format": "pt"})
    evaluate(run, "--only", "metrics", "--threads", "1")
    assert not list(run.rglob("nearest.*"))


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


def turned_round(corpus: Path, folder: Path, **splits: str) -> Path:
    """A copy of a corpus with its splits under other names."""
    folder.mkdir()
    for split, source in splits.items():
        shutil.copy(corpus / f"{source}.csv", folder / f"{split}.csv")
    return folder


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_run_is_not_judged_on_what_it_was_trained_on(run, tiny_corpus, tmp_path, split):
    splits = {"train": "test", "validation": "validation", "test": "test", split: "train"}
    turned = turned_round(tiny_corpus, tmp_path / "turned", **splits)
    with pytest.raises(UserError, match=f"trained on rows of the {split} split.*--allow_overlap"):
        evaluate(run, "--data_dir", turned)
    result = evaluate(run, "--data_dir", turned, "--allow_overlap", "--only", "metrics")
    assert result["about"]["overlap"] == 96
    assert "96 of the rows judged on were trained on" in result["summary"]["headline"]
    assert "96 of the rows" in (run / "evaluation" / "turned" / "report.md").read_text()


def test_another_corpus_leaves_the_runs_own_evaluation_and_card_alone(run, tiny_corpus, tmp_path):
    evaluate(run, "--only", "metrics")
    before = [(run / name).read_bytes() for name in ("README.md", "evaluation/report.html")]
    fresh = turned_round(tiny_corpus, tmp_path / "fresh", train="train", validation="test", test="validation")
    evaluate(run, "--data_dir", fresh, "--only", "metrics")
    assert [(run / name).read_bytes() for name in ("README.md", "evaluation/report.html")] == before
    assert (run / "evaluation" / "fresh" / "report.html").is_file()


def test_parts_of_other_rows_leave_the_report(run, tiny_corpus, tmp_path):
    out = ["--output_dir", tmp_path / "out"]
    evaluate(run, *QUICK, *out)
    other = shutil.copytree(tiny_corpus, tmp_path / "other")
    text = (other / "test.csv").read_text()
    (other / "test.csv").write_text(text.replace(",0\n", ",x\n").replace(",1\n", ",0\n").replace(",x\n", ",1\n"))
    evaluate(run, "--data_dir", other, "--only", "metrics", *out)
    assert not (tmp_path / "out" / "calibration.json").exists()


def test_the_same_model_by_another_name_keeps_its_parts(run, monkeypatch):
    evaluate(run, *QUICK)
    monkeypatch.chdir(run.parent)
    evaluate("./run/", "--only", "metrics")
    evaluate(run, "--only", "comparison")  # nothing to compare with
    assert (run / "evaluation" / "calibration.json").exists()


def test_without_a_part_to_measure_it_says_so(run):
    with pytest.raises(UserError, match="needs --against"):
        evaluate(run, "--only", "comparison")


def test_a_part_of_another_version_is_named(run):
    evaluate(run, *QUICK)
    (run / "evaluation" / "calibration.json").write_text("{}")
    with pytest.raises(UserError, match=r"calibration\.json is of another version"):
        evaluate(run, "--only", "metrics")


def test_a_lost_picture_is_said_in_words(run):
    evaluate(run, *QUICK)
    (run / "evaluation" / "reliability.png").unlink()
    evaluate(run, "--only", "metrics")
    assert "reliability.png is missing" in (run / "evaluation" / "report.html").read_text()


def test_a_card_that_cannot_be_read_is_named(run):
    (run / "README.md").write_text("---\n: [\n---\n")
    with pytest.raises(UserError, match="README.md cannot be read"):
        evaluate(run, "--only", "metrics")


def test_a_config_of_something_else_makes_no_run(tiny_classifier, tiny_corpus, tmp_path):
    model = shutil.copytree(tiny_classifier, tmp_path / "model")
    (model / "config.yaml").write_text("corpus: ours\n")
    evaluate(model, "--data_dir", tiny_corpus, "--only", "metrics")
    assert not (model / "README.md").exists()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--only", "calibratoin"], "did you mean calibration"),
        (["--neutral_band", "0.7", "0.3"], "the lower first"),
        (["--threads", "0"], "1 or more"),
        (["--seed", "-1"], "0 or more"),
        (["--only", ","], "names no part"),
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
