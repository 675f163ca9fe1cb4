"""The one scale of all remarks."""

import pytest

from eval.parts import PRAISE, counted, weigh


def test_a_fault_weighs_the_share_it_concerns():
    assert weigh(0.488) > weigh(0.07) > weigh(0.05) > PRAISE
    assert weigh(1.0) == weigh(1.2) < 0.8  # what everybody asks for first


@pytest.mark.parametrize(("number", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1200, "1,200 rows")])
def test_one_is_not_plural(number, text):
    assert counted(number, "row") == text
