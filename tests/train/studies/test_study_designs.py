from itertools import combinations, product

import numpy as np
import pytest

from cli.errors import UsageError
from eval.designs import FRACTION, Design, Factor
from train.studies.designs import cell_name, describe_aliasing, make_cells


def two_levels(k):
    return {f"f{index}": ["off", "on"] for index in range(k)}


def signs(factors, laid_out):
    """(cells, factors) of -1 for the baseline and 1."""
    return np.array([[-1 if cell[name] == levels[0] else 1 for name, levels in factors.items()] for cell in laid_out])


def shortest_word(matrix):
    """The resolution by its definition: the fewest columns whose product never changes."""
    sizes = range(1, matrix.shape[1] + 1)
    return next(
        size
        for size in sizes
        for chosen in combinations(range(matrix.shape[1]), size)
        if np.ptp(matrix[:, list(chosen)].prod(axis=1)) == 0
    )


FACTORS = {"dropout": ["0.1", "0.0", "0.3"], "tuning": ["full", "lora"]}


def test_one_at_a_time_is_the_baseline_and_each_other_level_alone():
    assert make_cells(FACTORS, "one_at_a_time") == [
        {"dropout": "0.1", "tuning": "full"},
        {"dropout": "0.0", "tuning": "full"},
        {"dropout": "0.3", "tuning": "full"},
        {"dropout": "0.1", "tuning": "lora"},
    ]


def test_a_grid_is_every_combination_once_the_baseline_first():
    found = make_cells(FACTORS, "grid")
    assert [tuple(cell.values()) for cell in found] == list(product(*FACTORS.values()))
    assert make_cells(two_levels(3), "factorial") == make_cells(two_levels(3), "grid")


@pytest.mark.parametrize("generators", ["a b c abc", "a b c -ab", "A b c Bc", "a b -ab c", "a b c d ab -acd", "a b ab"])
def test_a_fraction_is_balanced_and_orthogonal_and_follows_its_generators(generators):
    words = generators.lower().split()
    factors = two_levels(len(words))
    matrix = signs(factors, make_cells(factors, "fractional", generators=generators))
    assert len(matrix) == len(np.unique(matrix, axis=0)) == 2 ** sum(len(word) == 1 for word in words)
    assert (matrix.T @ matrix == len(matrix) * np.eye(len(words))).all() and not matrix.sum(axis=0).any()
    for word, column in zip(words, matrix.T, strict=True):
        letters = [words.index(letter) for letter in word.strip("-+")]
        assert (column == (-1 if word[0] == "-" else 1) * matrix[:, letters].prod(axis=1)).all()


# Box, Hunter and Hunter (2005), table 6.22: the fewest runs for a resolution and a number of factors.
@pytest.mark.parametrize(
    ("factors", "resolution", "runs"),
    [
        *[(3, 3, 4), (4, 4, 8), (5, 3, 8), (5, 5, 16), (6, 3, 8), (6, 4, 16), (6, 6, 32), (7, 3, 8), (7, 4, 16)],
        *[(7, 7, 64), (7, 5, 64), (8, 4, 16), (8, 5, 64), (9, 3, 16), (11, 3, 16), (15, 3, 16)],
    ],
)
def test_a_resolution_is_kept_with_as_few_runs_as_the_textbook(factors, resolution, runs):
    names = two_levels(factors)
    laid_out = make_cells(names, "fractional", resolution=resolution)
    matrix = signs(names, laid_out)
    assert len(laid_out) == len(np.unique(matrix, axis=0)) == runs
    assert (matrix[0] == -1).all()  # the baseline is one of them
    if factors <= 8:
        assert shortest_word(matrix) >= resolution


def test_the_half_fraction_of_four_aliases_its_pairs():
    """Box, Hunter and Hunter (2005), ch. 6: 2^(4-1) of resolution IV, d = abc, so that ab = cd, ac = bd, ad = bc."""
    factors = {name: ["-", "+"] for name in ("lr", "batch", "dropout", "decay")}
    found = describe_aliasing(factors, make_cells(factors, "fractional", resolution=4))
    assert found.splitlines() == [
        "Resolution 4: 8 of the 16 cells. It cannot tell apart (left out: interactions of three factors and more)",
        "  lr × batch = dropout × decay",
        "  lr × dropout = batch × decay",
        "  lr × decay = batch × dropout",
    ]


def test_the_sign_of_an_alias_is_that_of_the_generator():
    factors = {name: ["-", "+"] for name in ("lr", "batch", "dropout")}
    plus = describe_aliasing(factors, make_cells(factors, "fractional", generators="a b ab")).splitlines()[1:]
    minus = describe_aliasing(factors, make_cells(factors, "fractional", generators="a b -ab")).splitlines()[1:]
    assert plus == ["  lr = batch × dropout", "  batch = lr × dropout", "  dropout = lr × batch"]
    assert minus == [line.replace("= ", "= −") for line in plus]


def test_a_fraction_of_resolution_5_tells_all_pairs_apart():
    factors = two_levels(5)
    found = describe_aliasing(factors, make_cells(factors, "fractional", resolution=5))
    assert found.startswith("Resolution 5: 16 of the 32 cells.") and len(found.splitlines()) == 1


@pytest.mark.parametrize("generators", ["a b c ab ac", "a b -ab c -abc", "a b c abc"])
def test_the_analysis_sees_the_same_aliases(generators):
    factors = two_levels(generators.count(" ") + 1)
    laid_out = make_cells(factors, "fractional", generators=generators)
    design = Design([Factor(*item) for item in factors.items()], (signs(factors, laid_out) + 1) // 2)
    groups = [
        line.strip().replace("−", "").split(" = ") for line in describe_aliasing(factors, laid_out).splitlines()[1:]
    ]
    assert design.kind == FRACTION
    assert {frozenset(group) for group in groups} == {
        frozenset([name, *others]) for name, others in design.aliases.items()
    }


def test_names_say_what_differs_from_the_baseline():
    found = [cell_name(cell, FACTORS) for cell in make_cells(FACTORS, "grid")]
    assert found[0] == "baseline" and found[2:4] == ["dropout=0.0", "dropout=0.0,tuning=lora"]
    assert cell_name({"lr": "1e-3"}, {"lr": ["1e-4", "1e-3"]}) == "lr=1e-3"


def test_names_are_safe_short_and_told_apart():
    """Whatever levels are called: slashes, quotes, line breaks, other scripts, the name's own punctuation."""
    levels = ["0", "a/b", "a:b", "a b", "a\nb", "../..", "ü", "é", "1,g=2", "x" * 300, "x" * 299 + "y", '"', "'", "*"]
    factors = {"f": levels, "g": ["1", "2"]}
    names = [cell_name(cell, factors) for cell in make_cells(factors, "grid")]
    assert len({name.casefold() for name in names}) == len(names) == 2 * len(levels)
    assert all(len(name) <= 80 and set(name) <= set("baselinefgxy_.,+-=0123456789cd") for name in names)


def test_a_design_that_is_too_large_is_never_laid_out():
    with pytest.raises(UsageError, match=r"1,073,741,824 cells and --max_cells is 500"):
        make_cells(two_levels(30), "factorial", limit=500)
    assert len(make_cells(two_levels(30), "one_at_a_time", limit=31)) == 31
    for design, given in [("one_at_a_time", {}), ("grid", {}), ("fractional", {"resolution": 3})]:
        with pytest.raises(UsageError, match="--max_cells is 3"):
            make_cells(two_levels(5), design, limit=3, **given)


@pytest.mark.parametrize(
    ("design", "factors", "given", "message"),
    [
        ("factorail", FACTORS, {}, "unknown design 'factorail': did you mean factorial"),
        ("xyz", FACTORS, {}, "use one of one_at_a_time, grid, factorial, fractional, search"),
        ("factorial", FACTORS, {}, "'dropout' has 3 levels and design: factorial takes two"),
        ("grid", {"dropout": ["0.1"]}, {}, "'dropout' has 1 level: give the baseline and one more"),
        ("grid", {"dropout": []}, {}, "'dropout' has 0 level"),
        ("grid", {}, {}, "a study needs factors"),
        ("one_at_a_time", {"dropout": ["0.1", "0.3", "0.1"]}, {}, "the levels '0.1' and '0.1'"),
        ("grid", {"optim": ["Adam", "adam"]}, {}, "the levels 'Adam' and 'adam'"),
        ("grid", FACTORS, {"generators": "a b"}, "generators is for design: fractional"),
        ("factorial", two_levels(3), {"resolution": 3}, "resolution is for design: fractional"),
        ("fractional", two_levels(3), {}, "either generators .* or resolution"),
        ("fractional", two_levels(3), {"generators": "a b ab", "resolution": 3}, "either generators .* or resolution"),
        ("fractional", two_levels(4), {"generators": "a b ab"}, "are 3 for 4 factors: give one word a factor"),
        ("fractional", two_levels(3), {"generators": "a c ac"}, "single letters must be a, b, c"),
        ("fractional", two_levels(4), {"generators": "b a c bc"}, "in this order"),
        ("fractional", two_levels(3), {"generators": "a b c"}, "give all cells: use design: factorial"),
        ("fractional", two_levels(3), {"generators": "a b aa"}, "'aa' is no product of a, b, such as ab"),
        ("fractional", two_levels(3), {"generators": "a b ac"}, "'ac' is no product"),
        ("fractional", two_levels(3), {"generators": "a b --ab"}, "'--ab' is no product"),
        ("fractional", two_levels(3), {"generators": "a b -a"}, "'-a' is no product"),
        ("fractional", two_levels(4), {"generators": "a b ab ba"}, "give two factors the same column"),
        ("fractional", two_levels(4), {"generators": "a b ab -ab"}, "give two factors the same column"),
        ("fractional", two_levels(4), {"resolution": 2}, "give a number from 3"),
        ("fractional", two_levels(4), {"resolution": 5}, "give a number from 3"),
        ("fractional", two_levels(4), {"resolution": "IV"}, "resolution 'IV' with 4 factors"),
        ("fractional", two_levels(16), {"resolution": 3}, "at most 15 factors, not 16"),
    ],
)
def test_what_cannot_be_laid_out_is_said_in_a_line(design, factors, given, message):
    with pytest.raises(UsageError, match=message) as caught:
        make_cells(factors, design, **given)
    assert "\n" not in str(caught.value)
