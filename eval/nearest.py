"""The training sentences that a text is nearest to, by what the run's own network makes of them."""

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cli.errors import UserError
from eval.run_directory import write_bytes

K = 8
"""Neighbours that a text is judged by."""
ROWS_AT_ONCE = 512
FALSE_ALARMS = 0.05


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A training sentence beside a text."""

    text: str
    label: int
    similarity: float
    """Their cosine, 1 where the network sees no difference."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Training sentences to search: exact, by cosine over the means of the network's last states."""

    states: np.ndarray
    """(n, width) float16, each of length 1."""
    texts: tuple[str, ...]
    labels: np.ndarray
    """(n,) of 0 and 1."""
    weights: str = ""
    """The fingerprint of the weights that saw them: states of another network cannot be compared."""

    @classmethod
    def build(cls, states: np.ndarray, texts: Sequence[str], labels: Sequence[int], weights: str = "") -> "Neighbours":
        """Of `states` (n, width), as `Predictor.predict(texts, states=True)` gives them. ValueError for no sentence."""
        if len(texts) == 0 or not len(states) == len(texts) == len(labels):
            raise ValueError(f"{len(texts)} texts, {len(states)} states and {len(labels)} labels: one each, and some")
        return cls(unit(states).astype(np.float16), tuple(texts), np.asarray(labels, dtype=np.int64), weights)

    def search(self, states: np.ndarray, k: int = K) -> tuple[np.ndarray, np.ndarray]:
        """Row numbers and similarities of the k nearest (fewer where there are fewer), nearest first: both (m, k)."""
        k, index = min(k, len(self.texts)), self.states.astype(np.float32)
        rows, similarities = np.empty((len(states), k), dtype=np.int64), np.empty((len(states), k))
        for start in range(0, len(states), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            cosines = unit(states[part]) @ index.T
            nearest = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
            own = np.take_along_axis(cosines, nearest, axis=1)
            order = np.argsort(-own, axis=1, kind="stable")
            rows[part] = np.take_along_axis(nearest, order, axis=1)
            similarities[part] = np.clip(np.take_along_axis(own, order, axis=1), -1, 1)
        return rows, similarities

    def nearest(self, state: np.ndarray, k: int = K) -> list[Neighbour]:
        """The k nearest sentences of one text, whose state has shape (width,)."""
        (rows,), (similarities,) = self.search(state[None], k)
        return [
            Neighbour(self.texts[row], int(self.labels[row]), float(similarity))
            for row, similarity in zip(rows, similarities, strict=True)
        ]

    def distances(self, states: np.ndarray, k: int = K) -> np.ndarray:
        """How far texts lie from the training sentences, (m,): 1 less the similarity of the k-th nearest.

        Source: Sun et al., Out-of-distribution detection with deep nearest neighbors, 2022 (with the cosine for the
        distance of normalised vectors, which has the same order).
        """
        return 1 - self.search(states, k)[1][:, -1]

    def save(self, path: Path) -> None:
        """Write one file, whole or not at all."""
        texts = np.frombuffer(json.dumps(self.texts, ensure_ascii=False).encode("utf-8", "surrogatepass"), np.uint8)
        content = io.BytesIO()
        np.savez_compressed(
            content, states=self.states, labels=self.labels.astype(np.int8), texts=texts, weights=self.weights
        )
        write_bytes(path, content.getvalue())

    @classmethod
    def load(cls, path: Path) -> "Neighbours":
        """Read what `save` wrote; raises UserError where the file is missing or no such file."""
        try:
            with np.load(path, allow_pickle=False) as file:
                texts = json.loads(file["texts"].tobytes().decode("utf-8", "surrogatepass"))
                states, labels, weights = file["states"], file["labels"].astype(np.int64), str(file["weights"])
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror or error}; build it again") from error
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise UserError(f"{path} holds no training sentences: delete it, and build it again") from error
        if not len(texts) == len(states) == len(labels):
            raise UserError(f"{path} holds no training sentences: delete it, and build it again")
        return cls(states, tuple(texts), labels, weights)


def unit(states: np.ndarray) -> np.ndarray:
    """Rows of length 1, float32; a row of zeros stays one."""
    states = np.asarray(states, dtype=np.float32)
    return states / np.maximum(np.linalg.norm(states, axis=1, keepdims=True), np.finfo(np.float32).tiny)


def unfamiliar_from(distances: np.ndarray, *, false_alarms: float = FALSE_ALARMS) -> float:
    """The distance above which a text looks unlike the training data: a share `false_alarms` of `distances` is."""
    return float(np.quantile(distances, 1 - false_alarms))
