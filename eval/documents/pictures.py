"""The pictures of the documents, each drawn from committed results."""

from collections.abc import Callable

import pandas as pd
from matplotlib.figure import Figure

from eval.documents.sources import Difference, StudyResult
from eval.parts.reliability import NAMES
from eval.plots.causes import draw_causes
from eval.plots.scaling_held_out import draw_held_out
from eval.plots.targets import draw_targets
from eval.plots.treatments import Treatment, draw_treatments
from eval.scaling_laws.held_out import hold_out
from eval.scaling_laws.study_runs import read_study_runs
from eval.targets import TARGETS

ARMS = {
    "overconfidence": {
        ("calibration", "calibrated"): "temperature",
        ("verification", "verified"): "retrieval, beside temperature",
    },
    "bias": {
        ("counterfactual", "swap_terms"): "swapped terms",
        ("counterfactual", "swap_terms_and_consistency"): "swapped terms, consistency loss",
        ("robust", "robust"): "the whole recipe (3 seeds)",
    },
    "wording": {
        ("wording", "augment"): "edited copies",
        ("wording", "wordings"): "template sentences",
        ("wording", "consistency"): "consistency loss",
        ("wording", "wordings_and_consistency"): "templates, consistency loss",
    },
    "inconsistency": {("memory", "true"): "memory of the dialogue"},
}
"""{risk: {(study, level): what the treatment is called}}."""
PLANTED = {
    "rate": "rate too high",
    "batch": "batches of one row",
    "both": "both",
    "healthy": "nothing (healthy)",
}
"""What the treatment scorecard's runs have planted."""
ACCURACY_LOST = 0.5
"""Points of accuracy that a treatment may cost."""

Studies = Callable[[str], StudyResult]
Tables = Callable[[str], pd.DataFrame]


def draw_arms(study: Studies, tables: Tables) -> Figure:
    """Every arm of every study: what it does to its risk and to accuracy."""
    return draw_treatments(
        {
            risk: [_treatment(study(name), level, label) for (name, level), label in arms.items()]
            for risk, arms in ARMS.items()
        },
        ACCURACY_LOST,
    )


def draw_recipe(study: Studies, tables: Tables) -> Figure:
    """The shares of failures of the robust networks and of the plain ones, together, beside their targets."""
    table = tables("benchmarks/results/robust_recipe.csv").query("pair == 'all'").set_index("figure")
    rows = {}
    for figure in NAMES:
        if figure in table.index and not figure.endswith("_accuracy"):
            row = table.loc[figure]
            this, other = (
                {"value": row[name], "low": row[f"{name}_low"], "high": row[f"{name}_high"]}
                for name in ("robust", "plain")
            )
            rows[NAMES[figure]] = {"this": this, "other": other, "below": TARGETS.get(figure)}
    return draw_targets(rows, "robust", "plain", compact=True)


def draw_planted_causes(study: Studies, tables: Tables) -> Figure:
    """The treated runs of the scorecard: what larger batches and a lower rate leave of the swing, by planted cause."""
    runs = tables("benchmarks/results/treatment_scorecard.csv")
    return draw_causes(
        {
            PLANTED[planted]: list(zip(own["larger_batches"], own["lower_rate"], own["right"], strict=True))
            for planted, own in runs.groupby("planted", sort=False)
        }
    )


def draw_largest_runs(study: Studies, tables: Tables) -> Figure:
    """What the measured scaling law, fitted without the largest runs, says of them."""
    return draw_held_out(hold_out(read_study_runs(study("scaling").folder).table))


def _treatment(study: StudyResult, level: str, label: str) -> Treatment:
    arm = study.arms[level]
    return Treatment(label, _points(arm.effect), arm.verdict, _points(study.change("test.accuracy", level)))


def _points(difference: Difference) -> tuple[float, float, float]:
    return tuple(100 * value for value in (difference.value, difference.low, difference.high))


PICTURES: dict[str, Callable[[Studies, Tables], Figure]] = {
    "treatments": draw_arms,
    "recipe": draw_recipe,
    "causes": draw_planted_causes,
    "largest_runs": draw_largest_runs,
}
