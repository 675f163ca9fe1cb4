"""What stands beside an answer: the training sentences nearest to the text, and whether it looks like any of them.

The evaluation of a run keeps it for the app as nearest.npz, the sentences, and nearest.json, what was fitted with them.
"""

import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from cli.errors import UserError
from eval.nearest import Neighbour, Neighbours
from eval.run_directory import read_json, remove, write_json
from eval.verification import Verification, doubt

SENTENCES = 7_000
"""Training sentences that are kept at most: a few megabytes, and a quarter of a minute to read them all."""
LONGEST = 240
"""Characters that are kept of each."""
INDEX, CONSTANTS = "nearest.npz", "nearest.json"


@dataclass(frozen=True, slots=True)
class Support:
    """What the nearest training sentences say to one answer."""

    nearest: tuple[Neighbour, ...]
    """The nearest first."""
    agreeing: int
    """How many of them bear the label of the answer."""
    distance: float
    """To the last of them: 1 less the similarity."""
    unfamiliar: bool
    """The text is further away than 95% of validation rows are."""
    verified: float | None
    """The confidence that is left of the answer; None where the validation rows could not tell."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Training sentences to search, with what validation rows say about them."""

    neighbours: Neighbours
    verification: Verification
    unfamiliar_from: float
    """The distance above which a text looks unlike the training data."""

    def support(self, probabilities: np.ndarray, state: np.ndarray) -> Support:
        """For one text: its raw probabilities, (2,), and what the network makes of it, (width,)."""
        nearest = tuple(self.neighbours.nearest(state))
        answer = int(probabilities.argmax())
        labels, similarities = np.array([(each.label, each.similarity) for each in nearest]).T
        distance = 1 - nearest[-1].similarity
        verified = None
        if self.verification.fitted:
            doubts = doubt(np.array([answer]), labels[None], similarities[None])
            verified = float(self.verification.verify(probabilities[None], doubts)[0, answer])
        return Support(nearest, int((labels == answer).sum()), distance, distance > self.unfamiliar_from, verified)

    def save(self, folder: Path) -> None:
        """Write both files into the folder of an evaluation."""
        self.neighbours.save(folder / INDEX)
        # Last: by this file it is known that both are there.
        constants = {"unfamiliar_from": self.unfamiliar_from, "verification": asdict(self.verification)}
        about = {"weights": self.neighbours.weights, "sentences": len(self.neighbours.texts)}
        write_json(folder / CONSTANTS, about | constants)

    @classmethod
    def load(cls, folder: Path, weights: str) -> "Evidence":
        """Read what `save` wrote; raises UserError where it is missing, broken or of other weights."""
        path, neighbours = folder / CONSTANTS, Neighbours.load(folder / INDEX)
        constants = read_json(path)
        try:
            verification, bar = Verification(**constants["verification"]), float(constants["unfamiliar_from"])
            makes_sense = verification.strength >= 0 and 0 < verification.temperature < math.inf and math.isfinite(bar)
            judged = {constants["weights"], neighbours.weights}
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path} is of another version: delete it, and evaluate again") from error
        if not makes_sense or judged != {weights}:
            raise UserError(f"{path} tells of other weights, or makes no sense: evaluate again")
        return cls(neighbours, verification, bar)


def remove_evidence(folder: Path) -> None:
    """Delete both files where they are there."""
    for name in (CONSTANTS, INDEX):
        remove(folder / name)
