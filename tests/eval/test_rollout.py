import numpy as np
import pytest
from scipy.stats import spearmanr

from eval.predictor import Predictor
from eval.rollout import classified_share, compare_with_attribution, rank_agreement, rollout


def random_attention(layers: int, heads: int, tokens: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).dirichlet(np.full(tokens, 0.3), size=(layers, heads, tokens)))


def test_rollout_is_where_a_walk_down_the_layers_ends():
    layers = random_attention(3, 2, 4)
    share = rollout(layers)
    draw = np.random.default_rng(1)
    ends = np.zeros(4)
    walks = 20_000
    for _ in range(walks):
        place = 2
        for layer in reversed(layers):
            # The residual connection stays, otherwise one of the heads chooses.
            if draw.random() < 0.5:
                place = draw.choice(4, p=layer[draw.integers(2), place])
        ends[place] += 1
    np.testing.assert_allclose(share[2], ends / walks, atol=0.015)
    np.testing.assert_allclose(share.sum(axis=1), 1)


def test_one_layer_is_half_attention_half_residual():
    (layer,) = random_attention(1, 3, 5)
    np.testing.assert_allclose(rollout([layer]), (layer.mean(0) + np.eye(5)) / 2)


def test_the_row_is_the_one_that_the_classifier_reads():
    share = np.array([[0.7, 0.3], [0.1, 0.9]])
    assert classified_share(share, [5, 6], 5, mean=False).tolist() == [0.7, 0.3]
    assert classified_share(share, [6, 5], 5, mean=False).tolist() == [0.1, 0.9]
    assert classified_share(share, [6, 7], None, mean=False).tolist() == [0.1, 0.9]
    assert classified_share(share, [5, 6], 5, mean=True) == pytest.approx([0.4, 0.6])


def test_rank_agreement_is_spearmans():
    draw = np.random.default_rng(2)
    first = draw.normal(size=20)
    second = first + draw.normal(size=20)
    figure = rank_agreement(first, second)
    assert figure.value == pytest.approx(spearmanr(first, second).statistic)
    assert figure.n == 20
    assert figure.low < figure.value < figure.high


def test_the_interval_covers_the_true_correlation():
    draw = np.random.default_rng(3)
    # Of two normal variables with Pearson's r; Kruskal 1958.
    true = 6 / np.pi * np.arcsin(0.6 / 2)
    figures = [rank_agreement(*draw.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 25).T) for _ in range(800)]
    covered = np.mean([figure.low <= true <= figure.high for figure in figures])
    assert 0.92 < covered < 0.98


def test_equal_orders_agree_wholly():
    figure = rank_agreement(np.arange(5.0), np.arange(5.0) ** 3)
    assert figure.value == pytest.approx(1)
    assert figure.high == pytest.approx(1)


@pytest.mark.parametrize(("first", "second"), [([1, 2, 3], [1, 2, 3]), ([1, 2, 3, 4], [2, 2, 2, 2])])
def test_without_anything_to_order_it_is_undefined(first, second):
    assert rank_agreement(np.array(first), np.array(second)).value is None


def test_special_tokens_are_left_out_of_the_comparison(tiny_classifier):
    predictor = Predictor.load(str(tiny_classifier))
    text = "the film is very good"
    tokens, layers = predictor.attentions(text)
    found = compare_with_attribution(predictor, text, layers, np.arange(len(tokens)) - 3.0)
    assert found.tokens == tokens[1:-1]
    assert found.attribution.tolist() == [-2, -1, 0, 1, 2]
    share = rollout(layers)[0, 1:-1]
    np.testing.assert_allclose(found.rollout, share / share.sum())
    assert found.agreement.value == pytest.approx(spearmanr(share, [2, 1, 0, 1, 2]).statistic)
