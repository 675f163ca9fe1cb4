"""The checkpoints' figures against the step."""

from matplotlib.figure import Figure

from eval.plots.bands import bars
from eval.plots.style import BLUE, GREEN, MARKERS, VERMILION, new_figure

SHOWN = (
    ("accuracy", "Accuracy", 1, BLUE),
    ("log_loss", "Log loss (nats)", 1, VERMILION),
    ("expected_calibration_error", "Calibration error (points)", 100, GREEN),
)


def draw_checkpoints(checkpoints: list[dict]) -> Figure:
    """Three panels with 95% intervals, each on its own scale."""
    steps = [point["step"] for point in checkpoints]
    with new_figure(width=9.6, height=3.4, columns=len(SHOWN)) as (figure, panels):
        for axes, (name, label, unit, colour), marker in zip(panels, SHOWN, MARKERS, strict=False):
            estimates = [point[name] for point in checkpoints]
            values = [unit * each["value"] for each in estimates]
            reach = [[unit * length for length in side] for side in bars(estimates)]
            axes.errorbar(steps, values, reach, color=colour, marker=marker, capsize=3)
            axes.set_xlabel("Step")
            axes.set_title(f"{label}, test rows")
    return figure
