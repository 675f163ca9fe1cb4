"""Which texts stand word for word inside others."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that multiplication modulo 2**64 loses nothing


def words(text: str) -> list[str]:
    """Return the lower-case words of a text that was tokenised with spaces, as SST-2's sentences are."""
    return text.lower().split()


def count_occurrences(texts: Sequence[str], within: Sequence[str]) -> np.ndarray:
    """Count how often each text occurs in the texts `within`, as a contiguous run of whole words.

    Runs are compared by a polynomial hash modulo 2**64 over random word values, one run length at a time: cost grows
    with the sum of squared text lengths, 1 s for SST-2 against itself; the chance that one of its 5.5 million runs
    meets a wrong text is below 1e-7.

    Returns counts of shape (len(texts),); a text without words occurs nowhere.
    """
    split = [words(text) for text in (*texts, *within)]
    lengths = np.array([len(row) for row in split], dtype=np.int64)
    codes, vocabulary = pd.factorize(np.array([word for row in split for word in row], dtype=object))
    values = np.random.default_rng(0).integers(0, 2**64, len(vocabulary), dtype=np.uint64)[codes]

    starts = np.cumsum(lengths) - lengths
    needle_lengths, needle_starts = lengths[: len(texts)], starts[: len(texts)]
    haystack = int(needle_lengths.sum())  # the position at which `within` begins
    words_left = np.repeat(starts + lengths, lengths) - np.arange(len(codes))

    counts = np.zeros(len(texts), dtype=np.int64)
    positions = np.arange(len(codes))
    hashes = np.zeros(len(codes), dtype=np.uint64)
    for length in range(1, int(needle_lengths.max(initial=0)) + 1):
        fits = words_left[positions] >= length
        positions = positions[fits]
        hashes = hashes[fits] * _BASE + values[positions + length - 1]
        needles = np.flatnonzero(needle_lengths == length)
        runs = hashes[np.searchsorted(positions, haystack) :]
        if len(needles) == 0 or len(runs) == 0:
            continue
        wanted, needle_of = np.unique(hashes[np.searchsorted(positions, needle_starts[needles])], return_inverse=True)
        nearest = np.searchsorted(wanted, runs).clip(max=len(wanted) - 1)
        found = nearest[wanted[nearest] == runs]
        counts[needles] = np.bincount(found, minlength=len(wanted))[needle_of]
    return counts
