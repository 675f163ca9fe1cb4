"""The model card of a run: README.md with the figures as model-index entries."""

from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import EvalResult, ModelCard, ModelCardData

from cli.errors import UserError
from eval.markup import escape, estimate, table
from eval.report import HEADINGS, summarise
from eval.run_directory import RunDirectory, read_metrics, read_settings, write_text
from models.reference_configs import REFERENCE_NETWORKS

TEMPLATE = Path(__file__).parent / "templates" / "model_card.md"
MARK = "<!-- Written by eval/run.py, which writes it again: delete this line to keep your own text. -->"

DATASETS = {
    "sst2": "stanfordnlp/sst2",
    "reviews": "cornell-movie-review-data/rotten_tomatoes",
    "imdb": "stanfordnlp/imdb",
}
BASE = {"embedded": "nreimers/MiniLM-L6-H384-uncased"}
# The names under which the Hub knows our metrics.
METRICS = {"auc": "roc_auc", "mcc": "matthews_correlation", "brier": "brier_score"}


def write_model_card(run: RunDirectory, about: dict[str, Any], parts: dict[str, dict]) -> None:
    """Write the card of a run from its settings and the finished parts of its evaluation.

    A card without our mark is its owner's: there, only the model-index is brought up to date. Without the part
    `metrics` nothing is written.
    """
    if "metrics" not in parts:
        return
    data = card_data(run, about, parts["metrics"]["test"])
    if run.model_card.is_file():
        try:
            card = ModelCard.load(run.model_card)
        except (yaml.YAMLError, ValueError) as error:
            raise UserError(
                f"{run.model_card} cannot be read ({' '.join(str(error).split())[:100]}): mend or delete it; "
                "the report itself is written"
            ) from error
        if MARK not in card.content:
            card.data.model_name, card.data.eval_results = data.model_name, data.eval_results
            write_text(run.model_card, str(card))
            return
    write_text(run.model_card, str(_card(run, data, about, parts)))


def card_data(run: RunDirectory, about: dict[str, Any], test: dict[str, dict]) -> ModelCardData:
    """The metadata of the card, which the Hub lists and searches; an interval stands in its metric's arguments."""
    settings = read_settings(run.config)
    corpus = about["corpus"]
    results = [
        EvalResult(
            task_type="text-classification",
            dataset_type=DATASETS.get(corpus, corpus),
            dataset_name=corpus,
            dataset_split="validation" if corpus == "sst2" else "test",
            metric_type=METRICS.get(name, name),
            metric_name=name,
            metric_value=figure["value"],
            metric_args={"low": figure["low"], "high": figure["high"], "level": 0.95, "n": figure["n"]},
        )
        for name, figure in test.items()
        if figure["value"] is not None
    ]
    base = BASE.get(settings["model"], settings["model"])
    return ModelCardData(
        model_name=run.path.resolve().name,
        base_model=None if Path(base).exists() or base in REFERENCE_NETWORKS else base,
        datasets=[DATASETS[corpus]] if corpus in DATASETS else None,
        language="en",
        library_name="transformers",
        pipeline_tag="text-classification",
        tags=["sentiment-analysis"],
        eval_results=results,
    )


def _card(run: RunDirectory, data: ModelCardData, about: dict[str, Any], parts: dict[str, dict]) -> ModelCard:
    settings, summary = read_settings(run.config), summarise(parts)
    tuning = {"full": "all parameters trained", "lora": "trained with LoRA, merged", "frozen": "only the head trained"}
    metrics = parts["metrics"]
    rows = [[name, estimate(metrics["validation"].get(name)), estimate(test)] for name, test in metrics["test"].items()]
    sizes = {split: metrics[split]["accuracy"]["n"] for split in ("validation", "test")}
    return ModelCard.from_template(
        data,
        template_str=TEMPLATE.read_text(encoding="utf-8"),
        mark=MARK,
        name=data.model_name,
        path=run.path,
        base=BASE.get(settings["model"], settings["model"]),
        tuning=tuning[settings["tuning"]],
        best_step=read_metrics(run.metrics)["best_step"],
        about=about,
        summary=summary,
        sections={HEADINGS[kind]: [escape(text) for text in texts] for kind, texts in summary.remarks.items()},
        metrics=table(["metric", *(f"{split}, n = {sizes[split]:,}" for split in sizes)], rows),
    )
