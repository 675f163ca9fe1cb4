"""Boxes one below the other, and how they come on pages."""

from collections.abc import Callable
from dataclasses import dataclass, field

from eval.typesetting.canvas import Canvas

Draw = Callable[[Canvas, float], None]
SHRINK = 0.7
"""A figure is drawn down to this share of its height where it ends a page then, rather than leaves it half empty."""
Backdrop = Callable[[Canvas, float, float], None]


@dataclass(slots=True)
class Box:
    """A slice of the column that is never split; lengths in points."""

    height: float
    draw: Draw
    """Draws on the canvas, from the top y on."""
    gap: float = 0.0
    """Space above it, but at the top of a page."""
    keep: bool = False
    """Whether the next box is to stand on the same page."""
    header: tuple["Box", ...] = ()
    """What is said again above this box where it begins a page: the head of a table."""
    shrunk: Callable[[float], "Box"] | None = None
    """Of a figure: the same in a lesser height."""
    backdrops: list[Backdrop] = field(default_factory=list)
    """Drawn behind it from one y to another, the gap above included where it has begun before: the bar of a quote."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A box on a page: its top, and the gap above it that its backdrops fill."""

    box: Box
    top: float
    gap: float

    def draw(self, canvas: Canvas) -> None:
        """Draw the box and what lies behind it."""
        for backdrop in self.box.backdrops:
            backdrop(canvas, self.top - self.gap, self.top + self.box.height)
        self.box.draw(canvas, self.top)


def paginate(boxes: list[Box], top: float, bottom: float) -> list[list[Placed]]:
    """The boxes on pages; those to be kept together are, unless they are longer than a page."""
    pages: list[list[Placed]] = [[]]
    y = top

    def place(box: Box) -> None:
        nonlocal y
        gap = box.gap if pages[-1] else 0.0
        pages[-1].append(Placed(box, y + gap, gap))
        y += gap + box.height

    for group in _groups(boxes):
        for part in [group] if _height(group) <= bottom - top else [[box] for box in group]:
            excess = y + part[0].gap + _height(part) - bottom
            if pages[-1] and excess > 0.01:
                part, excess = _shrunk(part, excess)
            if pages[-1] and excess > 0.01:
                pages.append([])
                y = top
                for box in part[0].header:
                    place(box)
            for box in part:
                place(box)
    return pages


def stack(boxes: list[Box], gap: float) -> list[Box]:
    """The same boxes, the first of them at least `gap` below what comes before."""
    if boxes:
        boxes[0].gap = max(boxes[0].gap, gap)
    return boxes


def keep_ends(boxes: list[Box]) -> list[Box]:
    """The same boxes of a paragraph: its first two lines stay together, and its last two."""
    if len(boxes) > 1:
        boxes[0].keep = boxes[-2].keep = True
    return boxes


def behind(boxes: list[Box], backdrop: Backdrop) -> list[Box]:
    """The same boxes with one backdrop behind all of them, the gaps between them included."""
    for index, box in enumerate(boxes):
        box.backdrops.insert(0, backdrop if index else _without_gap(backdrop, box))
    return boxes


def _without_gap(backdrop: Backdrop, box: Box) -> Backdrop:
    return lambda canvas, _, end: backdrop(canvas, end - box.height, end)


def _shrunk(part: list[Box], excess: float) -> tuple[list[Box], float]:
    """The same boxes with a lower figure, and no excess, where that is enough."""
    for index, box in enumerate(part):
        if box.shrunk and box.height - excess >= SHRINK * box.height:
            return [*part[:index], box.shrunk(box.height - excess), *part[index + 1 :]], 0.0
    return part, excess


def _groups(boxes: list[Box]) -> list[list[Box]]:
    groups: list[list[Box]] = []
    for index, box in enumerate(boxes):
        if index and boxes[index - 1].keep:
            groups[-1].append(box)
        else:
            groups.append([box])
    return groups


def _height(group: list[Box]) -> float:
    """Without the gap above the first."""
    return sum(box.height for box in group) + sum(box.gap for box in group[1:])
