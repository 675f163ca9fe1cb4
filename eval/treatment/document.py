"""treatment.json: what an experiment found, as it is written down; eval.treatment.sections reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from eval.run_directory import plain
from eval.treatment.arms import ArmsVerdict
from eval.treatment.causes import CauseVerdict
from eval.treatment.cure import Cure
from eval.treatment.sections import SCHEMA_VERSION


def document(
    *,
    finding: str,
    question: str,
    cause: CauseVerdict,
    cure: Cure | None,
    rankings: Sequence[ArmsVerdict] = (),
    words: Mapping[str, str],
    flags: Mapping[str, str],
    budget: Mapping[str, Any],
    command: str,
    plots: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What treatment.json holds: Python's own types only.

    `rankings` are the arms by further outcomes; `words` says what each arm changes, {arm: words}, and `flags` by which
    flags of train/run.py; `command` repeats the treatment; `plots` is {path of the PNG from incident.md, without its
    ending: what it shows}. `budget` may have "seconds" taken, "seeds", "cure_seeds", "steps", "start", where every run
    began, and "cut", what was left out, in a list of words.
    """
    told = asdict(cause)
    content = {
        "schema": SCHEMA_VERSION,
        "finding": str(finding),
        "question": question,
        "arms": told.pop("comparison"),
        "cause": told,
        "cure": asdict(cure) if cure else None,
        "rankings": [asdict(ranking) for ranking in rankings],
        "words": dict(words),
        "flags": dict(flags),
        "budget": dict(budget),
        "command": command,
        "plots": dict(plots or {}),
    }
    return plain(content)
