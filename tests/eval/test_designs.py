from itertools import product

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols

from eval.designs import FRACTION, FULL, ONE_AT_A_TIME, OTHER, Design, Factor

ONE = np.array([[0, 0], [1, 0], [0, 1], [0, 2]])


def factors(*levels):
    return [Factor(name, [str(level) for level in range(n)]) for name, n in zip("abcdefg", levels, strict=False)]


def full(*levels):
    return Design(factors(*levels), np.array(list(product(*map(range, levels)))))


def fraction(k, *words):
    """A 2^(k-p): the last factors are products of the columns in `words`, each -1 and 1."""
    base = np.array(list(product((-1, 1), repeat=k)))
    columns = np.column_stack([base, *(base[:, list(word)].prod(axis=1) for word in words)])
    return Design(factors(*[2] * columns.shape[1]), (columns + 1) // 2)


@pytest.mark.parametrize(
    ("design", "kind"),
    [
        (Design(factors(2, 3), ONE), ONE_AT_A_TIME),
        (full(2), ONE_AT_A_TIME),
        (full(2, 3), FULL),
        (full(2, 2, 2), FULL),
        (fraction(2, (0, 1)), FRACTION),
        (fraction(3, (0, 1, 2)), FRACTION),
        (Design(factors(4, 4), np.array([[0, 1], [1, 2], [2, 3], [3, 0]])), OTHER),
    ],
)
def test_the_kind_of_a_design(design, kind):
    assert design.kind == kind


def test_a_search_tells_no_factor_but_an_irregular_design_may():
    assert Design(factors(4, 4), np.array([[0, 1], [1, 2], [2, 3], [3, 0]])).is_search
    extra = Design(factors(2, 3), np.vstack([ONE, [[1, 1]]]))
    assert extra.kind == OTHER and not extra.is_search
    assert not full(2, 3).is_search


def test_effects_and_interactions_are_those_of_ordinary_least_squares():
    """The same model fitted at once by statsmodels, codes that sum to zero, seeds as blocks."""
    design, seeds = full(2, 3, 2), 4
    values = np.random.default_rng(0).normal(size=(seeds, len(design.cells)))
    contrasts = design.contrasts([*design.mains, *design.pairs])
    found = design.differences(values, contrasts).mean(axis=0)
    frame = pd.DataFrame(np.tile(design.cells, (seeds, 1)), columns=list("abc"))
    frame["y"], frame["seed"] = values.ravel(), np.repeat(range(seeds), len(design.cells))
    model = ols("y ~ (C(a, Sum) + C(b, Sum) + C(c, Sum))**2 + C(seed, Sum)", frame).fit()

    def predicted(**levels):
        return model.predict(pd.DataFrame([{"seed": 0, "a": 0, "b": 0, "c": 0, **levels}])).item()

    for contrast, size in zip(contrasts, found, strict=True):
        names = ["abc"[index] for index in contrast.factors]
        others = [name for name in "abc" if name not in names]
        sizes = []
        for rest in product(*(range(len(design.factors["abc".index(name)].levels)) for name in others)):
            held = dict(zip(others, rest, strict=True))
            at = dict(zip(names, contrast.levels, strict=True))
            if len(names) == 1:
                sizes.append(predicted(**held, **at) - predicted(**held))
            else:
                one, two = ({name: at[name]} for name in names)
                sizes.append(
                    predicted(**held, **at) - predicted(**held, **one) - predicted(**held, **two) + predicted(**held)
                )
        assert size == pytest.approx(np.mean(sizes), abs=1e-9)


def test_one_factor_at_a_time_is_the_difference_from_the_baseline():
    design = Design(factors(2, 3), ONE)
    values = np.random.default_rng(1).normal(size=(5, 4))
    found = design.differences(values, design.contrasts(design.mains))
    assert found == pytest.approx(values[:, 1:] - values[:, :1])
    assert design.pairs == []


def test_a_missing_run_costs_its_seed_only_what_hangs_on_it():
    design = Design(factors(2, 3), ONE)
    values = np.random.default_rng(1).normal(size=(3, 4))
    values[1, 2], values[2, 0] = np.nan, np.nan
    found = np.isnan(design.differences(values, design.contrasts(design.mains)))
    assert found.tolist() == [[False] * 3, [False, True, False], [True] * 3]


def test_with_a_missing_run_the_other_runs_still_tell_the_effects():
    """Seven of eight runs of a 2^3 hold the model without the interaction of three."""
    design = full(2, 2, 2)
    a, b, c = design.cells.T
    values = np.tile(1.0 + 2 * a - b + 0.5 * c + 3 * a * b, (2, 1))
    values[1, 5] = np.nan
    contrasts = design.contrasts([*design.mains, *design.pairs])
    assert design.differences(values, contrasts) == pytest.approx(np.tile([3.5, 0.5, 0.5, 3, 0, 0], (2, 1)))


def test_a_level_that_never_ran_is_not_told():
    design = Design([Factor("a", ["0", "1", "2"])], np.array([[0], [1]]))
    assert np.isnan(design.differences(np.ones((2, 2)), design.contrasts(design.mains))).tolist() == [[False, True]] * 2


@pytest.mark.parametrize(
    ("design", "aliases"),
    [
        (full(2, 2), {}),
        (fraction(2, (0, 1)), {"a": ["b × c"], "b": ["a × c"], "c": ["a × b"]}),
        (fraction(3, (0, 1, 2)), {"a × b": ["c × d"], "a × c": ["b × d"], "a × d": ["b × c"]}),
        (fraction(4, (0, 1, 2, 3)), {}),  # resolution V: every interaction of two stands alone
    ],
)
def test_the_aliases_of_a_fraction_are_the_textbook_ones(design, aliases):
    """Box, Hunter and Hunter, 2nd ed., tables 6.2 and 6.9: 2^(3-1) with I = ABC, 2^(4-1) with I = ABCD."""
    assert design.aliases == aliases


def test_equal_runs_differ_by_exactly_nothing():
    design = full(2, 3, 2)
    values = np.full((5, len(design.cells)), 0.8451327)
    assert not design.differences(values, design.contrasts([*design.mains, *design.pairs])).any()
