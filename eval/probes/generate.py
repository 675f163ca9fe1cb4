"""The project's own suite: eleven capabilities, made from templates."""

import random

from eval.probes import (
    comparison,
    contrast,
    fairness,
    length,
    names,
    negation,
    opinion,
    repetition,
    robustness,
    temporal,
    vocabulary,
)
from eval.probes.suite import Case

CAPABILITIES = {
    module.CAPABILITY: module
    for module in (
        vocabulary,
        negation,
        temporal,
        comparison,
        contrast,
        names,
        opinion,
        robustness,
        length,
        repetition,
        fairness,
    )
}


def generate(seed: int = 0) -> list[Case]:
    """Make the cases of every capability, the same for the same seed; a capability's do not depend on the others."""
    return [
        case
        for capability, module in CAPABILITIES.items()
        for case in module.cases(random.Random(f"{capability}:{seed}"))
    ]
