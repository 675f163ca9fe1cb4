"""The metadata at the head of a card: what the Hub lists, searches and shows beside the model."""

from huggingface_hub import EvalResult, ModelCardData

from eval.cards.facts import Facts

TASKS = {"classification": "text-classification", "causal_lm": "text-generation"}
METRICS = {
    "auc": "roc_auc",
    "mcc": "matthews_correlation",
    "brier": "brier_score",
    **{f"{name}_{of}": name for name in ("f1", "precision", "recall") for of in ("macro", "negative")},
}
"""The names under which the Hub knows our metrics, where they are others."""


KNOWN = frozenset(
    {"accuracy", "f1", "precision", "recall", "roc_auc", "matthews_correlation", "brier_score", "perplexity"}
)
"""Metrics that have a page on the Hub."""


def card_data(facts: Facts, license: str | None) -> ModelCardData:  # noqa: A002 (the Hub's word)
    """The metadata of a run's card; an interval stands in the arguments of its metric."""
    source, results = facts.source, eval_results(facts)
    tags = ["finetune-clinic"] if facts.is_language_model else ["finetune-clinic", "sentiment-analysis"]
    return ModelCardData(
        model_name=facts.name,
        license=license,
        base_model=facts.base,
        base_model_relation="finetune" if facts.base else None,
        datasets=[source.dataset] if source else None,
        language="en" if source else None,
        library_name="transformers",
        pipeline_tag=TASKS[facts.task],
        tags=[*tags, "lora"] if facts.tuning == "lora" else tags,
        metrics=sorted(KNOWN & {result.metric_type for result in results}) or None,
        eval_results=results or None,
    )


def eval_results(facts: Facts) -> list[EvalResult]:
    """Every metric on the test rows that has a value, and the calibration error where it was measured."""
    figures = dict(facts.figures["test"])
    if "calibration" in facts.parts:
        name = "expected_calibration_error"
        figures[name] = facts.parts["calibration"]["raw"][name]
    source = facts.source
    where = {
        "dataset_type": source.dataset if source else "custom",
        "dataset_name": source.title if source else facts.corpus,
        "dataset_split": source.split if source else "test",
    }
    if source and source.own_split:
        # Else readers would compare the figures with those on the dataset's own test rows.
        where["dataset_name"] += " (test rows cut from its training split)"
        where["dataset_args"] = {"cut_from": "train"}
    return [
        EvalResult(
            task_type=TASKS[facts.task],
            **where,
            metric_type=METRICS.get(name, name),
            metric_name=name,
            metric_value=figure["value"],
            metric_args=_interval(figure),
        )
        for name, figure in figures.items()
        if figure["value"] is not None
    ]


def _interval(figure: dict) -> dict:
    ends = {} if figure.get("low") is None else {"low": figure["low"], "high": figure["high"], "level": 0.95}
    return ends | {"n": figure["n"]}
