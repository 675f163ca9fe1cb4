"""What the training sentences say to an answer, as the page shows it."""

from collections.abc import Sequence

from data.checks import LABEL_NAMES
from eval.evidence import Support
from eval.nearest import Neighbour
from space.texts import text_html

SHOWN = 3
"""Sentences that stand there at once; the others are folded."""
UNFAMILIAR = (
    '<p class="unfamiliar"><strong>This looks unlike my training data:</strong> it is further from the training '
    "sentences than 95% of the validation rows are, so trust the answer less.</p>"
)
NOT_FAR = (
    "not far",
    "The text is no further from the training sentences than most validation rows are, which text of other kinds can "
    "also be.",
)
HOW_TO_GET_IT = (
    '<p class="evidence"><small>For the nearest training sentences, and a warning where a text is unlike them: '
    "<code>python eval/run.py RUN</code></small></p>"
)


def evidence_html(support: Support, label: str, probability: float, *, calibrated: bool) -> str:
    """The nearest training sentences, whether they agree with the answer `label`, and whether the text is like any.

    probability: what the page gives for the answer, calibrated or raw.
    """
    terms = [_agreement(support, label)]
    if support.verified is not None:
        terms.append(_verified(support.verified, probability, calibrated))
    if not support.unfamiliar:
        terms.append(NOT_FAR)
    told = "".join(f"<dt>{term}</dt><dd>{meaning}</dd>" for term, meaning in terms)
    shown, folded = support.nearest[:SHOWN], support.nearest[SHOWN:]
    others = f"<details><summary>The other {len(folded)}</summary>{_list(folded, label)}</details>" if folded else ""
    return (
        f'<div class="evidence"><h3>Evidence</h3>{UNFAMILIAR if support.unfamiliar else ""}<dl>{told}</dl>'
        f"{_list(shown, label)}{others}</div>"
    )


def _agreement(support: Support, label: str) -> tuple[str, str]:
    found = len(support.nearest)
    return (
        f"{support.agreeing} of {found}",
        f"The nearest training sentences, those most like this text to the network, that are labelled {label} too: the "
        "more, the better the answer is backed.",
    )


def _verified(verified: float, probability: float, calibrated: bool) -> tuple[str, str]:
    before = f"{'calibrated' if calibrated else 'raw'}, it is {probability:.1%}"
    return (
        f"{verified:.1%}",
        f"The verified confidence ({before}): lower where those sentences disagree or are little like the text.",
    )


def _list(nearest: Sequence[Neighbour], label: str) -> str:
    return f"<ul>{''.join(_item(each, LABEL_NAMES[each.label], label) for each in nearest)}</ul>"


def _item(neighbour: Neighbour, own: str, label: str) -> str:
    kind, word = ("for", "agrees") if own == label else ("against", "disagrees")
    return (
        f'<li class="{kind}"><bdi>{text_html(neighbour.text)}</bdi>'
        f"<small>{own}: {word}, similarity {neighbour.similarity:.2f}</small></li>"
    )
