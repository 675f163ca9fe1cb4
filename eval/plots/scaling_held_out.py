"""What a law said of runs that it had not seen, against what these reached."""

from matplotlib.figure import Figure

from eval.plots.scaling import LABELS, count_axis
from eval.plots.style import BLUE, VERMILION, new_figure
from eval.scaling_laws.held_out import HeldOut


def draw_held_out(found: HeldOut) -> Figure:
    """The error of each prediction with the 95% interval of a single run, in per cent of what was reached."""
    with new_figure(6.4, 3.2) as (figure, [axes]):
        variable = "compute" if found.runs[0].compute is not None else "parameters"
        at = [getattr(run, variable) for run in found.runs]
        axes.axhline(0, color=VERMILION, label="reached")
        for x, run in zip(at, found.runs, strict=True):
            if run.predicted.low is not None:
                ends = [100 * (end / run.loss - 1) for end in (run.predicted.low, run.predicted.high)]
                axes.plot([x, x], ends, color=BLUE, linewidth=1.4)
        axes.plot(at, [100 * run.error for run in found.runs], "o", color=BLUE, markersize=4.5, label="predicted, 95%")
        axes.set_xscale("log")
        count_axis(axes.xaxis, axes.get_xlim(), plain=variable == "compute")
        axes.set(xlabel=LABELS[variable], ylabel="Predicted above reached, %", title="The largest runs, not fitted")
        axes.legend(fontsize=8)
    return figure
