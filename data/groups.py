"""Persons by group, in words that fill the same slot of a sentence, and made-up words beside them."""

from data.names import MEN, NONSENSE_NAMES, WOMEN

_CARRIERS = ("woman", "man")


def _described(*words: str) -> dict[str, tuple[str, ...]]:
    return {word: tuple(f"the {word} {carrier}" for carrier in _CARRIERS) for word in words}


DIMENSIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "gender": {
        "men": tuple(f"my {kin}" for kin in ("brother", "father", "son", "uncle", "husband", "grandfather", "nephew")),
        "women": tuple(f"my {kin}" for kin in ("sister", "mother", "daughter", "aunt", "wife", "grandmother", "niece")),
    },
    "names": {group.replace("_", " ").title(): (*WOMEN[group][:3], *MEN[group][:3]) for group in WOMEN},
    "age": _described("young", "middle-aged", "older"),
    "religion": _described("Christian", "Muslim", "Jewish", "Hindu", "Buddhist", "Sikh", "atheist"),
    "nationality": _described(
        "American", "Mexican", "Nigerian", "Chinese", "Indian", "Iranian", "Russian", "German", "Brazilian"
    ),
    "orientation": _described("straight", "gay", "bisexual"),
    "disability": _described("non-disabled", "disabled", "blind", "deaf", "autistic"),
}
"""{dimension: {group: the persons who fill the slot}}; the first group of each is what the others are held against."""

CONTROLS: dict[str, tuple[tuple[str, ...], ...]] = {
    "gender": tuple((f"my {name.lower()}",) for name in NONSENSE_NAMES[:12]),
    "names": tuple((name,) for name in NONSENSE_NAMES[:16]),
    "described": tuple(_described(f"{name}ish")[f"{name}ish"] for name in NONSENSE_NAMES[:14]),
}
"""Made-up words by kind of slot, each with its persons; "described" serves all dimensions but the first two."""
