"""Test rows that also stand in train: the figures they give are worth nothing."""

from collections.abc import Iterable
from dataclasses import dataclass

from datasets import Dataset

from cli.errors import UserError
from data.checks import shorten
from data.normal_form import normal_form

MAX_SHARE = 0.005
_EXAMPLES = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlap:
    """How many test rows also stand in train, compared by normal form."""

    count: int
    total: int
    """Test rows."""
    share: float
    """count / total, 0 for an empty test."""
    examples: list[str]
    """The first few of the test rows found in train."""


def find_overlap(train_texts: Iterable[str], test_texts: Iterable[str]) -> Overlap:
    """Count the test texts that equal a training text but for case, punctuation and white space."""
    seen = set(map(normal_form, train_texts))
    test_texts = list(test_texts)
    shared = [text for text in test_texts if normal_form(text) in seen]
    share = len(shared) / len(test_texts) if test_texts else 0.0
    return Overlap(count=len(shared), total=len(test_texts), share=share, examples=shared[:_EXAMPLES])


def check_overlap(train: Dataset, test: Dataset, *, allow: bool) -> Overlap:
    """Return the overlap, and raise UserError where it is above 0.5% of the test rows and not allowed."""
    overlap = find_overlap(train["text"][:], test["text"][:])
    if overlap.share > MAX_SHARE and not allow:
        raise UserError(
            f"{overlap.count} of the {overlap.total} test rows ({overlap.share:.1%}) also stand in train, such as "
            f"{shorten(overlap.examples[0])!r}: take them out of one of the two, or go on with --allow_overlap"
        )
    return overlap
