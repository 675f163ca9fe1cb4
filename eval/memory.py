"""State tracking: a claim that was judged before is answered as before, unless the speaker takes it back.

A claim is known by the words that carry it, in whatever order and frame: no network is asked, and no label is used.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from data.synonyms import SYNONYMS

FEWEST_WORDS = 3
"""Fewer name no claim: `It was good` may be about anything."""
MORE_WORDS = 2
"""Words by which a restatement may say more."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
# Words that a claim is wrapped in.
_FRAME = frozenset((
    "a", "an", "the", "this", "that", "these", "those", "it", "its", "they", "them", "he", "she", "we", "you", "i",
    "me", "my", "your", "our", "is", "are", "was", "were", "be", "been", "am", "has", "have", "had", "do", "does",
    "did", "will", "would", "can", "could", "of", "in", "on", "at", "to", "for", "from", "by", "with", "about",
    "as", "and", "or", "so", "if", "there", "here", "what", "which", "who", "how", "when", "where", "again", "once",
    "more", "back", "come", "let", "say", "says", "said", "tell", "told", "ask", "asked", "answer", "call",
    "called", "find", "found", "think", "thought", "hold", "view", "word", "mind", "opinion", "really", "very",
    "second", "thoughts",
))  # fmt: skip
_CHANGE = re.compile(
    r"\b(?:no longer|any ?more|used to|second thoughts?|once thought|now|but|although|though|however|yet|instead|"
    r"take (?:it|that) back|(?:have |['’]ve )changed my mind)\b",
    re.IGNORECASE,
)
_UNCHANGED = re.compile(r"\b(?:ha(?:s|ve) not|ha(?:s|ve)n['’]t|never) changed\b", re.IGNORECASE)
_NEGATION = re.compile(r"\b(?:not|no|never|neither|nor|cannot|nothing)\b|n['’]t\b", re.IGNORECASE)
_CANONICAL = {word: min((word, *others)) for word, others in SYNONYMS.items()}


@dataclass(frozen=True, slots=True)
class Claim:
    """What a text says, as far as its words tell."""

    words: frozenset[str]
    """Those that carry it; synonyms are one word."""
    negated: bool

    def restates(self, earlier: "Claim") -> bool:
        """Whether this says all that an earlier claim said, and little more."""
        more = self.words - earlier.words
        return earlier.words <= self.words and len(more) <= MORE_WORDS and self.negated == earlier.negated


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answer to one turn."""

    probabilities: np.ndarray
    """(2,)."""
    remembered: bool
    """The answer of an earlier turn that made the same claim."""
    changed: bool
    """The answer on this matter is another class than before, for good reason: say so."""


class Memory:
    """What was judged in one dialogue."""

    def __init__(self):
        self._judged: list[tuple[Claim, np.ndarray]] = []

    def judge(self, text: str, probabilities: np.ndarray) -> Judgement:
        """Answer a turn by the `probabilities` (2,) of the model, or as before.

        As before where it restates a claim; where it differs from one in a word, where the model would change its
        class without being surer than it was; and never where the speaker takes something back.
        """
        claim, takes_back = claim_of(text), bool(_CHANGE.search(_UNCHANGED.sub("", text)))
        if len(claim.words) < FEWEST_WORDS:
            return Judgement(probabilities, False, False)
        if not takes_back:
            for earlier, answer in reversed(self._judged):
                if claim.restates(earlier):
                    return Judgement(answer, True, False)
        same = ((earlier, answer) for earlier, answer in reversed(self._judged) if _same_matter(claim, earlier))
        earlier, before = next(same, (claim, probabilities))
        changed = bool((before[1] > 0.5) != (probabilities[1] > 0.5))
        weaker = probabilities.max() < before.max()
        if changed and weaker and not takes_back and claim.negated == earlier.negated:
            return Judgement(before, True, False)
        self._judged.append((claim, probabilities))
        return Judgement(probabilities, False, changed)


def converse(turns: Sequence[str], answer: Callable[[Sequence[str]], np.ndarray]) -> list[Judgement]:
    """Judge the turns of one dialogue in order; `answer` gives (n, 2) probabilities."""
    memory = Memory()
    return [memory.judge(text, row) for text, row in zip(turns, answer(turns), strict=True)]


def claim_of(text: str) -> Claim:
    """The normal form of what a text claims."""
    text = _UNCHANGED.sub("", text)
    words = (word.lower() for word in _WORD.findall(_NEGATION.sub(" ", text)))
    carrying = frozenset(_CANONICAL.get(word, word) for word in words if word not in _FRAME)
    return Claim(carrying, len(_NEGATION.findall(text)) % 2 == 1)


def _same_matter(claim: Claim, earlier: Claim) -> bool:
    """Whether two claims share all words but one, perhaps the one that judges."""
    return len(earlier.words - claim.words) <= 1 and len(claim.words - earlier.words) <= 2 * MORE_WORDS
