"""Published constants of L = E + A/N^alpha + B/D^beta, to borrow where a table cannot give its own."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """Constants with N in parameters, D in tokens, the loss in nats a token."""

    source: str
    E: float
    A: float
    B: float
    alpha: float
    beta: float

    @property
    def constants(self) -> dict[str, float]:
        return {name: getattr(self, name) for name in ("E", "A", "B", "alpha", "beta")}

    def loss(self, parameters, tokens):
        return self.E + self.A * parameters**-self.alpha + self.B * tokens**-self.beta


HOFFMANN_2022 = Published("Hoffmann et al. 2022, approach 3", E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
"""Equation 10, rounded as there. Their fit stopped early and does not fit their own runs: see the next."""
BESIROGLU_2024 = Published(
    "Besiroglu et al. 2024, its replication", E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658
)
PUBLISHED = (HOFFMANN_2022, BESIROGLU_2024)
