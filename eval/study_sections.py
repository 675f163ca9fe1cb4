"""What the report of a study says: its sentences and tables, from effects.json and runs.csv as they were read."""

from typing import Any

import pandas as pd

from eval.guards import BROKEN, HELD, OPEN
from eval.markup import escape, image, table, text_table
from eval.units import Unit, plain_name, unit_of
from eval.verdicts import BOUNDED, HELPS, HURTS, UNRESOLVED, higher_is_better

SHOWN_INTERACTIONS = 12
SHOWN_CELLS = 40
SHOWN_FAILURES = 12
NAMED = 4
"""Levels named for each verdict in the first sentence."""


def headline(data: dict) -> str:
    """What helps, what hurts, what cannot be told and what it cost, in one sentence, after how far a study is."""
    opening = f"{so_far(data)} so far. " if data["missing"] else ""
    if not data["effects"]:
        if data["missing"]:
            return f"{opening}They do not yet tell what any factor does."
        names = ", ".join(factor["name"] for factor in data["factors"])
        return f"A search over {names}: it finds good settings, not what a factor does."
    bounded = [effect for effect in data["effects"] if effect["verdict"] == BOUNDED]
    clauses = {
        "helps: ": _levels(data, HELPS),
        "hurts: ": _levels(data, HURTS),
        "makes no difference that matters: ": [_level(effect) for effect in bounded if not effect["depends_on"]],
        "depends on another factor: ": [_level(effect) for effect in bounded if effect["depends_on"]],
        "cannot be told: ": _levels(data, UNRESOLVED),
        "breaks a guard: ": _guarded(data, BROKEN),
        "not yet known to hold its guard: ": _guarded(data, OPEN),
    }
    sentence = "; ".join(words + _listed(levels) for words, levels in clauses.items() if levels)
    return f"{opening}{sentence[0].upper()}{sentence[1:]}."


def verdict_text(effect: dict, unit: Unit) -> str:
    """A verdict in words: `no effect larger than 0.8 points`, `not resolvable: about 12 seeds would tell`."""
    if effect["verdict"] == UNRESOLVED:
        return f"not resolvable: {remedy(effect)}"
    bounded = effect["verdict"] == BOUNDED
    words = f"no effect larger than {unit.size(effect['bound'])}" if bounded else effect["verdict"]
    return f"{words} on average; depends on {', '.join(effect['depends_on'])}" if effect["depends_on"] else words


def so_far(data: dict) -> str:
    """How far an unfinished study is."""
    finished = data["runs"] + data["left_out"]
    return f"{finished} of {finished + data['missing']} runs"


def remedy(effect: dict) -> str:
    """What would resolve an effect."""
    if effect["seeds_needed"]:
        return f"about {rounded(effect['seeds_needed'])} seeds would tell"
    if effect["estimate"]["value"] is None:
        return "no run of it is left to compare"
    return "these runs show no spread to judge it by"


def about(data: dict) -> dict[str, Any]:
    """What was studied, {name: value}."""
    return {
        "metric": f"{plain_name(data['metric'])} ({'higher' if data['higher_is_better'] else 'lower'} is better)",
        "design": "unfinished" if data["missing"] else data["design"],
        "factors": len(data["factors"]),
        "cells": data["cells"],
        "seeds": len(data["seeds"]),
        "runs": so_far(data) if data["missing"] else data["runs"],
        "left out": data["left_out"],
    }


def remarks(data: dict, unit: Unit) -> dict[str, list[str]]:
    """Under the first sentence: the figures of what helps and hurts, and what it would take to tell the rest."""
    headings = {HELPS: "Helps", HURTS: "Hurts", BOUNDED: "No effect", UNRESOLVED: "Not told"}
    found = {heading: [] for heading in headings.values()}
    for effect in data["effects"]:
        if effect["verdict"] == UNRESOLVED:
            text = remedy(effect)
        elif effect["verdict"] == BOUNDED:
            text = f"none larger than {unit.size(effect['bound'])}{' on average' if effect['depends_on'] else ''}"
        else:
            text = f"{unit.interval(effect['estimate'])} {unit.name}".strip()
        found[headings[effect["verdict"]]].append(f"{_level(effect)}: {text}")
    told = [row for row in data["interactions"] if row["p_adjusted"] is not None and row["p_adjusted"] < 0.05]
    found["Together"] = [
        f"{' × '.join(row['factors'])}: what one does depends on the other (see Interactions)"
        for row in {tuple(row["factors"]): row for row in told}.values()
    ]
    found["Guards"] = [
        f"{_guarded_level(guard)}: {guard_verdict(guard)}, {guard_text(guard)}"
        for verdict in (BROKEN, OPEN, HELD)
        for guard in data.get("guards", [])
        if guard["verdict"] == verdict
    ]
    return {heading: texts[:NAMED] for heading, texts in found.items() if texts}


def sections(data: dict, runs: pd.DataFrame, unit: Unit) -> dict[str, tuple[str, str]]:
    """The sections in the order in which they are read: {anchor: (heading, Markdown)}."""
    written = {
        "protocol": ("Protocol", protocol_section(data, unit)),
        "detectable": ("Minimum detectable effect", detectable_section(data, unit)),
        "verdicts": ("Verdicts", _verdicts_section(data, unit)),
        "guards": ("Guards", _guards_section(data)),
        "effects": ("Effects", _effects_section(data, unit)),
        "interactions": ("Interactions", _interactions_section(data, unit)),
        "anova": ("Analysis of variance", _anova_section(data)),
        "runs": ("Runs", _runs_section(data, runs, unit)),
    }
    return {name: section for name, section in written.items() if section[1]}


def protocol_section(data: dict, unit: Unit) -> str:
    """What the study's file said before the runs; nothing where it is not known."""
    if not (protocol := data.get("protocol")):
        return ""
    better = "higher" if data["higher_is_better"] else "lower"
    arms = "; ".join(
        f"{escape(factor['name'])} {escape(', '.join(factor['levels'][1:]))} against {escape(factor['levels'][0])}"
        for factor in data["factors"]
    )
    guards = "; ".join(escape(allowance(figure, margin)) for figure, margin in protocol["guards"].items())
    changed = "; ".join(map(escape, protocol["changed"]))
    lines = [
        f"Primary metric: {escape(plain_name(data['metric']))}, {better} is better; a difference within "
        f"{unit.size(data['margin'])} is taken not to matter.",
        f"Guards: {guards}." if guards else "Guards: none.",
        f"Arms: {arms}.",
        "Unit of randomisation: the seed, which draws the order of the texts, dropout and new weights: "
        f"{len(data['seeds'])} seeds, each in every arm, compared within the seed.",
        "Stopping rule: every planned run is made before anything is judged.",
        f"**Changed after runs had begun:** {changed}." if changed else "Fixed in study.yaml before the first run.",
    ]
    listed = "\n".join(f"- {line}" for line in lines)
    hypothesis = protocol["hypothesis"]
    return f"**Hypothesis: {escape(hypothesis)}**\n\n{listed}" if hypothesis else listed


def allowance(figure: str, margin: float) -> str:
    """A guard in words: `test accuracy may fall by 0.5 points at most`."""
    way = "fall" if higher_is_better(figure) else "rise"
    most = f" by {guard_unit(figure, margin).size(margin)} at most" if margin else ""
    return f"{plain_name(figure)} may {'' if margin else 'not '}{way}{most}"


def guard_unit(figure: str, margin: float) -> Unit:
    """The unit of a guard's figure; a share's have a decimal of a point or more."""
    return unit_of(figure, min(margin, 0.01) or 0.01)


def detectable_section(data: dict, unit: Unit) -> str:
    """What the comparisons could find at all, which is said before what they did find."""
    if not data["effects"]:
        return ""
    found, margin = data["resolution"], unit.size(data["margin"])
    matters = f"A difference within {margin} is taken not to matter."
    if found["detectable"] is None:
        return (
            "**None can be stated: no two runs that are left differ in their seed alone, so nothing shows how far "
            "chance goes.** "
            f"Run the study with 5 seeds. {matters}"
        )
    size, spread = unit.size(found["detectable"]), unit.size(found["spread"])
    first = f"**An effect of {size} would be found in {found['power']:.0%} of studies like this one.**"
    if data["method"] == "lenth":
        return (
            f"{first} There are no replicates: the spread of an effect, {spread}, is Lenth's pseudo standard error, "
            "taken from the effects that are small. Assumed: few of the effects are real, all are measured alike, and "
            f"chance is about normal. {matters}"
        )
    needed, total = found["seeds_for_margin"], len(data["seeds"])
    more = needed is not None and needed > found["seeds"]
    tell = f" To find one of {unit.size(data['margin'])}, about {rounded(needed)} seeds are needed." if more else ""
    times = f"divided by {found['comparisons']} comparisons" if found["comparisons"] > 1 else "for one comparison"
    lost = "" if found["seeds"] == total else f" ({total} were planned; effects with fewer find less, see the table)"
    return (
        f"{first}{tell} This rests on {found['seeds']} seeds{lost} and on how far an effect differs between them, "
        f"{spread} (standard deviation), which so few seeds tell only roughly.\n\n"
        f"Two-sided paired t-test at {found['level']:.0%} {times}, the strictest step of Holm's method. Assumed: the "
        "seeds are a fair sample, independent of each other, and the differences between them are about normal. "
        f"{matters} All of it speaks of new seeds on the same training and test rows, not of other rows."
    )


def _verdicts_section(data: dict, unit: Unit) -> str:
    if not data["effects"]:
        return ""
    rows = [
        [
            escape(effect["factor"]),
            escape(effect["level"]),
            escape(effect["baseline"]),
            escape(verdict_text(effect, unit)),
            unit.interval(effect["estimate"]),
            p_text(effect["p_adjusted"]),
            str(effect["estimate"]["n"]),
            "-" if effect["detectable"] is None else unit.size(effect["detectable"]),
        ]
        for effect in data["effects"]
    ]
    header = ["factor", "level", "against", "verdict", f"effect [95%]{in_unit(unit)}", "p", "seeds", "would find"]
    corrected = (
        "Sidak's correction over all contrasts" if data["method"] == "lenth" else "Holm's method over all levels"
    )
    note = (
        f"p is after {corrected}; helps and hurts need it below 0.05, no effect needs an interval within "
        f"{unit.size(data['margin'])}. Each interval holds for its own line. Seeds that would tell: in four studies of "
        "five, if effect and spread are as seen here."
    )
    return "\n\n".join([text_table(header, rows), note, *_aliases(data), *_rows_section(data)])


def _guards_section(data: dict) -> str:
    """Whether the arms cost more than they may."""
    guards = data.get("guards", [])
    if not guards:
        return ""
    counts = {name: sum(guard["verdict"] == name for guard in guards) for name in (HELD, BROKEN, OPEN)}
    rows = []
    for guard in guards:
        unit = guard_unit(guard["figure"], guard["margin"])
        rows.append(
            [
                escape(_level(guard)),
                escape(allowance(guard["figure"], guard["margin"])),
                f"{unit.interval(guard['estimate'])} {unit.name}".strip(),
                escape(guard_verdict(guard)),
                str(guard["estimate"]["n"]),
            ]
        )
    told = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
    note = (
        "Held: the 95% interval of the difference excludes a loss above what is allowed. Broken: it lies wholly "
        "beyond. Open: neither; the seeds that would tell, in four studies of five, are reckoned from the loss and the "
        "spread as seen here. An arm is acceptable where all of its guards are held, so their number is not corrected "
        "for. A difference of 0 with every seed is no loss."
    )
    header = ["arm", "guard", "difference [95%]", "verdict", "seeds"]
    plot = image("guards", "Loss of each level with its 95% interval, against what may be lost")
    return "\n\n".join([f"**{told}.**", text_table(header, rows), note, plot])


def guard_verdict(guard: dict) -> str:
    """A guard's verdict in words: `open: about 12 seeds would tell`."""
    if guard["verdict"] != OPEN:
        return guard["verdict"]
    if guard["seeds_needed"]:
        return f"open: about {rounded(guard['seeds_needed'])} seeds would tell"
    return "open: no run of it is left to compare" if guard["estimate"]["value"] is None else "open"


def guard_text(guard: dict) -> str:
    """A guard's figures in words: `-0.2 [-0.6, +0.2] points where -0.5 is allowed`."""
    unit = guard_unit(guard["figure"], guard["margin"])
    limit = -guard["margin"] if guard["higher_is_better"] else guard["margin"]
    allowed = unit.signed(limit) if limit else "no loss"
    return f"{unit.interval(guard['estimate'])} {unit.name}".strip() + f" where {allowed} is allowed"


def _aliases(data: dict) -> list[str]:
    if not data["aliases"]:
        return []
    told = "; ".join(f"{escape(one)} with {escape(', '.join(others))}" for one, others in data["aliases"].items())
    return [f"This fraction cannot tell these apart, and each figure mixes them: {told}."]


def _rows_section(data: dict) -> list[str]:
    """What the test rows say, where predictions were kept."""
    if not data["rows"]:
        return []
    points = unit_of("accuracy", 0.01)
    rows = [
        [
            f"{escape(row['factor'])}: {escape(row['level'])}",
            f"{row['told_apart']} of {row['pairs']}",
            f"{row['discordant']:.1%}",
            points.interval(row["difference"]),
            "-" if row["detectable"] is None else points.size(row["detectable"]),
        ]
        for row in data["rows"]
    ]
    n = data["rows"][0]["difference"]["n"]
    return [
        "### Row by row",
        f"Pairs of runs of one seed on the same {n:,} test rows. The interval says how much hangs on which rows these "
        "are, for these very models; the one above, how much hangs on the seed.",
        table(["level", "pairs told apart", "differ on", "accuracy, points [95%]", "one pair would find"], rows),
        "Told apart: McNemar's exact test at 5%, Holm over the pairs. Would find: in four cases of five.",
    ]


def _effects_section(data: dict, unit: Unit) -> str:
    if not data["effects"]:
        return ""
    averaged = {
        "one factor at a time": "Each level is compared with the baseline of all other factors.",
        "full factorial": "Each effect is the mean over all levels of the other factors.",
        "fractional factorial": "Each effect is the mean over the levels of the other factors that were run.",
        "irregular": "Effects are fitted together by least squares, as if they added up.",
    }
    parts = [averaged[data["design"]], image("effects", "Effect of each level with its 95% interval")]
    if data["half_normal"]:
        lenth = data["half_normal"]["lenth"]
        parts += [
            "### Half-normal plot",
            f"By chance, one effect stays below {unit.size(lenth['margin'])} and the largest of all {lenth['m']} below "
            f"{unit.size(lenth['simultaneous_margin'])}, each in 95% of studies (Lenth 1989).",
            image("half_normal", "Sizes of all effects against half-normal scores, with Lenth's margins"),
        ]
    return "\n\n".join(parts)


def _interactions_section(data: dict, unit: Unit) -> str:
    if not data["effects"]:
        return ""
    if not data["interactions"]:
        if data["design"] == "one factor at a time":
            return "None can be told: factors were changed one at a time."
        return f"None can be told with {'the cells that are there so far' if data['missing'] else 'these cells'}."
    told = [row for row in data["interactions"] if row["p_adjusted"] is not None and row["p_adjusted"] < 0.05]
    total = len(data["interactions"])
    if told:
        first = (
            f"**{len(told)} of {total} told from nothing: there, what a factor does depends on the level of another, "
            "and its mean over the levels is not the whole story.**"
        )
    else:
        first = f"**None of {total} is told from nothing; that is not to say there is none.**"
    rows = [
        [
            f"{escape(row['factors'][0])}: {escape(row['levels'][0])}",
            f"{escape(row['factors'][1])}: {escape(row['levels'][1])}",
            unit.interval(row["estimate"]),
            p_text(row["p_adjusted"]),
        ]
        for row in data["interactions"][:SHOWN_INTERACTIONS]
    ]
    rest = f" The {total - len(rows)} least sure are in effects.json." if total > len(rows) else ""
    return "\n\n".join(
        [
            first,
            text_table(["with", "and", f"more than the sum [95%]{in_unit(unit)}", "p"], rows),
            "How much more the first does at the second's level than at the second's baseline; p is corrected over all "
            f"interactions.{rest}",
            image("interactions", "Mean of the metric at each pair of levels"),
        ]
    )


def _anova_section(data: dict) -> str:
    if not data["effects"]:
        return ""
    if not data["anova"]:
        if data["method"] == "paired t":
            return "No table: the runs that are left do not tell the terms apart."
        return "No table: without replicates nothing is left to measure chance by."
    total = sum(row["sum_of_squares"] for row in data["anova"])
    rows = [
        [
            escape(row["source"]),
            str(row["degrees_of_freedom"]),
            f"{row['sum_of_squares']:.3g}",
            f"{row['sum_of_squares'] / total:.1%}",
            "" if row["f"] is None else f"{row['f']:.2f}",
            "" if row["p"] is None else p_text(row["p"]),
        ]
        for row in data["anova"]
    ]
    return "\n\n".join(
        [
            table(["source", "df", "sum of squares", "share", "F", "p"], rows),
            "Type III, seeds as blocks. It pools chance over all cells, as if it were alike in each, and its p-values "
            "are not corrected; the verdicts do neither. Where the two disagree, the verdicts are the careful ones.",
        ]
    )


def _runs_section(data: dict, runs: pd.DataFrame, unit: Unit) -> str:
    metric, factors = data["metric"], [factor["name"] for factor in data["factors"]]
    complete = runs[(runs["status"] == "complete") & runs[metric].notna()]
    cells = []
    for cell, group in runs.groupby("cell", sort=False):
        found = complete.loc[complete["cell"] == cell, metric]
        cells.append((cell, group.iloc[0], len(group), found))
    parts = []
    if not data["effects"]:
        cells.sort(key=lambda row: row[3].mean() if len(row[3]) else float("nan"), reverse=data["higher_is_better"])
        cells.sort(key=lambda row: not len(row[3]))
        parts.append(
            "The best first. The best of many is partly luck: run it again with other seeds before trusting it."
        )
    rows = [
        [
            escape(cell),
            *(escape(first[name]) for name in factors),
            f"{len(found)}/{planned}",
            unit.level(found.mean()) if len(found) else "-",
            unit.level(found.std()) if len(found) > 1 else "-",
        ]
        for cell, first, planned, found in cells[:SHOWN_CELLS]
    ]
    seconds = f" {duration(runs['seconds'].sum())} of computing in all." if "seconds" in runs else ""
    rest = f" {len(cells) - len(rows)} more cells are in runs.csv." if len(cells) > len(rows) else ""
    header = ["cell", *map(escape, factors), "runs", f"mean {escape(plain_name(metric))}", "spread"]
    parts += [text_table(header, rows), f"Spread: the standard deviation between seeds.{seconds}{rest}"]
    return "\n\n".join([*parts, *left_out(runs.drop(index=complete.index))])


def left_out(runs: pd.DataFrame) -> list[str]:
    """The runs without a figure and why."""
    if runs.empty:
        return []
    reasons = runs["reason"] if "reason" in runs else [""] * len(runs)
    rows = [
        [escape(cell), escape(seed), escape(status), escape(reason)]
        for cell, seed, status, reason in zip(runs["cell"], runs["seed"], runs["status"], reasons, strict=True)
    ][:SHOWN_FAILURES]
    rest = f" The first {SHOWN_FAILURES}:" if len(runs) > SHOWN_FAILURES else ""
    return [
        "### Left out",
        f"{len(runs)} {'run has' if len(runs) == 1 else 'runs have'} no figure and no part in any comparison. Where "
        f"runs failed because of a level, what is left flatters it.{rest}",
        text_table(["cell", "seed", "status", "reason"], rows),
    ]


def _levels(data: dict, verdict: str) -> list[str]:
    return [_level(effect) for effect in data["effects"] if effect["verdict"] == verdict]


def _guarded(data: dict, verdict: str) -> list[str]:
    return [_guarded_level(guard) for guard in data.get("guards", []) if guard["verdict"] == verdict]


def _guarded_level(guard: dict) -> str:
    return f"{_level(guard)} ({plain_name(guard['figure'])})"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _level(effect: dict) -> str:
    return f"{effect['factor']} {effect['level']}"


def in_unit(unit: Unit) -> str:
    """The unit for the head of a column, `, points`."""
    return f", {unit.name}" if unit.name else ""


def p_text(p: float | None) -> str:
    """A p-value with two digits."""
    if p is None:
        return "-"
    return "below 0.001" if p < 0.001 else f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def duration(seconds: float) -> str:
    """Seconds in the unit that reads best."""
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )


def rounded(number: int) -> str:
    """Two significant digits: the estimate has no more."""
    return f"{round(number, 2 - len(str(number))):,}" if number > 99 else str(number)
