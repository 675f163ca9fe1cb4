import numpy as np
import pytest
from scipy.stats import fisher_exact
from sklearn.metrics import accuracy_score
from statsmodels.stats.contingency_tables import Table2x2
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from eval.slices import PATTERNS, holm, judge_slices, slice_masks, words


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        (
            "negation",
            ["it does n't work", "It isn’t good", "never dull", "a film without a plot", "dont bother", "No, thanks"],
            ["a notable knot", "nonetheless fine", "the nobel prize", "nothingness aside"],
        ),
        (
            "contrast (but, though, however)",
            ["slow but sweet", "Although long, it works", "good, though", "However, it fails"],
            ["a butler and a thought", "throughout"],
        ),
        ("intensifiers", ["very good", "too long", "such a mess", "so dull"], ["me too", "every film", "is that so ?"]),
        (
            "comparatives and superlatives",
            ["the funniest film", "better", "slower than most", "a scarier film", "the dullest", "one of the best"]
            + ["worst", "less is more"],
            [
                "an honest interest in the forest",
                "the rest",
                "a soldier with a carrier",
                "a musclefest",
                "the director",
            ],
        ),
        ("questions", ["why ?", "What? No."], ["why not."]),
        ("numbers", ["in 2002", "three men", "1.5 hours", "a dozen cats"], ["one of them", "often", "the tent"]),
        ("letters beyond a to z", ["amélie", "não"], ["a film , ‘quoted’ — in 2002", "ABC_xyz"]),
        (
            "capital names",
            ["a film by Woo", "says Steven Spielberg", "the 'Star Wars' films"],
            ["a film by woo", "The film. It is good", "what I saw", "A VERY LOUD FILM", "well, I'm out"],
        ),
    ],
)
def test_patterns_know_their_rows(name, inside, outside):
    assert [text for text in inside if not PATTERNS[name](text)] == []
    assert [text for text in outside if PATTERNS[name](text)] == []


def test_words_are_letters_in_lower_case():
    assert words("It's a 3-star Film , n't _it_ — “déjà vu”!") == [
        "it's",
        "a",
        "star",
        "film",
        "n't",
        "it",
        "déjà",
        "vu",
    ]


def test_thirds_of_length_part_the_rows():
    texts = ["word " * length for length in range(1, 31)]
    masks = slice_masks(texts, ["word word word"])
    thirds = np.stack([mask for name, mask in masks.items() if "words)" in name])
    assert (thirds.sum(axis=0) == 1).all()
    assert thirds.sum(axis=1).tolist() == [10, 10, 10]
    assert list(masks) == ["short (up to 10 words)", "medium (11 to 20 words)", "long (over 20 words)"]


def test_a_word_is_rare_below_three_training_occurrences():
    training = ["Common common", "common seldom", "seldom"]
    masks = slice_masks(["COMMON", "a common seldom", "seldom", "common unseen"], [*training, "a a a"])
    assert masks["rare words"].tolist() == [False, True, True, True]


def test_slices_of_none_or_all_are_left_out():
    masks = slice_masks(["not good", "not bad", "not so bad"], ["not good bad so"] * 3)
    assert "negation" not in masks
    assert "questions" not in masks
    assert all(mask.any() and not mask.all() for mask in masks.values())


def test_each_slice_equals_the_rivals():
    draw = np.random.default_rng(0)
    correct = draw.random(400) < 0.8
    masks = {"a": draw.random(400) < 0.3, "b": draw.random(400) < 0.6, "few": np.arange(400) < 19}
    correct[masks["a"]] &= draw.random(masks["a"].sum()) < 0.8
    slices = {row.name: row for row in judge_slices(masks, correct)}
    raw = []
    for name in ("a", "b"):
        mask, row = masks[name], slices[name]
        assert row.accuracy.value == pytest.approx(accuracy_score(np.ones(mask.sum()), correct[mask]))
        assert (row.accuracy.low, row.accuracy.high) == pytest.approx(
            proportion_confint(correct[mask].sum(), mask.sum(), method="wilson")
        )
        assert row.rest.n + row.accuracy.n == 400
        table = Table2x2.from_data(np.stack([mask, correct], axis=1).astype(int)).table
        raw.append(fisher_exact(table).pvalue)
    # Holm by hand, over the two that have enough rows.
    low, high = min(raw), max(raw)
    adjusted = [min(1, 2 * low) if p == low else max(min(1, 2 * low), high) for p in raw]
    assert [slices["a"].p, slices["b"].p] == pytest.approx(adjusted)
    assert slices["a"].verdict == "lower"
    assert slices["few"].p is None and slices["few"].verdict is None
    assert [slices["a"].raw_p, slices["b"].raw_p] == pytest.approx(raw)
    few = [[correct[:19].sum(), (~correct[:19]).sum()], [correct[19:].sum(), (~correct[19:]).sum()]]
    assert slices["few"].raw_p == pytest.approx(fisher_exact(few).pvalue)
    values = [row.accuracy.value for row in judge_slices(masks, correct)]
    assert values == sorted(values)


def test_a_planted_weakness_is_found_and_chance_is_not():
    draw = np.random.default_rng(1)
    masks = {str(index): draw.random(600) < 0.25 for index in range(5)}
    alarms = 0
    for _ in range(100):
        verdicts = [row.verdict for row in judge_slices(masks, draw.random(600) < 0.85)]
        alarms += any(verdict != "not told apart" for verdict in verdicts)
    assert alarms <= 0.05 * 100 + 3 * (100 * 0.05 * 0.95) ** 0.5
    correct = np.where(masks["3"], draw.random(600) < 0.6, draw.random(600) < 0.9)
    assert judge_slices(masks, correct)[0].name == "3"
    assert judge_slices(masks, correct)[0].verdict == "lower"
    assert {row.name: row.verdict for row in judge_slices(masks, ~correct)}["3"] == "higher"


@pytest.mark.slow
def test_holm_equals_statsmodels():
    draw = np.random.default_rng(2)
    for values in (draw.random(9) ** 3, np.array([0.04, 0.01, 0.01, 1.0]), np.array([0.03])):
        found = holm({str(index): value for index, value in enumerate(values)})
        assert list(found) == [str(index) for index in range(len(values))]
        assert list(found.values()) == pytest.approx(multipletests(values, method="holm")[1])
    assert holm({}) == {}
