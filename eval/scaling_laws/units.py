"""Numbers as people write them: 10B parameters, 1T tokens, 1e21 FLOP, 20 PF-days."""

import re
from math import floor, isfinite, log10

PF_DAY = 8.64e19
"""FLOP of a petaFLOP/s for a day."""

MULTIPLES = {
    **{"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "millions": 1e6, "b": 1e9, "bn": 1e9, "g": 1e9},
    **{"billion": 1e9, "billions": 1e9, "t": 1e12, "trillion": 1e12, "trillions": 1e12},
}
FLOP = {
    **{"flop": 1.0, "flops": 1.0, "gflop": 1e9, "gflops": 1e9, "tflop": 1e12, "tflops": 1e12, "pflop": 1e15},
    **{"pflops": 1e15, "eflop": 1e18, "eflops": 1e18, "zflop": 1e21, "zflops": 1e21, "yflop": 1e24, "yflops": 1e24},
}
DAYS = re.compile(r"(pf|pflops?|petaflops?)s?d(ays?)?")
"""PF-days, without spaces and signs."""
_NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(.*)", re.IGNORECASE | re.DOTALL)
_THOUSANDS = re.compile(r"(?<=\d)[,_'](?=\d{3}(?!\d))")


def parse_count(text: str) -> float:
    """A number of parameters or tokens, such as 10B, 1.5T, 300 million, 1e9 or 10,000; ValueError if it is none."""
    number, unit = _split(text)
    if unit in MULTIPLES:
        return number * MULTIPLES[unit]
    if unit:
        raise ValueError(f"{text!r} has the unknown unit {unit!r}")
    return number


def parse_compute(text: str) -> tuple[float, bool]:
    """A compute as FLOP, and whether a unit was given: 1e21 (taken as FLOP), 0.1 PF-days, 20PFd, 3 ZFLOP."""
    number, unit = _split(text)
    if DAYS.fullmatch(unit):
        return number * PF_DAY, True
    if unit and unit not in FLOP:
        raise ValueError(f"{text!r} has the unknown unit {unit!r}")
    return number * FLOP.get(unit, 1.0), bool(unit)


def count(value: float) -> str:
    """A number of parameters or tokens, in three digits: 1.25B."""
    if not isfinite(value) or value <= 0:
        return f"{value:g}"
    # 999.6M rounds into the next unit.
    value = float(f"{value:.3g}")
    for letter, size in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("k", 1e3), ("", 1.0)):
        if size <= value < 1e4 * size:
            digits = max(0, 2 - floor(log10(value / size)))
            shown = f"{value / size:.{digits}f}"
            return (shown.rstrip("0").rstrip(".") if "." in shown else shown) + letter
    return f"{value:.3g}"


def compute(value: float) -> str:
    """A compute in both units: 20 PF-days (1.73e21 FLOP); small ones in FLOP alone."""
    days = value / PF_DAY
    return f"{days:.3g} PF-days ({value:.3g} FLOP)" if 1e-3 <= days < 1e6 else f"{value:.3g} FLOP"


def _split(text: str) -> tuple[float, str]:
    """The number, and its unit in small letters without hyphens, slashes and spaces."""
    found = _NUMBER.fullmatch(_THOUSANDS.sub("", text.strip()))
    unit = found and re.sub(r"[\s\-/·.]", "", found[2].lower())
    if not found or not re.fullmatch(r"[a-z]*", unit):
        raise ValueError(f"{text!r} is no number")
    return float(found[1]), unit
