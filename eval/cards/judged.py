"""What a card takes from an evaluation: its metrics, and its sections with the pictures where they lie."""

import re

from eval.cards.facts import Facts
from eval.markup import estimate, table
from eval.parts import load_part
from eval.parts.metrics import SPOKEN

HEADINGS = {"calibration": "Calibration", "probes": "Behavioural probes", "bias": "Demographic bias"}
"""The parts of an evaluation that have a section of their own."""
_IMAGE = re.compile(r"^(!\[[^\]\n]*\]\()([\w.-]+\.png\))$", re.MULTILINE)


def metrics_table(facts: Facts) -> str:
    """Every metric on both splits with its interval."""
    figures = facts.figures
    rows = [
        [SPOKEN.get(name, name.replace("_", " ")), estimate(figure), estimate(figures["validation"].get(name))]
        for name, figure in figures["test"].items()
    ]
    heads = [f"{split}, n = {facts.rows(split):,}" if facts.rows(split) else split for split in figures]
    if not rows:
        return ""
    kind = "by bootstrap over rows" if facts.is_language_model else "Wilson's for accuracy, else by bootstrap over rows"
    chosen = "Whatever was chosen was chosen on the validation rows, whose figures flatter for that."
    return f"{table(['metric', *heads], rows)}\n\nIn brackets: 95% intervals, {kind}. {chosen}"


def sections(facts: Facts) -> dict[str, str]:
    """{heading: body} of calibration, probes and bias, as far as they were measured."""
    return {heading: _section(facts, name) for name, heading in HEADINGS.items() if name in facts.parts}


def not_measured(facts: Facts) -> str:
    """Which of them are missing, and the command that measures them."""
    missing = [name for name in ("metrics", *HEADINGS) if name not in facts.parts]
    if facts.is_language_model or not missing:
        return ""
    where = f" --corpus {facts.settings['corpus']} --output_dir DIR" if facts.repo_id and facts.source else ""
    where = " --data_dir DIR --output_dir DIR" if facts.repo_id and not facts.source else where
    only = "" if len(missing) == len(HEADINGS) + 1 else f" --only {','.join(missing)}"
    names = [HEADINGS.get(name, "metrics by class").lower() for name in missing]
    listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    return f"Not measured yet: {listed}. `python eval/run.py {facts.quoted[1]}{where}{only}` does."


def _section(facts: Facts, name: str) -> str:
    body = load_part(name).section(facts.parts[name]).strip()
    return _IMAGE.sub(lambda image: _placed(facts, image), body)


def _placed(facts: Facts, image: re.Match) -> str:
    """The image where it lies from the card, or nothing where it does not."""
    there = (facts.run.evaluation / image[2].removesuffix(")")).is_file()
    return f"{image[1]}evaluation/{image[2]}" if there else ""
