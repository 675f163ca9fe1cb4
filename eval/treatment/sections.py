"""What an incident report says of a treatment, from treatment.json alone; all that comes from a run is escaped."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eval.diagnosis.words import figure, line, named, sentence
from eval.markup import escape, image, table, text_table
from eval.run_directory import read_json

SCHEMA_VERSION = 1

VERDICTS = {
    "helps": "helps",
    "hurts": "hurts",
    "no_effect_larger_than": "no effect that matters",
    "not_resolvable": "no difference seen",
}
PROVEN = ("cured", "better")
"""Verdicts of eval.treatment.cure on a remedy that can be advised."""
SHOWN = 12
"""Rows of a table, at most."""


def read_treatment(path: Path, verdict: str) -> dict[str, Any] | None:
    """A treatment.json that belongs to a verdict of a diagnosis; None where there is none, or it is of another.

    Raises UserError where it cannot be read.
    """
    if not path.is_file():
        return None
    content = read_json(path)
    belongs = isinstance(content, dict) and content.get("schema") == SCHEMA_VERSION
    return content if belongs and content.get("finding") == verdict else None


def cause_line(treatment: Mapping[str, Any]) -> str:
    """The line of the first section that says what the experiment says of the cause."""
    cause = treatment["cause"]
    if cause["confirmed"]:
        return f"- **Cause (confirmed by experiment):** {escape(sentence(cause['words']))}"
    why = in_words(cause["why"][-1], treatment["words"])
    return f"- **Cause (not confirmed by experiment):** {escape(sentence(why))}"


def mitigation_line(treatment: Mapping[str, Any]) -> str | None:
    """The line that says what the remedy did on fresh seeds; None where there is no remedy."""
    cure = treatment["cure"]
    remedy = cure["remedy"] if cure else treatment["cause"]["remedy"]
    if remedy is None:
        return None
    changed = f"{_words(treatment, remedy)}{_flags(treatment, remedy)}"
    if cure and cure["verdict"] not in PROVEN:
        told = f"None is proven: {changed}; {_before_after(cure)}"
    else:
        told = f"{changed[:1].upper()}{changed[1:]}; {_before_after(cure) if cure else 'not tried on fresh seeds'}"
    return f"- **Immediate mitigation:** {told}."


def in_words(text: str, words: Mapping[str, str]) -> str:
    """A sentence on arms with what they change, {arm: words}, for their names."""
    names = "|".join(re.escape(name) for name in sorted(words, key=len, reverse=True))
    return re.sub(rf"(?<![\w=])(?:{names})(?![\w=])", lambda found: words[found[0]], text) if names else text


def experiment(treatment: Mapping[str, Any]) -> str:
    """The body of the section "Experiment"."""
    cause, arms, cure = treatment["cause"], treatment["arms"], treatment["cure"]
    head = cause["words"] if cause["confirmed"] else "no cause is confirmed"
    why = [in_words(text, treatment["words"]) for text in cause["why"]]
    blocks = [f"{escape(treatment['question'])} **{escape(sentence(head))}** {_sentences(why)}"]
    if cause["others"]:
        rows = [[_cause(one["cause"]), escape(one["status"]), escape(one["why"])] for one in cause["others"]]
        blocks.append(text_table(["other cause", "it is", "why"], rows))
    blocks.append(_arms(treatment, arms))
    blocks += [_ranking(treatment, ranking) for ranking in treatment["rankings"]]
    if cure:
        blocks.append(f"On fresh seeds, with {_words(treatment, cure['remedy'])}: {_before_after(cure)}.")
    blocks += [image(path, escape(shown)) for path, shown in treatment["plots"].items()]
    blocks.append(_budget(treatment["budget"]))
    blocks.append(f"The treatment again:\n\n    {line(treatment['command'])}")
    return "\n\n".join(block for block in blocks if block)


def _arms(treatment: Mapping, arms: Mapping) -> str:
    rows = [_row(treatment, arms, arm) for arm in [arms["control"], *arms["arms"]][:SHOWN]]
    effect = "times the control" if arms["logarithmic"] else "against the control"
    header = ["arm", "seeds", escape(named(arms["outcome"])), effect, "with the symptom", "verdict"]
    return table(header, rows)


def _row(treatment: Mapping, arms: Mapping, arm: Mapping) -> list[str]:
    is_control = arm["effect"] is None
    return [
        "as it was" if is_control else _words(treatment, arm["name"]),
        str(arm["value"]["n"]),
        _estimate(arm["value"]),
        "–" if is_control else _effect(arm["effect"], arms["logarithmic"]),
        _count(arm["symptom"]),
        "–" if is_control else VERDICTS[arm["verdict"]],
    ]


def _ranking(treatment: Mapping, ranking: Mapping) -> str:
    name = escape(named(ranking["outcome"]))
    if ranking["winner"] is None:
        best = next((arm for arm in ranking["arms"] if arm["effect"]["value"] is not None), None)
        if best is None:
            return f"By {name}: not measured."
        words = f"{_words(treatment, best['name'])} comes first with {_effect(best['effect'], ranking['logarithmic'])}"
        return f"By {name}: no difference seen ({words})."
    best = next(arm for arm in ranking["arms"] if arm["name"] == ranking["winner"])
    told = f"By {name}: {_words(treatment, best['name'])}, {_effect(best['effect'], ranking['logarithmic'])}"
    others = ", ".join(_words(treatment, other) for other in ranking["level_with"])
    return f"{told}; not told apart from {others}." if others else f"{told}."


def _before_after(cure: Mapping) -> str:
    effect = _effect(cure["effect"], cure["logarithmic"])
    before, after = (figure_of(cure[when]["value"]) for when in ("before", "after"))
    seen = f", {cure['effect']['n']} fresh seeds" if cure["effect"]["n"] else ""
    told = f"{escape(named(cure['outcome']))} {before} → {after} ({effect}{seen})"
    if cure["symptom_before"] and cure["symptom_before"]["n"]:
        told += f", symptom in {_count(cure['symptom_before'])} → {_count(cure['symptom_after'])} runs"
    return f"{told}: **{cure['verdict']}**"


def _effect(effect: Mapping, logarithmic: bool) -> str:
    if effect["value"] is None:
        return "no run to compare"
    if logarithmic:
        return f"× {_estimate(effect)}"
    ends = "" if effect["low"] is None else f" [{effect['low']:+.3g}, {effect['high']:+.3g}]"
    return f"{effect['value']:+.3g}{ends}"


def _estimate(found: Mapping) -> str:
    ends = "" if found["low"] is None else f" [{figure_of(found['low'])}, {figure_of(found['high'])}]"
    return f"{figure_of(found['value'])}{ends}"


def figure_of(value: float | None) -> str:
    """A number in three digits."""
    return "no number" if value is None else figure(float(f"{value:.3g}"))


def _count(share: Mapping | None) -> str:
    """A share of runs as `3 of 4`."""
    return f"{round(share['value'] * share['n'])} of {share['n']}" if share and share["n"] else "–"


def _budget(budget: Mapping) -> str:
    size = {"seeds": "{:,} seeds", "cure_seeds": "{:,} fresh seeds for the cure", "steps": "{:,} steps a run"}
    told = [words.format(budget[name]) for name, words in size.items() if budget.get(name)]
    if budget.get("seconds"):
        told.append(f"{budget['seconds'] / 60:.1f} minutes in all")
    sentences = [f"The experiment had {', '.join(told)}."] if told else []
    if budget.get("start"):
        sentences.append(f"Every run began from {escape(budget['start'])}.")
    if budget.get("cut"):
        sentences.append(f"Left out for the budget: {escape('; '.join(budget['cut']), 600)}.")
    return " ".join(sentences)


def _sentences(texts: list[str]) -> str:
    return " ".join(escape(sentence(text), 600) for text in texts)


def _cause(cause: str) -> str:
    return escape(named(cause))


def _words(treatment: Mapping, arm: str) -> str:
    return escape(treatment["words"].get(arm, named(arm)))


def _flags(treatment: Mapping, arm: str) -> str:
    flags = line(treatment["flags"].get(arm, ""))
    # Flags hold no backtick: train/run.py knows none.
    return f": `{flags.replace('`', '')}`" if flags else ""
