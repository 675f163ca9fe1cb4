"""Straight lines on log-log axes: the first look at a table of runs, and no more than that."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from eval.plots.scaling import LABELS, count_axis, loss_axis
from eval.plots.style import BLUE, VERMILION, new_figure
from eval.scaling_laws.compare import Regression
from eval.scaling_laws.table import ScalingTable


def draw_regressions(table: ScalingTable, regressions: Sequence[Regression]) -> Figure:
    """The losses against each variable with its log-log regression, a panel each."""
    with new_figure(3.4 * len(regressions), 3.2, columns=len(regressions)) as (figure, panels):
        for axes, found in zip(panels, regressions, strict=True):
            x = getattr(table, found.variable)
            ends = np.array([x.min(), x.max()])
            axes.plot(ends, np.exp(found.intercept) * ends**found.slope.value, color=BLUE)
            axes.plot(x, table.loss, "o", color=VERMILION, markersize=4.5)
            axes.set_xscale("log")
            axes.set(xlabel=LABELS[found.variable], title=f"slope {found.slope.value:.3f}, R² {found.r_squared:.4f}")
            loss_axis(axes)
            count_axis(axes.xaxis, axes.get_xlim(), plain=found.variable == "compute")
        panels[0].set_ylabel("Loss")
    return figure
