"""A law is asked for the largest runs, which it has not seen."""

import numpy as np
import pytest

from eval.plots.scaling_held_out import draw_held_out
from eval.scaling_laws.compare import largest_rows
from eval.scaling_laws.held_out import hold_out
from eval.scaling_laws.table import make_table
from tests.eval.scaling_laws.planted import hoffmann_table, line_table

NOISE = 0.003


def test_a_law_that_holds_predicts_the_largest_runs():
    table = hoffmann_table(noise=NOISE, seed=1, sizes=5, counts=4)
    found = hold_out(table, resamples=50)
    assert len(found.runs) == largest_rows(table).sum() and found.fitted == len(table) - len(found.runs)
    assert found.error < 0.02
    assert found.covered >= len(found.runs) - 1
    for run in found.runs:
        assert run.compute == pytest.approx(6 * run.parameters * run.tokens)
        assert run.error == pytest.approx(run.predicted.value / run.loss - 1)
        # As wide as the scatter of a single run at the least.
        assert run.predicted.high / run.predicted.low > np.exp(2 * 1.96 * NOISE * 0.6)


def test_runs_that_leave_the_law_are_not_covered():
    table = hoffmann_table(noise=NOISE, seed=1, sizes=5, counts=4)
    loss = np.where(largest_rows(table), 1.2, 1.0) * table.loss
    found = hold_out(make_table(loss, table.parameters, table.tokens, table.compute), resamples=50)
    assert found.covered == 0
    assert found.error == pytest.approx(1 - 1 / 1.2, abs=0.03)
    assert f"0 of {len(found.runs)} intervals" in str(found)


def test_a_table_along_a_line_is_tested_along_it():
    found = hold_out(line_table(noise=0.001), resamples=50)
    assert found.formula in ("L = E + k N^-a", "L = k N^-a")
    assert found.error < 0.05


def test_it_can_be_drawn_and_computes_missing_compute():
    n = np.geomspace(1e7, 1e10, 8)
    found = hold_out(make_table(1.5 + 60 * n**-0.2, n, 20 * n), resamples=50)
    assert found.runs[0].compute == pytest.approx(6 * found.runs[0].parameters * found.runs[0].tokens)
    assert draw_held_out(found).axes[0].get_xlabel() == "Compute C, FLOP"
