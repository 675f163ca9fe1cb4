"""What the report of a search says: its sentences and tables, from effects.json and runs.csv as they were read."""

from typing import Any

import pandas as pd

from eval.markup import escape, estimate, image, table, text_table
from eval.search import BEST, CONFIRM, sampler_name
from eval.study_sections import detectable_section, duration, in_unit, left_out, p_text, remedy, so_far, verdict_text
from eval.units import Unit, plain_name
from eval.verdicts import BOUNDED, HELPS, HURTS, UNRESOLVED

SHOWN_TRIALS = 12

VERDICTS = {HELPS: "ahead", HURTS: "behind"}


def headline(data: dict, unit: Unit) -> str:
    """Which sampler's setting is ahead on fresh seeds, in one sentence, after how far an unfinished search is."""
    opening = f"{so_far(data)} so far. " if data["missing"] else ""
    if data["effects"]:
        return opening + comparison(data["effects"][0], unit)
    if data["missing"]:
        return f"{opening}Nothing is confirmed yet."
    return "A search without a confirmation: its best figure is partly luck."


def comparison(effect: dict, unit: Unit) -> str:
    """A comparison of two settings as a sentence."""
    one, other, found = setting_name(effect["level"]), setting_name(effect["baseline"]), effect["estimate"]
    seeds = f"{found['n']} fresh seed{'s' * (found['n'] != 1)}"
    if effect["verdict"] == UNRESOLVED:
        figure = f": {unit.interval(found)} {unit.name}".rstrip() if found["value"] is not None else ""
        return f"Whether {one} or {other} is better cannot be told on {seeds}{figure}; {remedy(effect)}."
    if effect["verdict"] == BOUNDED:
        return f"No difference larger than {unit.size(effect['bound'])} between {one} and {other} on {seeds}."
    ahead, behind = (other, one) if effect["verdict"] == HURTS else (one, other)
    ends = sorted(abs(found[end]) for end in ("low", "high"))
    interval = ", ".join(f"{unit.scale * end:.{unit.decimals}f}" for end in ends)
    return f"{ahead[0].upper()}{ahead[1:]} ahead of {behind} by {unit.size(found['value'])} [{interval}] on {seeds}."


def setting_name(cell: str) -> str:
    """`TPE's best` for the cell tpe-best."""
    return f"{sampler_name(cell.removesuffix(BEST))}'s best" if cell.endswith(BEST) else f"the {cell}"


def about(data: dict) -> dict[str, Any]:
    """What was searched, {name: value}."""
    better = "higher" if data["higher_is_better"] else "lower"
    return {
        "searched by": f"{plain_name(data['metric'])} ({better} is better)",
        "judged by": plain_name(data["judged"]),
        "factors": len(data["factors"]),
        "trials": sum(sampler["trials"] for sampler in data["samplers"]),
        "fresh seeds": len(data["seeds"]),
        "runs": so_far(data) if data["missing"] else data["runs"],
        "left out": data["left_out"],
    }


def remarks(data: dict, unit: Unit) -> dict[str, list[str]]:
    """Under the first sentence: the other comparisons, what was found and how far it fell."""
    found = {
        "Other comparisons": [comparison(effect, unit) for effect in data["effects"][1:]],
        "Best settings": [
            f"{sampler_name(one['sampler'])}, trial {one['best']['trial']} of {one['trials']}: {_levels(one)}"
            for one in data["samplers"]
            if one["best"]
        ],
        "Luck of the search": [
            f"{setting_name(one['cell'])}: {unit.level(one['search_score'])} in the search, "
            f"{unit.level(one['metric']['value'])} on fresh seeds"
            for one in data["confirmed"]
            if one["fall"] and one["metric"]["value"] is not None
        ],
    }
    return {heading: texts for heading, texts in found.items() if texts}


def sections(data: dict, runs: pd.DataFrame, unit: Unit) -> dict[str, tuple[str, str]]:
    """The sections in the order in which they are read: {anchor: (heading, Markdown)}."""
    written = {
        "detectable": ("Minimum detectable effect", detectable_section(data, unit) if data["effects"] else ""),
        "confirmation": ("On fresh seeds", _confirmation(data, unit)),
        "luck": ("Luck of the search", _luck(data, unit)),
        "trials": ("The search", _search(data, unit)),
        "factors": ("What was searched over", _factors(data)),
        "runs": ("Runs", _runs(data, runs, unit)),
    }
    return {name: section for name, section in written.items() if section[1]}


def shown_effects(data: dict) -> dict:
    """The data with the comparisons as the effect plot names them."""
    effects = [
        {**effect, "level": setting_name(effect["level"]), "baseline": setting_name(effect["baseline"])}
        for effect in data["effects"]
    ]
    return {**data, "metric": data["judged"], "effects": effects}


def _confirmation(data: dict, unit: Unit) -> str:
    if not data["effects"]:
        return ""
    rows = [
        [
            escape(setting_name(effect["level"])),
            escape(setting_name(effect["baseline"])),
            escape(VERDICTS.get(effect["verdict"]) or verdict_text(effect, unit)),
            unit.interval(effect["estimate"]),
            p_text(effect["p_adjusted"]),
            str(effect["estimate"]["n"]),
        ]
        for effect in data["effects"]
    ]
    fresh = "rows and seeds" if data["judged"] != data["metric"] else "seeds"
    return "\n\n".join(
        [
            text_table(["setting", "against", "verdict", f"difference [95%]{in_unit(unit)}", "p", "seeds"], rows),
            f"Of {plain_name(data['judged'])}, on {fresh} that the search never used. p is after Holm's method over "
            "these comparisons. One search of each sampler was made: this compares the settings they found, not the "
            "samplers, which another search might rank otherwise.",
            image("effects", "Difference of each pair of settings with its 95% interval"),
        ]
    )


def _luck(data: dict, unit: Unit) -> str:
    if not any(one["fall"] for one in data["confirmed"]):
        return ""
    digits = unit.decimals + (2 if unit.scale == 100 else 0)
    twin = data["judged"] != data["metric"]
    rows = [
        [
            escape(setting_name(one["cell"])),
            "-" if one["search_score"] is None else f"{one['search_score']:.{digits}f}",
            estimate(one["metric"], digits),
            unit.interval(one["fall"]) if one["fall"] else "-",
            *([estimate(one["judged"], digits)] if twin else []),
        ]
        for one in data["confirmed"]
    ]
    metric = plain_name(data["metric"])
    header = ["setting", f"{metric}, search", "fresh seeds [95%]", f"fall [95%]{in_unit(unit)}"]
    return "\n\n".join(
        [
            "The best of many noisy figures is partly luck, and falls when it is run again (the winner's curse). "
            "**Quote the figure on fresh seeds, never the one of the search.**",
            table([*header, plain_name(data["judged"])] if twin else header, rows),
            "Means over the seeds. A fall above zero: the search flattered the setting.",
        ]
    )


def _search(data: dict, unit: Unit) -> str:
    rows = [
        [
            escape(sampler_name(one["sampler"])),
            f"{one['complete']}/{one['trials']}",
            str(one["pruned"]),
            "-" if one["seconds"] is None else duration(one["seconds"]),
            unit.level(one["best"]["score"]) if one["best"] else "-",
            str(one["best"]["trial"]) if one["best"] else "-",
            escape(_levels(one)) if one["best"] else "-",
        ]
        for one in data["samplers"]
    ]
    header = ["sampler", "complete", "pruned", "computing", f"best {plain_name(data['metric'])}", "at trial", "setting"]
    parts = [text_table(header, rows)]
    if data["expected"]:
        n = len(data["expected"])
        parts.append(
            f"Band and grey line: the best of so many random trials, by resampling the {n} that were made (Dodge et "
            "al. 2019); one without a figure counts as the worst. At the right end the line errs low, for resampling "
            "knows of nothing better than the best."
        )
    return "\n\n".join([*parts, image("search", "Best metric so far after each trial of each sampler")])


def _factors(data: dict) -> str:
    found = [sampler for sampler in data["samplers"] if sampler["best"]]
    if not found:
        return ""
    rows = [
        [
            escape(one["factor"]),
            estimate(one["rank_correlation"], 2),
            "-" if one["share"] is None else f"{one['share']:.0%}",
            "-" if one["chance"] is None else f"{one['chance']:.0%}",
            *(escape(_short(sampler["best"]["levels"][one["factor"]])) for sampler in found),
        ]
        for one in data["importances"]
    ]
    best = [f"{sampler_name(sampler['sampler'])}'s best" for sampler in found]
    n = data["importances"][0]["rank_correlation"]["n"]
    told = [one for one in data["importances"] if one["share"] is not None and one["share"] > one["chance"]]
    first = (
        f"**More than chance: {', '.join(escape(one['factor']) for one in told)}.**"
        if told
        else "**No factor is told from chance by these trials.**"
    )
    return "\n\n".join(
        [
            first,
            table(["factor", "rank correlation [95%]", "share of variance", "by chance", *best], rows),
            f"Rank correlation with the metric: Spearman's, over the {n} complete trials that were drawn at random; it "
            "sees no optimum in the middle of a range. Share of variance: fANOVA over all complete trials. By chance: "
            "the largest share that 19 made-up factors of random numbers got.",
            image("factors", "Metric of each complete trial over the values of each factor"),
        ]
    )


def _runs(data: dict, runs: pd.DataFrame, unit: Unit) -> str:
    trials = runs[runs["sampler"] != CONFIRM]
    complete = trials[(trials["status"] == "complete") & trials[data["metric"]].notna()]
    best = complete.sort_values(data["metric"], ascending=not data["higher_is_better"], kind="stable")
    names = [factor["name"] for factor in data["factors"]]
    rows = [
        [escape(row["cell"]), *(escape(_short(row[name])) for name in names), unit.level(row[data["metric"]])]
        for _, row in best.head(SHOWN_TRIALS).iterrows()
    ]
    rest = f" {len(complete) - len(rows)} more are in runs.csv." if len(complete) > len(rows) else ""
    header = ["trial", *map(escape, names), plain_name(data["metric"])]
    parts = [f"The best trials first.{rest}", text_table(header, rows)] if rows else []
    failed = runs[(runs["status"] == "failed") | ((runs["status"] == "complete") & runs[data["metric"]].isna())]
    return "\n\n".join([*parts, *left_out(failed)])


def _levels(sampler: dict) -> str:
    return ", ".join(f"{name} {_short(level)}" for name, level in sampler["best"]["levels"].items())


def _short(level: str) -> str:
    """A number with four digits; anything else as it is."""
    try:
        return f"{float(level):.4g}"
    except ValueError:
        return level
