"""The effects of a study without replicates on the half-normal scale."""

from matplotlib.figure import Figure

from eval.plots.style import BLUE, GREY, VERMILION, new_figure
from eval.units import Unit, plain_name


def draw_half_normal(data: dict, unit: Unit) -> Figure:
    """Sizes of effects against half-normal scores, with Lenth's line of chance and his two margins.

    Chance alone lies along the line; what stands out to the right of it is an effect. Source: Daniel, Use of
    half-normal plots in interpreting factorial two-level experiments, Technometrics 1, 1959.
    """
    half_normal = data["half_normal"]
    points, lenth = half_normal["points"], half_normal["lenth"]
    sizes = [unit.scale * abs(point["effect"]) for point in points]
    scores = [point["score"] for point in points]
    margin, simultaneous = (unit.scale * lenth[key] for key in ("margin", "simultaneous_margin"))
    with new_figure(6.4, 4.2) as (figure, [axes]):
        error = unit.scale * lenth["pseudo_standard_error"]
        axes.plot([0, error * scores[-1]], [0, scores[-1]], color=GREY, linewidth=1.2, label="chance")
        axes.axvline(margin, color=GREY, linestyle="--", linewidth=1.2, label="95% margin of one effect")
        axes.axvline(simultaneous, color=VERMILION, linestyle=":", label="95% margin of the largest")
        for point, size, score in zip(points, sizes, scores, strict=True):
            beyond = size > simultaneous
            axes.plot(size, score, "s" if beyond else "o", color=VERMILION if beyond else BLUE, markersize=5)
            if size > margin or point is points[-1]:
                name = point["name"].replace("$", r"\$")
                axes.annotate(name, (size, score), (-6, 3), textcoords="offset points", ha="right", fontsize=8)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0, top=1.1 * scores[-1])
        name = f", {unit.name}" if unit.name else ""
        axes.set_xlabel(f"size of the effect on {plain_name(data['metric'])}{name}")
        axes.set_ylabel("half-normal score")
        axes.set_title("Effects that stand out from chance")
        axes.legend(loc="lower right", fontsize=8)
    return figure
