import ast
import json
import re
import shutil
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt

from cli.errors import UserError
from eval.cards.check import check_card
from eval.cards.training import unusual
from eval.markup import escape, estimate
from eval.model_card import LOSS, card_of, pictures_of, write_model_card
from eval.parts import load_part
from eval.run import main, parse_args
from eval.run_directory import Journal, RunDirectory, read_json

SETTINGS = {
    **{"corpus": "reviews", "data_dir": None, "model": "embedded", "tuning": "full", "task": "classification"},
    **{"learning_rate": 1e-4, "max_length": 128, "seed": 42, "use_cpu": True, "cpu_threads": 2, "precision": "bf16"},
    **{"load_best_model_at_end": True, "metric_for_best_model": "eval_loss", "output_dir": "/home/someone/runs/x"},
}
FIGURE = {"value": 0.8125, "low": 0.7, "high": 0.9, "n": 32}
FINDING = {
    **{"name": "overfitting", "severity": 0.5, "confidence": 0.8, "onset": {"step": 20, "epoch": 2.0}},
    **{"evidence": {"rise": 0.25}, "ruled_out": [], "next_week": [], "confirm_by": []},
    "causes": [{"cause": "too many passes <b>", "for": [], "against": []}],
    "today": [{"action": "stop earlier", "flags": "--early_stopping_patience 2"}],
}


RATE = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 80}
WORST = {"texts": ["Not <b>good</b> | at all."], "probabilities": [0.97], "expected": "negative"}
TEST = {"test": "not", "capability": "negation", "type": "MFT", "neutral": False, "failures": 40}
CAPABILITIES = [
    {"capability": name, "tests": 1, "failures": 40, "failure_rate": RATE | {"value": value}}
    for name, value in (("negation", 0.5), ("length", 0.2))
]
PROBES = {
    **{"neutral_band": [1 / 3, 2 / 3], "user": None},
    "own": {
        **{"cases": 160, "failure_rate": RATE, "capabilities": CAPABILITIES, "degenerate": None},
        "tests": [TEST | {"failure_rate": RATE, "worst": [WORST]}],
    },
}
GAP = {
    **{
        "dimension": "age",
        "group": "old <i>",
        "reference": "young",
        "effect": 0.7,
        "bar": 0.05,
        "p": 0.01,
        "counts": True,
    },
    **{
        "difference": RATE | {"value": -0.1},
        "templates": [{"template": "{person} ate.", "group": 0.4, "reference": 0.8}],
    },
}
RATES = {"dimension": "age", "group": "old", "false_positive_rate": RATE, "false_negative_rate": RATE}
BIAS = {"gaps": [GAP], "rates": [RATES], "texts": 9, "templates": 3, "degenerate": None}


def make_run(folder: Path, *, settings=(), metrics=(), journal=True) -> RunDirectory:
    """A finished run as train/run.py leaves it, without weights unless the folder has some."""
    run = RunDirectory(folder)
    folder.mkdir(exist_ok=True)
    run.config.write_text(yaml.safe_dump(SETTINGS | dict(settings)))
    overlap = {"count": 1, "total": 32, "share": 1 / 32, "examples": ["a film"]}
    document = {"schema": 1, "corpus": "reviews", "overlap": overlap, "best_step": 20}
    document |= {split: {"accuracy": FIGURE, "auc": FIGURE | {"value": None}} for split in ("validation", "test")}
    run.metrics.write_text(json.dumps(document | dict(metrics)))
    if journal:
        log = Journal(run.journal)
        log.write("event", 0, 0, event="train_begin", world_size=2, max_steps=30)
        for step in range(1, 31):
            log.write("train", step, step / 10, loss=1 / step)
            if step % 10 == 0:
                log.write("eval", step, step / 10, loss=0.4 + step / 100)
        log.write("event", 30, 3.0, event="train_end", train_loss=0.4, seconds=300.0)
        log.close()
    return run


@pytest.fixture
def run(tmp_path) -> RunDirectory:
    return make_run(tmp_path / "mine")


@pytest.fixture(scope="module")
def evaluated(tiny_classifier, tiny_corpus, tmp_path_factory) -> RunDirectory:
    """A run with weights that eval/run.py has judged."""
    folder = tmp_path_factory.mktemp("evaluated") / "judged"
    shutil.copytree(tiny_classifier, folder)
    run = make_run(folder, settings={"data_dir": str(tiny_corpus)}, metrics={"corpus": tiny_corpus.name})
    main(parse_args([str(folder), "--only", "metrics,calibration", "--threads", "1"]))
    # Of the real ones each takes seconds.
    for name, part in {"probes": PROBES, "bias": BIAS}.items():
        (run.evaluation / f"{name}.json").write_text(json.dumps(part))
    (run.evaluation / "probes.png").write_bytes(b"\x89PNG")
    return run


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def section(card: ModelCard, heading: str) -> str:
    return card.text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def snippets(card: ModelCard) -> list[str]:
    return [token.content for token in MarkdownIt().parse(card.text) if token.info == "python"]


def test_the_card_of_a_judged_run_holds_every_metric_and_section(evaluated):
    before = files(evaluated.path)
    card = card_of(evaluated, repo_id="someone/judged")
    assert files(evaluated.path) == before
    check_card(card)
    measured = read_json(evaluated.evaluation / "metrics.json")["test"]
    error = read_json(evaluated.evaluation / "calibration.json")["raw"]["expected_calibration_error"]
    held = {result.metric_name: result for result in card.data.eval_results}
    for name, figure in (measured | {"expected_calibration_error": error}).items():
        if figure["value"] is None:
            assert name not in held
            continue
        assert held[name].metric_value == figure["value"] and held[name].metric_args["n"] == figure["n"]
        assert held[name].dataset_split == "test"
    assert estimate(measured["mcc"]) in section(card, "Metrics")
    for heading in ("Calibration", "Behavioural probes", "Demographic bias"):
        assert section(card, heading).strip()
    assert "Not &lt;b>good&lt;/b> \\| at all." in section(card, "Behavioural probes")
    assert "age: old &lt;i> vs young" in section(card, "Demographic bias")
    assert "Not measured yet" not in card.text


def test_every_picture_that_the_card_shows_is_there(evaluated):
    card = card_of(evaluated)
    shown = re.findall(r"!\[.*?\]\((.*?)\)", card.text)
    # The one of bias was never drawn.
    assert {"evaluation/reliability.png", "evaluation/probes.png", LOSS} < set(shown)
    assert list(pictures_of(evaluated, card)) == shown
    assert all(picture.startswith(b"\x89PNG") for picture in pictures_of(evaluated, card).values())


def test_the_first_ten_lines_say_what_it_is_how_good_and_what_it_is_not_for(evaluated):
    lines = [line for line in card_of(evaluated).text.splitlines() if not line.startswith("<!--")]
    opening = "\n".join(lines[:11])
    [first, *_] = load_part("metrics").remarks(read_json(evaluated.evaluation / "metrics.json"))
    assert "# judged" in opening and "classifier" in opening and "**Not for:**" in opening
    assert f"**How good:** **{escape(first.text)}**" in opening
    assert "**Fails at:**" in opening and "Probes fail most under negation: 50.0%" in opening


def test_the_snippets_give_the_probabilities_of_the_model(evaluated, monkeypatch):
    from eval.predictor import Predictor

    monkeypatch.chdir(evaluated.path.parent)
    pipeline, network = snippets(card_of(evaluated))
    said = {}
    exec(pipeline, said)
    exec(network, said)
    predictor = Predictor.load(str(evaluated.path), precision="fp32")
    [raw] = predictor.predict(["a lovely, moving film"]).probabilities
    temperature = read_json(evaluated.evaluation / "calibration.json")["temperature"]
    scaled = raw ** (1 / temperature if f"/ {temperature:.3f}" in network else 1)
    expected = scaled / scaled.sum()
    assert [float(said["negative"]), float(said["positive"])] == pytest.approx(list(expected), abs=1e-3)
    assert said["classify"]("a lovely, moving film")[0]["label"] in ("NEGATIVE", "POSITIVE")


def test_on_a_branch_the_snippets_load_that_branch(evaluated):
    text = card_of(evaluated, repo_id="a/b", revision="draft/2").text
    loads = re.findall(r"(?:from_pretrained|pipeline)\((.*)\)", text)
    assert len(loads) == 3 and all('"a/b", revision="draft/2"' in load for load in loads), loads
    assert "space/app.py" not in text and "revision" not in card_of(evaluated, repo_id="a/b").text


def test_a_run_without_evaluation_says_what_command_makes_one(run):
    card = card_of(run)
    check_card(card)
    assert "Not measured yet" in card.text and "`python eval/run.py mine`" in card.text
    assert "## Calibration" not in card.text and "Fails at" not in card.text
    [result] = card.data.eval_results
    assert (result.metric_name, result.metric_value) == ("accuracy", 0.8125)
    assert "--corpus reviews --output_dir DIR" in card_of(run, repo_id="a/b").text


def test_an_evaluation_of_other_weights_is_left_out(evaluated, tmp_path):
    folder = shutil.copytree(evaluated.path, tmp_path / "retrained")
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    card = card_of(RunDirectory(folder))
    assert "## Calibration" not in card.text and len(card.data.eval_results) == 1


def test_a_missing_part_is_named_with_its_command(evaluated, tmp_path):
    folder = shutil.copytree(evaluated.path, tmp_path / "part")
    (folder / "evaluation" / "bias.json").unlink()
    card = card_of(RunDirectory(folder))
    assert "## Demographic bias" not in card.text
    assert "Not measured yet: demographic bias. `python eval/run.py part --only bias`" in card.text


def test_the_metadata_say_where_the_test_rows_come_from(run):
    data = card_of(run, license="mit").data
    assert (data.license, data.language, data.pipeline_tag) == ("mit", "en", "text-classification")
    assert data.datasets == ["cornell-movie-review-data/rotten_tomatoes"]
    assert data.base_model == "sentence-transformers/all-MiniLM-L6-v2"
    assert data.eval_results[0].dataset_args == {"cut_from": "train"}


def test_sst2_is_judged_on_the_validation_rows_of_glue(tmp_path):
    run = make_run(tmp_path / "sst2", settings={"corpus": "sst2"}, metrics={"corpus": "sst2"})
    [result] = card_of(run).data.eval_results
    assert (result.dataset_type, result.dataset_split, result.dataset_args) == ("stanfordnlp/sst2", "validation", None)


def test_own_texts_claim_no_dataset_no_language_and_no_path(tmp_path):
    settings = {"data_dir": "/home/someone/secret/imdb", "model": "/home/someone/weights/base"}
    settings |= {
        "tokenizer": "/home/someone/words",
        "optim_target_modules": ["~/x/a.json"],
        "deepspeed": "/home/b.json",
    }
    run = make_run(tmp_path / "own", settings=settings, metrics={"corpus": "imdb"})
    card = card_of(run, repo_id="a/b")
    check_card(card)
    assert card.data.datasets is None and card.data.language is None and card.data.base_model is None
    assert card.data.eval_results[0].dataset_type == "custom"
    assert "/home" not in str(card) and "~/" not in str(card) and "| words |" in card.text
    assert "--model DIR --data_dir DIR" in card.text


@pytest.mark.parametrize("model", ["folder/base", "../base", "~/base", "no id of the hub"])
def test_a_folder_is_no_base_model_of_the_hub(tmp_path, model):
    (tmp_path / "folder" / "base").mkdir(parents=True)
    assert card_of(make_run(tmp_path / "x", settings={"model": model})).data.base_model is None


def test_a_reference_network_leaves_trust_to_its_reader(tmp_path):
    run = make_run(tmp_path / "x", settings={"model": "transformer"})
    (run.path / "config.json").write_text(json.dumps({"depth": 2, "width": 64, "tie_word_embeddings": False}))
    at_home, published = card_of(run), card_of(run, repo_id="a/b")
    assert at_home.data.base_model is None and "depth=2, width=64" in section(at_home, "Training")
    assert all("import models" in code and "trust_remote_code" not in code for code in snippets(at_home))
    assert all("trust_remote_code=True" in code for code in snippets(published))
    assert "runs the Python files of this repository" in published.text


def test_a_lora_run_names_its_adapter_where_it_lies(tmp_path):
    run = make_run(tmp_path / "x", settings={"tuning": "lora", "lora_rank": 7, "lora_alpha": 32, "lora_dropout": 0.05})
    card = card_of(run)
    assert "lora" in card.data.tags and "| LoRA rank | 7 |" in card.text and "`adapter/`" not in card.text
    (run.path / "adapter").mkdir()
    assert "`adapter/`" in card_of(run).text


def test_a_language_model_is_no_classifier(tmp_path):
    figures = {"loss": FIGURE | {"value": 3.5}, "perplexity": FIGURE | {"value": 33.1, "low": 30.0, "high": 36.0}}
    training = {"parameters": 9, "non_embedding_parameters": 5, "tokens": 2542, "flops": 1.9e8}
    run = make_run(
        tmp_path / "x",
        settings={"task": "causal_lm", "model": "transformer"},
        metrics={"validation": figures, "test": figures, "training": training},
    )
    card = card_of(run, repo_id="a/b")
    check_card(card)
    assert card.data.pipeline_tag == "text-generation" and "Perplexity 33.1 [30.0, 36.0]" in card.text
    assert {result.metric_type for result in card.data.eval_results} == {"loss", "perplexity"}
    assert "eval/run.py" not in card.text.replace("Written by eval/run.py", "") and "classif" not in card.text
    assert "1.9e+08 floating-point operations; 2,542 tokens read" in section(card, "Compute")
    for code in snippets(card):
        ast.parse(code)


def test_the_overlap_is_said_and_makes_the_figures_flatter(run, tmp_path):
    card = card_of(run)
    assert "1 of 32 test rows (3.1%) also stands in the training rows" in section(card, "Training data")
    assert "figures flatter" in card.text.split("## How to use")[0]
    unknown = card_of(make_run(tmp_path / "unknown", metrics={"overlap": None}))
    assert "Overlap" not in unknown.text and "flatter" not in unknown.text.split("## How to use")[0]


def test_what_went_wrong_is_told_and_escaped(run):
    assert "## Incidents" in card_of(run).text and "python eval/diagnose.py mine" in card_of(run).text
    assert "## Incidents" not in card_of(run, repo_id="a/b").text
    diagnosis = {"schema": 1, "verdict": "overfitting", "findings": [FINDING], "insufficient": []}
    run.diagnosis.write_text(json.dumps(diagnosis))
    card = card_of(run)
    told = section(card, "Incidents")
    assert "Overfitting since step 20 (epoch 2)" in told and "`--early_stopping_patience 2`" in told
    assert "too many passes &lt;b>" in told.lower()
    assert "overfitting since step 20" in card.text.split("## How to use")[0]
    run.diagnosis.write_text(json.dumps(diagnosis | {"verdict": "healthy", "findings": []}))
    assert "shows nothing wrong" in section(card_of(run), "Incidents")


def test_a_treatment_says_whether_the_cause_is_proven(run):
    diagnosis = {"schema": 1, "verdict": "overfitting", "findings": [FINDING], "insufficient": []}
    run.diagnosis.write_text(json.dumps(diagnosis))
    cause = {"confirmed": True, "words": "too little data", "why": ["seen"], "remedy": None}
    (run.path / "treatment").mkdir()
    treatment = {"schema": 1, "finding": "overfitting", "cause": cause, "cure": None}
    (run.path / "treatment" / "treatment.json").write_text(json.dumps(treatment))
    told = section(card_of(run), "Incidents")
    assert "Cause (confirmed by experiment):** Too little data." in told and "Probable cause" not in told


def test_compute_is_what_the_run_wrote_down(run, tmp_path):
    (run.trainer_state).write_text(json.dumps({"total_flos": 3.6e13}))
    told = section(card_of(run), "Compute")
    assert "5 minutes" in told and "on a CPU with 2 threads, 2 processes, bf16" in told and "3.6e+13" in told
    assert "--num_processes 2" in card_of(run).text
    silent = card_of(make_run(tmp_path / "silent", settings={"use_cpu": False}, journal=False))
    told = section(silent, "Compute")
    assert "minutes" not in told and "floating" not in told and "GPU" in told
    assert LOSS not in silent.text


def test_a_resumed_run_counts_its_time_from_there(run):
    log = Journal(run.journal)
    log.write("event", 30, 3.0, event="resume", world_size=1, max_steps=40)
    log.write("event", 40, 4.0, event="train_end", train_loss=0.4, seconds=60.0)
    log.close()
    assert "60 seconds since it was last resumed" in section(card_of(run), "Compute")


def test_settings_are_told_where_they_matter_or_are_unusual():
    from transformers import TrainingArguments

    usual = {name: field.default for name, field in TrainingArguments.__dataclass_fields__.items()}
    usual = {name: value for name, value in usual.items() if isinstance(value, str | int | float)}
    usual |= {"lr_scheduler_type": "linear"}
    assert unusual(usual) == {}
    mine = usual | {"adam_beta2": 0.98, "neftune_noise_alpha": 5.0, "logging_steps": 3, "output_dir": "x"}
    assert unusual(mine) == {"adam_beta2": 0.98, "neftune_noise_alpha": 5.0}


HOSTILE = "x`](y)\n---\n# Big <script>alert(1)</script> *b* | _c_ ```"


def test_names_are_text(tmp_path):
    settings = {"data_dir": "d", "model": f"/{HOSTILE}", "metric_for_best_model": HOSTILE, "optim": HOSTILE}
    run = make_run(tmp_path / HOSTILE.replace("/", ""), settings=settings, metrics={"corpus": HOSTILE})
    (run.path / "config.json").write_text(
        json.dumps({"id2label": {"0": HOSTILE, "1": "</p>"}, "transformers_version": HOSTILE})
    )
    card = ModelCard(str(card_of(run)))
    check_card(card)
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(card.text)
    assert "<script" not in html and html.count("<h1>") == 1 and "</p></" not in html and "<em>b" not in html
    headings = re.findall(r"<h2>(.*?)</h2>", html)
    assert headings[0] == "How to use" and headings[-1] == "How to reproduce" and "Metrics" in headings
    for code in snippets(card):
        ast.parse(code)


def test_an_owners_card_keeps_its_words_and_gets_the_figures(run):
    run.model_card.write_text("---\nlicense: mit\n---\n# Mine\n")
    card = card_of(run, repo_id="a/b", license="apache-2.0")
    assert card.text == "# Mine\n" and card.data.license == "mit"
    assert card.data.eval_results[0].metric_value == 0.8125 and card.data.model_name == "b"
    assert pictures_of(run, card) == {}
    run.model_card.write_text("---\nlicense: [\n---\n# Mine\n")
    with pytest.raises(UserError, match="cannot be read .* mend or delete it"):
        card_of(run)


def test_our_own_card_is_written_again(run):
    run.model_card.write_text("---\n{}\n---\n<!-- Written by eval/run.py, an older one -->\n# Old\n")
    write_model_card(run)
    text = run.model_card.read_text()
    assert "# Old" not in text and "# mine" in text and (run.path / LOSS).read_bytes().startswith(b"\x89PNG")
    written = files(run.path)
    write_model_card(run)
    assert files(run.path) == written


@pytest.mark.parametrize(
    "settings", [{"max_length": "long"}, {"learning_rate": {"a": 1}, "seed": [1], "max_steps": "x"}]
)
def test_settings_out_of_shape_are_one_line(tmp_path, settings):
    with pytest.raises(UserError, match="not in shape") as caught:
        card_of(make_run(tmp_path / "x", settings=settings))
    assert "\n" not in str(caught.value)


def test_a_run_that_is_not_finished_has_no_card(run):
    run.metrics.unlink()
    with pytest.raises(UserError, match="metrics.json"):
        card_of(run)
