"""How often answers differ where the meaning does not, and what a memory does about it."""

from matplotlib.figure import Figure

from eval.plots.bands import bars
from eval.plots.style import BLUE, GREEN, VERMILION, new_figure

ROWS = {
    "contradictions": "dialogues with\na contradiction",
    "errors": "turns\njudged wrongly",
    "changes_missed": "changes of mind\nmissed",
}


def draw_consistency(flips: dict[str, dict], dialogues: dict[str, dict]) -> Figure:
    """Two panels of shares with their 95% intervals: pairs by kind; dialogues, each turn alone and with a memory."""
    with new_figure(8.0, 3.2, columns=2) as (figure, [left, right]):
        kinds = {kind: flip for kind, flip in flips.items() if flip["n"]}
        _points(left, list(kinds.values()), 0.0, VERMILION, "s", None)
        left.set_yticks(range(len(kinds)), [f"{kind}\n({flip['n']} pairs)" for kind, flip in kinds.items()])
        left.set_title("The same meaning, two classes")
        for (name, spoken), offset, colour, marker in zip(
            dialogues.items(), (-0.13, 0.13), (BLUE, GREEN), ("o", "^"), strict=True
        ):
            _points(right, [spoken[key] for key in ROWS], offset, colour, marker, name)
        right.set_yticks(range(len(ROWS)), list(ROWS.values()))
        right.set_title(f"{dialogues['alone']['contradictions']['n']} scripted dialogues")
        right.legend(loc="center right", fontsize=8.5)
        for axes, count in ((left, len(kinds)), (right, len(ROWS))):
            axes.set_ylim(count - 0.5, -0.5)
            axes.set_xlim(left=0)
            axes.grid(False, axis="y")
            axes.set_xlabel("share, %")
    return figure


def _points(axes, figures: list[dict], offset: float, colour: str, marker: str, label: str | None) -> None:
    shares = [{key: 100 * figure[key] for key in ("value", "low", "high")} for figure in figures]
    axes.errorbar(
        [share["value"] for share in shares],
        [row + offset for row in range(len(shares))],
        xerr=bars(shares),
        fmt=marker,
        color=colour,
        markersize=6,
        capsize=3,
        label=label,
    )
