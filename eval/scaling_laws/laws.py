"""The forms of scaling laws, as logarithms of the loss with their derivatives.

Inputs are natural logarithms less those of a centre, losses are divided by a scale: so every constant that is fitted is
near 1, and A / N^alpha, whose A hangs on alpha by many powers of ten, becomes A' (N / centre)^-alpha.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.optimize import nnls

STEEPEST, FLATTEST = 3.0, 1e-3
"""Bounds of an exponent; published ones lie between 0.05 and 1."""
NOTHING = 1e-9
"""A constant this small, in units of the loss, is none: the lower bound of each."""
EXPONENTS = np.geomspace(0.03, 1.5, 8)
"""Exponents that fits start from, each with each."""


class Law(Protocol):
    """A form of loss with p constants, of logarithms x of shape (inputs, n)."""

    name: str
    formula: str
    inputs: tuple[str, ...]
    constants: tuple[str, ...]
    exponents: tuple[str, ...]

    @property
    def bounds(self) -> np.ndarray:
        """Lower and upper bound of each fitted constant, of shape (p, 2)."""

    def starts(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Where fits may start, of shape (k, p)."""

    def log_loss(self, theta: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The logarithm of the loss, of shape (..., n), for constants of shape (..., p).

        x may be of shape (..., inputs, n) too, with points of its own for each theta.
        """

    def with_jacobian(self, theta: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The logarithm of the loss (n,) and its derivatives (p, n) for one theta (p,)."""

    def natural(self, theta: np.ndarray, centre: np.ndarray, scale: float) -> dict[str, np.ndarray]:
        """The constants as the formula has them, each of shape (...)."""


@dataclass(frozen=True, slots=True)
class SumOfPowers:
    """L = E + the sum over inputs of K_j / x_j^a_j, without E where there is no floor, with one a where it is shared.

    theta is [E], K_1 … K_m, a_1 … a_m (or a). Sources: Kaplan et al. 2020, section 1.2 (one input, no E); Hoffmann et
    al. 2022, equation 2 (parameters and tokens).
    """

    name: str
    formula: str
    inputs: tuple[str, ...]
    constants: tuple[str, ...]
    exponents: tuple[str, ...]
    floor: bool = True

    @property
    def terms(self) -> int:
        return len(self.inputs)

    @property
    def bounds(self) -> np.ndarray:
        coefficients = self.floor + self.terms
        return np.array([(NOTHING, 10.0)] * coefficients + [(FLATTEST, STEEPEST)] * len(self.exponents))

    def starts(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        # Given the exponents the rest is linear: least squares of the relative error, no constant below zero.
        grid = np.stack(np.meshgrid(*[EXPONENTS] * len(self.exponents), indexing="ij"), axis=-1)
        found = []
        for exponents in grid.reshape(-1, len(self.exponents)):
            powers = np.exp(-exponents[:, None] * x)
            columns = np.vstack([np.ones_like(y), powers] if self.floor else [powers]) / np.exp(y)
            coefficients, _ = nnls(columns.T, np.ones_like(y), maxiter=1000)
            # No constant starts on its bound, where its exponent would make no difference.
            found.append([*np.maximum(coefficients, 1e-3), *exponents])
        return np.array(found)

    def log_loss(self, theta: np.ndarray, x: np.ndarray) -> np.ndarray:
        floor, coefficients, exponents = self._split(theta)
        return np.log(floor + (coefficients[..., None] * np.exp(-exponents[..., None] * x)).sum(-2))

    def with_jacobian(self, theta: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        coefficients, exponents = theta[self.floor : self.floor + self.terms], theta[self.floor + self.terms :]
        powers = np.exp(-exponents[:, None] * x)
        parts = coefficients[:, None] * powers
        loss = parts.sum(0) + (theta[0] if self.floor else 0.0)
        by_exponent = -parts * x
        if len(exponents) < self.terms:
            by_exponent = by_exponent.sum(0, keepdims=True)
        rows = [np.ones((1, x.shape[1]))] if self.floor else []
        return np.log(loss), np.vstack([*rows, powers, by_exponent]) / loss

    def natural(self, theta: np.ndarray, centre: np.ndarray, scale: float) -> dict[str, np.ndarray]:
        floor, coefficients, exponents = self._split(theta)
        each = np.broadcast_to(exponents, coefficients.shape)
        values = [scale * coefficients[..., j] * np.exp(each[..., j] * centre[j]) for j in range(self.terms)]
        values += [exponents[..., j] for j in range(len(self.exponents))]
        if self.floor:
            # On its bound a floor is none.
            values = [np.where(floor[..., 0] <= 2 * NOTHING, 0.0, scale * floor[..., 0]), *values]
        return dict(zip(self.constants, values, strict=True))

    def _split(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Floor (..., 1), coefficients (..., terms) and exponents (..., terms or 1)."""
        floor = theta[..., :1] if self.floor else np.zeros_like(theta[..., :1])
        return floor, theta[..., self.floor : self.floor + self.terms], theta[..., self.floor + self.terms :]


@dataclass(frozen=True, slots=True)
class Kaplan:
    """L = ((Nc/N)^(alpha_N/alpha_D) + Dc/D)^alpha_D, without a floor (Kaplan et al. 2020, equation 1.5).

    theta is p, q, the ratio r of the exponents, and alpha_D, of log L = alpha_D log(e^(p - r n) + e^(q - d)).
    """

    name: str = "kaplan"
    formula: str = "L = ((Nc/N)^(alpha_N/alpha_D) + Dc/D)^alpha_D"
    inputs: tuple[str, ...] = ("parameters", "tokens")
    constants: tuple[str, ...] = ("Nc", "Dc", "alpha_N", "alpha_D")
    exponents: tuple[str, ...] = ("alpha_N", "alpha_D")

    @property
    def bounds(self) -> np.ndarray:
        return np.array([(-60.0, 60.0), (-60.0, 60.0), (0.02, 50.0), (FLATTEST, STEEPEST)])

    def starts(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        found = []
        for alpha_n in EXPONENTS:
            for alpha_d in EXPONENTS:
                ratio = alpha_n / alpha_d
                # The loss to the power 1 / alpha_D is linear in the two terms.
                columns = np.exp(np.vstack([-ratio * x[0], -x[1]]) - y / alpha_d)
                coefficients, _ = nnls(columns.T, np.ones_like(y), maxiter=1000)
                p, q = np.log(np.maximum(coefficients, 1e-3))
                found.append([p, q, ratio, alpha_d])
        return np.array(found)

    def log_loss(self, theta: np.ndarray, x: np.ndarray) -> np.ndarray:
        p, q, ratio, alpha = (theta[..., i, None] for i in range(4))
        return alpha * np.logaddexp(p - ratio * x[..., 0, :], q - x[..., 1, :])

    def with_jacobian(self, theta: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p, q, ratio, alpha = theta
        first, both = p - ratio * x[0], np.logaddexp(p - ratio * x[0], q - x[1])
        share = np.exp(first - both)
        return alpha * both, np.stack([alpha * share, alpha * (1 - share), -alpha * share * x[0], both])

    def natural(self, theta: np.ndarray, centre: np.ndarray, scale: float) -> dict[str, np.ndarray]:
        p, q, ratio, alpha = (theta[..., i] for i in range(4))
        lifted = np.log(scale) / alpha
        return {
            "Nc": np.exp((p + lifted + ratio * centre[0]) / ratio),
            "Dc": np.exp(q + lifted + centre[1]),
            "alpha_N": ratio * alpha,
            "alpha_D": alpha,
        }


LETTERS = {"parameters": "N", "tokens": "D", "compute": "C"}


def power_law(variable: str) -> SumOfPowers:
    """L = k x^-a of one variable."""
    letter = LETTERS[variable]
    return SumOfPowers(f"power_law_{letter}", f"L = k {letter}^-a", (variable,), ("k", "a"), ("a",), floor=False)


def power_law_with_floor(variable: str) -> SumOfPowers:
    """L = E + k x^-a of one variable."""
    letter = LETTERS[variable]
    return SumOfPowers(f"floor_{letter}", f"L = E + k {letter}^-a", (variable,), ("E", "k", "a"), ("a",))


HOFFMANN = SumOfPowers(
    "hoffmann",
    "L = E + A/N^alpha + B/D^beta",
    ("parameters", "tokens"),
    ("E", "A", "B", "alpha", "beta"),
    ("alpha", "beta"),
)
TIED = SumOfPowers(
    "tied",
    "L = E + A/N^alpha + B/D^alpha",
    ("parameters", "tokens"),
    ("E", "A", "B", "alpha"),
    ("alpha",),
)
KAPLAN = Kaplan()
SURFACES: tuple[Law, ...] = (HOFFMANN, TIED, KAPLAN)


def two_terms(law: Law, constants: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A, B, alpha, beta with which A/N^alpha + B/D^beta is lowest where the loss is; of any law of SURFACES."""
    if law.name == "kaplan":
        ratio = constants["alpha_N"] / constants["alpha_D"]
        # Powers of the loss have their minimum where the loss has it.
        return constants["Nc"] ** ratio, constants["Dc"], ratio, np.ones_like(ratio)
    return constants["A"], constants["B"], constants["alpha"], constants.get("beta", constants["alpha"])


def surface_loss(name: str, constants: Mapping[str, float], parameters: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """The loss by a law of SURFACES, from its name and its constants as the formula has them."""
    if name == "kaplan":
        alpha = constants["alpha_D"]
        return ((constants["Nc"] / parameters) ** (constants["alpha_N"] / alpha) + constants["Dc"] / tokens) ** alpha
    A, B, alpha, beta = two_terms(next(law for law in SURFACES if law.name == name), constants)
    return constants["E"] + A * parameters**-alpha + B * tokens**-beta
