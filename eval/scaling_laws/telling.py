"""An analysis in words: the same for the terminal, the report and the app."""

import textwrap
from collections.abc import Iterable
from typing import Any

from cli.table import table
from eval.scaling_laws.units import PF_DAY, compute, count

Rows = list[tuple[str, str]]
"""Sentences, each with the heading it stands under."""

COUNTED = ("Nc", "Dc")
"""Constants that are numbers of parameters or tokens."""
MOST_FACTORS = 6
LEVEL = 0.05
"""Of Chow's test, below which the law is said to bend."""


def told(data: dict[str, Any]) -> str:
    """The whole analysis as plain text."""
    header, rows, notes = compared(data)
    lines = [headline(data), *wrapped(about_table(data)), *wrapped(about_law(data)), "", table(header, rows), notes]
    if data["prediction"]:
        lines += ["", *wrapped(about_prediction(data))]
    if data["budget"]:
        lines += ["", *wrapped(about_budget(data))]
    return "\n".join(lines)


def headline(data: dict[str, Any]) -> str:
    """The one sentence that matters."""
    law = data["law"]
    runs = f"{law['rows']} runs"
    if data["separate"]:
        loose = _loose(data)
        if loose:
            return f"{law['formula']} fits {runs}, but does not settle {_listed(loose)}"
        but = ", but does not predict the largest of them" if _bend(data) else ""
        return f"{law['formula']} fits {runs} to {law['spread']:.2%}{but}"
    if data["design"] is None:
        return f"{law['formula']} fits {runs} to {law['spread']:.2%}; nothing is known of how N and D share the compute"
    if data["design"]["separate"]:
        return f"{runs} are too few for a law of N and D; {law['formula']} is fitted instead"
    return f"The {runs} cannot tell parameters from tokens: only the loss along their line is known"


def about_table(data: dict[str, Any]) -> Rows:
    """What the table can tell apart, and what is odd in it."""
    rows = [("note", note) for note in data["notes"]]
    design, cost = data["design"], data["compute"]
    if design:
        rows.append(("design", _design(design)))
        if not design["separate"]:
            rows.append(
                (
                    "",
                    "so alpha and beta of L = E + A/N^alpha + B/D^beta cannot be told apart and are not given. "
                    f"What is identified is the loss along that line, as a function of {_letter(data)} alone",
                )
            )
        elif not data["separate"]:
            rows.append(("", f"{data['law']['rows']} rows are fewer than a law of N and D has constants"))
    if cost and not cost["is_6nd"]:
        rows.append(("compute", _cost(data)))
    return rows


def about_law(data: dict[str, Any]) -> Rows:
    """The constants with their intervals, what these are worth, and what stands on a bound."""
    law = data["law"]
    rows = [("law", law["formula"] + "   " + ", ".join(_constant(name, e) for name, e in law["constants"].items()))]
    rows.append(("", f"typical error of a run {law['spread']:.2%} of its loss"))
    if data["rounding"] > law["spread"]:
        rows.append(
            (
                "",
                f"the losses are rounded, which alone is {data['rounding']:.2%}: a closer fit is luck, and the "
                "intervals count the rounding",
            )
        )
    rows.append(("intervals", intervals_are(data)))
    if bend := _bend(data):
        rows.append(("bends", bend))
    for name in law["on_bounds"]:
        rows.append(("bound", _on_bound(name)))
    settled = [found for found in data["profiles"] if found["settled"]]
    if settled and not law["few_rows"]:
        ranges = ", ".join(f"{found['constant']} {found['low']:.3g} to {found['high']:.3g}" for found in settled)
        rows.append(("profile", f"95% by profile likelihood: {ranges}"))
    for found in data["profiles"]:
        if not found["settled"]:
            rows.append(("not settled", _open(found)))
    if data["sensitivity"]:
        rows.append(("outliers", _sensitivity(data["sensitivity"])))
    if law["agreeing"] < 2 and law["starts"] > 1:
        rows.append(("fit", f"only 1 of {law['starts']} starts ended in this minimum: constants may trade off"))
    straight = data["regression"]
    slope = straight["slope"]
    rows.append(
        (
            "log-log",
            f"regression on {straight['variable']}: slope {slope['value']:.3g} [{slope['low']:.3g}, "
            f"{slope['high']:.3g}], R² {straight['r_squared']:.4f}, which says nothing of what lies beyond",
        )
    )
    return rows


def _bend(data: dict[str, Any]) -> str | None:
    """What the largest runs say against the law that answers."""
    answers = next(one for one in data["compared"] if one["name"] == data["law"]["name"])
    if answers["p"] is None or answers["p"] >= LEVEL or data["law"]["few_rows"]:
        return None
    return (
        f"without the {answers['held_out']} largest runs the law misses them by {answers['error']:.1%}, more than its "
        f"intervals allow (Chow's test, p = {answers['p']:.2g}): beyond the runs every interval here is too narrow"
    )


def _warning(data: dict[str, Any]) -> Rows:
    return [("warning", "the law does not predict the table's own largest runs: see bends")] if _bend(data) else []


def intervals_are(data: dict[str, Any]) -> str:
    """How the intervals were made and what they are worth."""
    law = data["law"]
    if not law["few_rows"]:
        return f"95%, from {law['resamples'] - law['resamples_undefined']} fits to resampled rows"
    size = len(law["constants"])
    if law["freedom"] < 1:
        return f"none: {law['rows']} rows against {size} constants leave no degree of freedom"
    degrees = f"{law['freedom']} degree{'s' if law['freedom'] > 1 else ''} of freedom"
    text = (
        f"95%, by profile likelihood (E, exponents) and Student's t on {degrees}: {law['rows']} rows against {size} "
        "constants are too few to resample"
    )
    if law["resamples_undefined"]:
        text += f" ({law['resamples_undefined']} of {law['resamples']} resamples hold too few different rows)"
    if law["freedom"] <= 2:
        text += ". They hold only if the law is right, which so few rows cannot test: a guide, not a guarantee"
    return text


def about_prediction(data: dict[str, Any]) -> Rows:
    """The loss of the run that was asked for."""
    asked = data["prediction"]
    if asked["parameters"] is None:
        what = compute(asked["compute"])
    else:
        what = f"{count(asked['parameters'])} parameters on {count(asked['tokens'])} tokens"
        if asked["compute"]:
            where = "best split into" if data["separate"] else "on the table's line"
            what = f"{compute(asked['compute'])}, {where} {what}"
    rows = [("predicted", f"{what}: " + (loss(asked["loss"]) if asked["on_line"] else "not on the table's line"))]
    rows.append(("", beyond(asked)))
    rows += _warning(data)
    if asked["resampled"] and data["law"]["few_rows"] and asked["resampled"][0] is not None:
        low, high = asked["resampled"]
        rows.append(("", f"resampled rows would give [{low:.4g}, {high:.4g}], which is too sure"))
    if asked["on_line"]:
        for formula, value in asked["others"].items():
            rows.append(("", f"{formula} says {value:.4g}" + _below_floor(data, value)))
        rows.append(("", f"a single run scatters around it by {max(data['law']['spread'], data['rounding']):.2%} more"))
    if asked["allowed"]:
        allowed = asked["allowed"]
        rows.append(
            (
                "allowed",
                f"laws of N and D that fit the table within {allowed['within']:.1%} say {allowed['low']:.4g} to "
                f"{allowed['high']:.4g}",
            )
        )
    if asked["ratio_outside"]:
        design = data["design"]
        rows.append(
            (
                "",
                f"{asked['ratio']:.3g} tokens a parameter, where the table has {design['ratio_low']:.3g} to "
                f"{design['ratio_high']:.3g}",
            )
        )
    return rows


def about_budget(data: dict[str, Any]) -> Rows:
    """The best use of the budget, and on what it rests."""
    budget = data["budget"]
    rows = [("budget", compute(budget["compute"]) + (f", {times(budget['beyond'])}" if budget["beyond"] else ""))]
    rows += _warning(data)
    if best := budget["optimum"]:
        rows += _optimum(data, best)
    for along in budget["along"]:
        rows.append(
            (
                "table's line",
                f"{along['cost']}: {count(along['parameters'])} parameters on {count(along['tokens'])} tokens, loss "
                f"{loss(along['loss'])}; N grows as C^{along['growth']:.2f}",
            )
        )
    if len(budget["along"]) > 1:
        rows.append(("", "they differ because the compute column is not 6 N D: find out which of the two is your cost"))
    for formula, value in budget["by_compute"].items() if budget["along"] else ():
        rows.append(("", f"{formula} says {value:.4g} at that compute" + _below_floor(data, value)))
    if budget.get("loss"):
        rows.append(("loss", f"{loss(budget['loss'])}; how to share it between N and D the table cannot say"))
    if allowed := budget["allowed"]:
        low, high = allowed["parameters"]
        under, over = (
            "" if bound else word for bound, word in zip(allowed["bounded"], ("under ", "over "), strict=True)
        )
        rows.append(
            (
                "best split",
                f"not known: of laws that fit the table within {allowed['within']:.1%}, some put the best N at "
                f"{under}{count(low)}, some at {over}{count(high)}; N grows as C^{allowed['growth'][0]:.2f} to "
                f"C^{allowed['growth'][1]:.2f}",
            )
        )
    if budget["borrowed"]:
        rows += _all_borrowed(budget["borrowed"])
        rows.append(("to know it", "train three or more sizes at one compute, so that N and D move apart"))
    return rows


def loss(estimate: dict[str, Any]) -> str:
    """`1.282 [1.211, 1.357]`."""
    if estimate["low"] is None:
        return f"{estimate['value']:.4g} (no interval)"
    return f"{estimate['value']:.4g} [{estimate['low']:.4g}, {estimate['high']:.4g}]"


def beyond(asked: dict[str, Any]) -> str:
    """How far a run lies beyond the largest of the table."""
    factors = {name: value for name, value in asked["beyond"].items() if value > 1.0001}
    if not factors:
        return "inside the table"
    most = max(factors.values())
    names = [name for name, value in factors.items() if abs(value / most - 1) < 0.01]
    text = f"{times(most)} in {_listed(names)}"
    if (product := asked["beyond_nd"]) and product > 1.05 * most:
        text += f", {product:.2g} times in N D"
    return text + ": extrapolated"


def times(factor: float) -> str:
    """`3.3 times beyond the largest run`."""
    return f"{factor:.2g} times beyond the largest run" if factor > 1.0001 else "within the largest run"


def _design(design: dict[str, Any]) -> str:
    if design["rank"] < 2 or design["power"] is None:
        fixed = "parameters" if design["sizes"] == 1 else "tokens"
        return f"every row has the same {fixed}: their effect is part of E"
    if not design["separate"]:
        power = design["power"]
        if abs(power - 1) < 0.005 and design["ratio_high"] / design["ratio_low"] < 1.005:
            line = f"D = {design['ratio_low']:.4g} N in every row"
            return f"{line}: parameters and tokens are one variable (rank {design['rank']} of 3)"
        return (
            f"D = {design['tokens_at']:.3g} N^{power:.2f} to within {design['scatter']:.1%}: parameters and tokens are "
            f"one variable (condition number {design['condition']:.0f}; over 30 is too much)"
        )
    weak = ": only just apart" if design["condition"] > 10 else ""
    return (
        f"{design['sizes']} sizes and {design['token_counts']} token counts, {design['ratio_low']:.3g} to "
        f"{design['ratio_high']:.3g} tokens a parameter; condition number {design['condition']:.1f}{weak}"
    )


def _cost(data: dict[str, Any]) -> str:
    cost = data["compute"]
    if cost["constant"]:
        return f"is {(cost['low'] * cost['high']) ** 0.5:.3g} times 6 N D in every row; this factor is used"
    rows = data["rows"]
    text = f"is not 6 N D: it is {cost['high']:.3g} to {cost['low']:.3g} times that"
    if len(rows) <= MOST_FACTORS:
        factors = ", ".join(f"{factor:.2g}" for factor in cost["factors"])
        should = ", ".join(f"{6 * row['parameters'] * row['tokens'] / PF_DAY:.3g}" for row in rows)
        text = f"is not 6 N D: it is {factors} times that, row by row (6 N D would be {should} PF-days)"
    return text


def _constant(name: str, estimate: dict[str, Any]) -> str:
    if estimate["value"] is None:
        return f"{name} beyond all bounds"
    show = count if name in COUNTED else "{:.3g}".format
    value = f"{name} {show(estimate['value'])}"
    if estimate["low"] is None and estimate["high"] is None:
        return value
    low, high = ("no end" if end is None else show(end) for end in (estimate["low"], estimate["high"]))
    return f"{value} [{low}, {high}]"


def _on_bound(name: str) -> str:
    if name == "E":
        return "E stands on its bound of 0: the fit would have it negative, so the rows show no floor"
    if name in ("A", "B", "k"):
        return f"{name} stands on its bound of 0: the fit would have it negative; its exponent means nothing"
    return f"{name} stands on a bound: the rows do not settle it"


def _open(found: dict[str, Any]) -> str:
    low, high = found["low"], found["high"]
    if low is None and high is None:
        words = "anything"
    else:
        words = f"anything above {low:.3g}" if high is None else f"anything below {high:.3g}"
    return f"{found['constant']}: {words} fits as well (95% profile likelihood); not a fact about these runs"


def _loose(data: dict[str, Any]) -> list[str]:
    return [found["constant"] for found in data["profiles"] if not found["settled"]]


def _sensitivity(found: dict[str, Any]) -> str:
    number = found["left_out"]
    changes = ", ".join(
        f"{name} {value:.3g} to {found['without'][name]:.3g}" for name, value in found["constants"].items()
    )
    return f"without the {f'{number} highest losses' if number > 1 else 'highest loss'}: {changes}"


def _optimum(data: dict[str, Any], best: dict[str, Any]) -> Rows:
    def figure(estimate: dict[str, Any], show=count) -> str:
        if estimate["low"] is None:
            return show(estimate["value"])
        return f"{show(estimate['value'])} [{show(estimate['low'])}, {show(estimate['high'])}]"

    three = "{:.3g}".format
    low, high = (count(end) if end else "no end" for end in (best["flat_low"], best["flat_high"]))
    split = f"{figure(best['parameters'])} parameters on {figure(best['tokens'])} tokens"
    rows = [
        ("optimum", f"{split}, loss {loss(best['loss'])}"),
        ("", f"{figure(best['tokens_per_parameter'], three)} tokens a parameter, at C = {best['factor']:.3g} N D"),
        ("flat", f"every N from {low} to {high} comes within 0.5% of that loss"),
    ]
    if data["budget"].get("ratio_outside"):
        rows.append(("", "the table has no run with so many or so few tokens a parameter: the optimum is extrapolated"))
    return rows


def _all_borrowed(laws: list[dict[str, Any]]) -> Rows:
    rows = []
    first = laws[0]["factor"]
    for law in laws:
        low, high = (count(end) if end else "no end" for end in law["flat"])
        split = f"{count(law['parameters'])} parameters on {count(law['tokens'])} tokens"
        split += f", {law['tokens_per_parameter']:.2g} a parameter"
        if law["factor"] == first:
            constants = law["constants"]
            source = f"{law['source']} (alpha {constants['alpha']:g}, beta {constants['beta']:g})"
            rows.append(("borrowed", f"{source}: {split}; within 0.5% from {low} to {high}"))
        else:
            source = law["source"].split(",")[0]
            rows.append(("", f"{source} if a run costs {law['factor']:.2g} N D, as the largest did: {split}"))
    assumed = (
        "borrowing assumes that your data, tokeniser and recipe share parameters and tokens as theirs did, and that "
        f"C = {first:.3g} N D; only the split is borrowed, not the loss"
    )
    return [*rows, ("", assumed), *(("", words) for words in _borrowed_loss(laws))]


def _borrowed_loss(laws: list[dict[str, Any]]) -> list[str]:
    laws = laws[: len({law["source"] for law in laws})]
    off = [law["off"] for law in laws if law["off"]]
    if not off:
        return []
    low, high = min(pair[0] for pair in off), max(pair[1] for pair in off)
    floors = ", ".join(f"{law['constants']['E']:.3g}" for law in laws if law["below_floor"])
    text = f"their losses are {low:+.0%} to {high:+.0%} off this table's"
    return [text + (f", which goes below their floor of {floors}: another loss than theirs" if floors else "")]


def _below_floor(data: dict[str, Any], value: float) -> str:
    floor = data["law"]["constants"].get("E", {}).get("value") or 0.0
    return f", below the floor E = {floor:.3g}" if value < floor else ""


def compared(data: dict[str, Any]) -> tuple[list[str], list[list[str]], str]:
    """Header and rows of the table of laws, and what to know of it."""
    held = max(one["held_out"] for one in data["compared"])
    header = ["law", "error of fit", "AICc", f"error on the {held} largest" if held > 1 else "error on the largest"]
    rows = [
        [
            one["formula"] + (", answers" if one["name"] == data["law"]["name"] else ""),
            f"{one['spread']:.2%}",
            "-" if one["aicc"] is None else f"{one['aicc']:.1f}",
            "-" if one["error"] is None else f"{one['error']:.2%}",
        ]
        for one in data["compared"]
    ]
    notes = "Error on the largest: fitted without those runs, then asked for them."
    if any(one["aicc"] is None for one in data["compared"]):
        notes += " AICc needs more rows."
    return header, rows, notes


def _letter(data: dict[str, Any]) -> str:
    return {"parameters": "N", "tokens": "D", "compute": "C"}[data["law"]["inputs"][0]]


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def wrapped(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Sentences as lines for a terminal, each behind its heading."""
    lines = []
    for heading, text in rows:
        folded = textwrap.wrap(text, 100, break_long_words=False, break_on_hyphens=False)
        lines += [f"  {heading if index == 0 else '':14}{part}" for index, part in enumerate(folded)]
    return lines
