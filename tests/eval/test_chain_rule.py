import numpy as np
import pytest

from eval.chain_rule import gains_of, predicted


def layers(gains, reach):
    return {f"block.{index}": {"gain": g, "reach": r} for index, (g, r) in enumerate(zip(gains, reach, strict=True))}


def test_a_layer_gets_the_product_of_the_gains_above_it():
    told = predicted(layers([9.0, 2.0, 0.5, 4.0], [1.0, 3.0, 1.0, 2.0]), at_output=10.0)
    # Its own gain says what leaves it, not what reaches it.
    np.testing.assert_allclose(told, [10 * 0.5 * 4, 10 * 1.5 * 2, 10 * 0.5 * 4, 10], rtol=1e-12)


def test_thirty_quarters_are_no_underflow():
    told = predicted(layers([0.25] * 300, [1.0] * 300), at_output=1.0)
    assert told[0] == pytest.approx(0.25**299, rel=1e-9) and told[-1] == 1


def test_a_layer_that_lets_nothing_pass():
    told = predicted(layers([1.0, 0.0, 1.0], [1.0] * 3), at_output=1.0)
    assert told.tolist() == [0, 1, 1]


def test_gains_of_a_journal():
    records = [{"kind": "train", "step": 1}, {"kind": "layer_gains", "step": 5, "layers": layers([1.0], [2.0])}]
    assert gains_of(records) == {5: {"block.0": {"gain": 1.0, "reach": 2.0}}}
