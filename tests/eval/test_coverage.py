import pytest

from benchmarks.coverage import NAMES, SHARPNESS, covered, too_few


@pytest.mark.slow
@pytest.mark.parametrize("world", SHARPNESS)
def test_intervals_hold_the_truth_as_often_as_they_say(world):
    held = covered(world, sets=48, rows=500, resamples=500)
    assert set(held) == set(NAMES)
    assert [name for name in NAMES if too_few(held[name])] == []


def test_too_few_hits_are_told_from_chance():
    assert too_few([True] * 39 + [False] * 9)
    assert not too_few([True] * 42 + [False] * 6)
