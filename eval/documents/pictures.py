"""The pictures of the documents, each drawn from committed results."""

from collections.abc import Callable

import pandas as pd
from matplotlib.figure import Figure

from eval.documents.sources import Difference, StudyResult
from eval.plots.treatments import Treatment, draw_treatments

ARMS = {
    "overconfidence": {
        ("calibration", "calibrated"): "temperature",
        ("verification", "verified"): "retrieval, beside temperature",
    },
    "bias": {
        ("counterfactual", "swap_terms"): "swapped terms",
        ("counterfactual", "swap_terms_and_consistency"): "swapped terms, consistency loss",
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


def _treatment(study: StudyResult, level: str, label: str) -> Treatment:
    arm = study.arms[level]
    return Treatment(label, _points(arm.effect), arm.verdict, _points(study.change("test.accuracy", level)))


def _points(difference: Difference) -> tuple[float, float, float]:
    return tuple(100 * value for value in (difference.value, difference.low, difference.high))


PICTURES: dict[str, Callable[[Studies, Tables], Figure]] = {"treatments": draw_arms}
