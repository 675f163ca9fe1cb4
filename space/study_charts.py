"""Charts of a study's effects.json, to hover over."""

import textwrap
from collections.abc import Sequence
from dataclasses import asdict

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from eval.guard_panels import Panel, guard_panels
from eval.guards import BROKEN, HELD, OPEN
from eval.study_sections import guard_text
from eval.units import Unit, plain_name
from eval.verdicts import BOUNDED, HELPS, HURTS, UNRESOLVED
from space.charts import BLUE, GREEN, GREY, LAYOUT, OCHRE, PURPLE, VERMILION
from space.texts import text_html

LOOKS = {
    HELPS: ("helps", GREEN, "triangle-up"),
    HURTS: ("hurts", VERMILION, "triangle-down"),
    BOUNDED: ("no effect", BLUE, "square"),
    UNRESOLVED: ("not resolvable", GREY, "circle-open"),
}
"""By verdict: its words, colour and marker."""
GUARD_LOOKS = {HELD: (GREEN, "triangle-up"), BROKEN: (VERMILION, "triangle-down"), OPEN: (GREY, "circle-open")}
"""By verdict: its colour and marker."""
COLOURS, DASHES = (BLUE, VERMILION, GREEN, OCHRE, PURPLE), ("solid", "dash", "dot", "dashdot", "longdash")
BAND = "rgba(127,127,127,0.18)"


def effect_chart(data: dict, unit: Unit) -> go.Figure:
    """Each level against its baseline with the 95% interval, over the differences of the single seeds.

    The band is what does not matter; the verdict is told by colour and marker.
    """
    effects = data["effects"]
    better = "right" if data["higher_is_better"] else "left"
    figure = _figure(f"What each level does: {better} is better", f"{_measured(data, unit)}<br>level minus baseline")
    margin = unit.scale * data["margin"]
    figure.add_vrect(
        *(-margin, margin), fillcolor=BAND, line_width=0, layer="below", showlegend=True, name="does not matter"
    )
    figure.add_vline(0, line=dict(color=GREY, width=1), layer="below")
    seeds = [
        (unit.scale * value, y + 0.27)
        for y, effect in enumerate(effects)
        for value in effect["differences"]
        if len(effect["differences"]) > 1
    ]
    if seeds:
        figure.add_scatter(
            x=[x for x, _ in seeds],
            y=[y for _, y in seeds],
            name="one seed",
            mode="markers",
            marker=dict(symbol="line-ns-open", size=8, color=GREY),
            hovertemplate="one seed: %{x:+.4~g}<extra></extra>",
        )
    for verdict, (words, colour, symbol) in LOOKS.items():
        shown = [
            (y, effect["estimate"], effect)
            for y, effect in enumerate(effects)
            if effect["verdict"] == verdict and effect["estimate"]["value"] is not None
        ]
        if shown:
            reach = [_reach(estimate, unit.scale) for _, estimate, _ in shown]
            figure.add_scatter(
                x=[unit.scale * estimate["value"] for _, estimate, _ in shown],
                y=[y for y, *_ in shown],
                error_x=dict(
                    symmetric=False, arrayminus=[low for low, _ in reach], array=[high for _, high in reach], width=0
                ),
                text=[_effect_in_words(effect, unit, words) for *_, effect in shown],
                hovertemplate="%{text}<extra></extra>",
                name=words,
                mode="markers",
                marker=dict(symbol=symbol, color=colour, size=10, line=dict(width=2, color=colour)),
            )
    for y, effect in enumerate(effects):
        if effect["estimate"]["value"] is None:
            figure.add_annotation(x=0, y=y, text="no run to compare", showarrow=False, font=dict(color=GREY))
    names = [f"{_cut(effect['factor'])}<br>{_cut(effect['level'])}" for effect in effects]
    figure.update_yaxes(
        tickvals=list(range(len(effects))), ticktext=names, range=[len(effects) - 0.4, -0.6], showgrid=False
    )
    # As wide as the page, where the names leave little room.
    figure.update_layout(
        height=200 + 46 * len(effects), margin=dict(b=115), legend=dict(xref="container", x=0.02, entrywidth=95)
    )
    return figure


def guard_chart(guards: Sequence[dict]) -> go.Figure:
    """The loss of each guard with its 95% interval, over the single seeds; right is worse.

    What may be lost is shaded and ends in a mark; the verdict is told by colour and marker. Figures that are not read
    in points have an axis each.
    """
    panels = guard_panels(guards)
    gap = 75 if len(panels) > 1 else 0
    plotted = 46 * len(guards) + gap * (len(panels) - 1)
    heights = [len(panel.rows) for panel in panels]
    figure = make_subplots(len(panels), 1, row_heights=heights, vertical_spacing=gap / plotted)
    _restyle(figure, "What each level costs: left is better")
    several = len({guard["factor"] for guard in guards}) > 1
    for number, panel in enumerate(panels, start=1):
        place = dict(row=number, col=1)
        _add_losses(figure, panel, place)
        names = [_guard_name(row.guard, several=several) for row in panel.rows]
        figure.update_xaxes(title=text_html(panel.quantity), range=[panel.low, panel.high], **place)
        figure.update_yaxes(
            tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.4, -0.6], showgrid=False, **place
        )
    told = set()
    for trace in figure.data:
        trace.update(legendgroup=trace.name, showlegend=trace.name not in told)
        told.add(trace.name)
    # On a phone each entry of the legend takes a line.
    bottom = 55 + 20 * max(3, len(told))
    figure.update_layout(
        height=44 + plotted + bottom, margin=dict(b=bottom), legend=dict(xref="container", x=0.02, entrywidth=95)
    )
    return figure


def _add_losses(figure: go.Figure, panel: Panel, place: dict[str, int]) -> None:
    rows = list(enumerate(panel.rows))
    for y, row in rows:
        box = dict(x0=panel.low, x1=row.margin, y0=y - 0.4, y1=y + 0.4)
        figure.add_shape(type="rect", **box, fillcolor=BAND, line_width=0, layer="below", **place)
        if row.loss.value is None:
            note = dict(text="no run to compare", xanchor="left", showarrow=False, font=dict(color=GREY))
            figure.add_annotation(x=0, y=y, **note, **place)
    figure.add_vline(0, line=dict(color=GREY, width=1), layer="below", **place)
    seeds = [(loss, y + 0.27) for y, row in rows for loss in row.seeds if len(row.seeds) > 1]
    allowed = [(row.margin, y) for y, row in rows]
    for name, points, size, width in (("one seed", seeds, 8, 1), ("allowed up to", allowed, 30, 3)):
        if points:
            figure.add_scatter(
                x=[x for x, _ in points],
                y=[y for _, y in points],
                name=name,
                mode="markers",
                marker=dict(symbol="line-ns-open", size=size, color=GREY, line=dict(width=width)),
                hovertemplate=f"{name}: %{{x:+.4~g}}<extra></extra>",
                **place,
            )
    for verdict, (colour, symbol) in GUARD_LOOKS.items():
        shown = [(y, row) for y, row in rows if row.guard["verdict"] == verdict and row.loss.value is not None]
        if shown:
            reach = [_reach(asdict(row.loss)) for _, row in shown]
            figure.add_scatter(
                x=[row.loss.value for _, row in shown],
                y=[y for y, _ in shown],
                error_x=dict(
                    symmetric=False, arrayminus=[low for low, _ in reach], array=[high for _, high in reach], width=0
                ),
                text=[_guard_in_words(row.guard) for _, row in shown],
                hovertemplate="%{text}<extra></extra>",
                name=verdict,
                mode="markers",
                marker=dict(symbol=symbol, color=colour, size=10, line=dict(width=2, color=colour)),
                **place,
            )


def interaction_charts(data: dict, most: int) -> list[go.Figure]:
    """The mean of the metric at each pair of levels, a chart for each of the `most` surest interactions, on one scale.

    Parallel lines say that the effects add up.
    """
    pairs = {tuple(pair["factors"]): pair for pair in data["pair_means"]}
    surest = list(dict.fromkeys(tuple(row["factors"]) for row in data["interactions"]))[:most]
    means = [mean for names in surest for row in pairs[names]["means"] for mean in row if mean is not None]
    figures = []
    for names in surest:
        one, two = map(_cut, names)
        figure = _figure(f"{one} × {two}", one)
        first, second = pairs[names]["levels"]
        for number, level in enumerate(second):
            figure.add_scatter(
                x=list(range(len(first))),
                y=[row[number] for row in pairs[names]["means"]],
                text=[f"{one} {_cut(each)}, {two} {_cut(level)}" for each in first],
                hovertemplate="%{text}: %{y:.4~g}<extra></extra>",
                name=f"{two}: {_cut(level)}",
                mode="lines+markers",
                line=dict(color=COLOURS[number % 5], dash=DASHES[number % 5]),
                marker=dict(symbol=number % 5, size=8),
                showlegend=True,
            )
        figure.update_xaxes(
            tickvals=list(range(len(first))), ticktext=list(map(_cut, first)), range=[-0.3, len(first) - 0.7]
        )
        reach = 0.08 * (max(means) - min(means)) if means else 0
        scale = dict(range=[min(means) - reach, max(means) + reach]) if reach else {}
        figure.update_yaxes(title=f"mean {plain_name(data['metric'])}", **scale)
        figures.append(figure)
    return figures


def half_normal_chart(data: dict, unit: Unit) -> go.Figure:
    """Sizes of effects against half-normal scores: chance alone lies along the line, an effect to the right of it."""
    points, lenth = data["half_normal"]["points"], data["half_normal"]["lenth"]
    sizes = [unit.scale * abs(point["effect"]) for point in points]
    scores = [point["score"] for point in points]
    one, largest = (unit.scale * lenth[key] for key in ("margin", "simultaneous_margin"))
    error, top = unit.scale * lenth["pseudo_standard_error"], 1.12 * max(scores)
    figure = _figure("Effects that stand out from chance", f"size of the effect on<br>{_measured(data, unit)}")
    lines = [
        ("chance", [0, error * scores[-1]], [0, scores[-1]], GREY, "solid"),
        ("95% margin of one effect", [one, one], [0, top], GREY, "dash"),
        ("95% margin of the largest", [largest, largest], [0, top], VERMILION, "dot"),
    ]
    for name, x, y, colour, dash in lines:
        figure.add_scatter(
            x=x, y=y, name=name, mode="lines", line=dict(color=colour, dash=dash, width=1.5), hoverinfo="skip"
        )
    beyond = [size > largest for size in sizes]
    figure.add_scatter(
        x=sizes,
        y=scores,
        text=[f"{_cut(point['name'])}: {unit.signed(point['effect'])} {unit.name}" for point in points],
        hovertemplate="%{text}<extra></extra>",
        mode="markers",
        marker=dict(
            color=[VERMILION if far else BLUE for far in beyond],
            symbol=["square" if far else "circle" for far in beyond],
            size=9,
        ),
        showlegend=False,
    )
    for point, size, score in zip(points, sizes, scores, strict=True):
        if size > one:
            figure.add_annotation(
                x=size,
                y=score,
                text=_cut(point["name"]),
                showarrow=False,
                xanchor="right",
                xshift=-8,
                font=dict(color=GREY),
            )
    figure.update_xaxes(rangemode="tozero")
    figure.update_yaxes(title="half-normal score", range=[0, top])
    return figure


def _figure(title: str, quantity: str) -> go.Figure:
    figure = go.Figure()
    _restyle(figure, title)
    figure.update_xaxes(title=quantity)
    return figure


def _restyle(figure: go.Figure, title: str) -> None:
    figure.update_layout(LAYOUT)
    figure.update_layout(title=dict(text=title, x=0.02, y=0.97, yanchor="top", font=dict(size=15)))
    grid = dict(gridcolor="rgba(127,127,127,0.25)", zeroline=False, automargin=True)
    figure.update_xaxes(**grid)
    figure.update_yaxes(**grid)


def _measured(data: dict, unit: Unit) -> str:
    return f"{text_html(plain_name(data['metric']))}{f', {unit.name}' if unit.name else ''}"


def _reach(estimate: dict, scale: float = 1) -> Sequence[float]:
    """How far the interval goes to either side of the value."""
    if estimate["low"] is None:
        return 0, 0
    return scale * (estimate["value"] - estimate["low"]), scale * (estimate["high"] - estimate["value"])


def _guard_name(guard: dict, *, several: bool) -> str:
    arm = f"{guard['factor']}: {guard['level']}" if several else guard["level"]
    return f"{_cut(plain_name(guard['figure']), 24)}<br>{_cut(arm, 24)}"


def _guard_in_words(guard: dict) -> str:
    seeds = guard["estimate"]["n"]
    return (
        f"{_wrapped(guard['factor'])}: {_wrapped(guard['level'])} against {_wrapped(guard['baseline'])}<br>"
        f"{_wrapped(plain_name(guard['figure']))}:<br>{guard_text(guard)}<br>"
        f"{guard['verdict']}, {seeds} {'seed' if seeds == 1 else 'seeds'}"
    )


def _effect_in_words(effect: dict, unit: Unit, verdict: str) -> str:
    seeds = effect["estimate"]["n"]
    return (
        f"{_wrapped(effect['factor'])}: {_wrapped(effect['level'])} against {_wrapped(effect['baseline'])}<br>"
        f"{unit.interval(effect['estimate'])} {unit.name}<br>{verdict}, {seeds} {'seed' if seeds == 1 else 'seeds'}"
    )


def _cut(name: str, limit: int = 18) -> str:
    """A name that fits beside a chart; Plotly reads some HTML."""
    return text_html(name if len(name) <= limit else f"{name[: limit - 1]}…")


def _wrapped(name: str) -> str:
    return "<br>".join(map(text_html, textwrap.wrap(name, 40, max_lines=4, placeholder=" …")))
