"""The plots that go with a diagnosis."""

import warnings
from collections.abc import Sequence

from eval.diagnosis.finding import Finding
from eval.diagnosis.history import History
from eval.diagnosis.verdict import OF_GRADIENTS
from eval.pages import png
from eval.plots.diagnosis import draw_loss, draw_metrics
from eval.plots.gradients import draw_heat_map, draw_profile, layer_by_step


def draw(history: History, findings: Sequence[Finding]) -> dict[str, bytes]:
    """The plots of what the log holds as PNG, {name in document.SHOWN: picture}."""
    figures = {"loss": draw_loss(history, findings), "metrics": draw_metrics(history, findings)}
    if history.gradients is not None and len(history.gradients.step):
        data = layer_by_step(history.gradients)
        onset = findings[0].onset
        figures["gradients"] = draw_heat_map(data, onset and onset.step)
        if findings[0].name in OF_GRADIENTS:
            figures["layers"] = draw_profile(data)
    with warnings.catch_warnings():
        # Names in a script that the font lacks.
        warnings.filterwarnings("ignore", message="Glyph")
        return {name: png(figure) for name, figure in figures.items() if figure}
