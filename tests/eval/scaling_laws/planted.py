"""Tables of runs whose law is known."""

from pathlib import Path

import numpy as np

from eval.scaling_laws.table import ScalingTable, make_table

TRUTH = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}
WORKED = (Path(__file__).parents[3] / "notebooks" / "hypothetical_runs.csv").read_text(encoding="utf-8")


def grid(sizes: int = 6, counts: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Parameters and tokens of every size at every token count."""
    n, d = np.meshgrid(np.geomspace(1e7, 1e10, sizes), np.geomspace(1e9, 1e12, counts))
    return n.ravel(), d.ravel()


def hoffmann_loss(n: np.ndarray, d: np.ndarray) -> np.ndarray:
    return TRUTH["E"] + TRUTH["A"] / n ** TRUTH["alpha"] + TRUTH["B"] / d ** TRUTH["beta"]


def hoffmann_table(*, noise: float = 0.0, seed: int = 0, sizes: int = 6, counts: int = 5) -> ScalingTable:
    n, d = grid(sizes, counts)
    error = noise * np.random.default_rng(seed).standard_normal(n.size)
    return make_table(hoffmann_loss(n, d) * np.exp(error), n, d, 6 * n * d)


def line_table(rows: int = 8, *, noise: float = 0.0, seed: int = 0) -> ScalingTable:
    """Runs with D = 20 N by L = 1.5 + 60 N^-0.2."""
    n = np.geomspace(1e7, 1e10, rows)
    error = noise * np.random.default_rng(seed).standard_normal(rows)
    return make_table((1.5 + 60 * n**-0.2) * np.exp(error), n, 20 * n, 120 * n**2)
