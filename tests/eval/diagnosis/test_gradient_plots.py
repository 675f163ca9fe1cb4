"""Gradients by layer: every cell in its place, zero and nothing told apart, one recording or 300 layers."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from eval.diagnosis.history import Gradients
from eval.pages import png
from eval.plots.gradients import draw_heat_map, draw_profile, layer_by_step
from eval.plots.style import VERMILION


def recorded(norm, step=None) -> Gradients:
    norm = np.asarray(norm, dtype=float)
    step = 10.0 * np.arange(1, len(norm) + 1) if step is None else np.asarray(step, dtype=float)
    return Gradients([f"block.{i}" for i in range(norm.shape[1])], step, {"norm": norm})


def cells(figure) -> np.ndarray:
    """The colours' values, (layers, recordings); masked where no colour is."""
    return figure.axes[0].collections[1].get_array()


def test_what_is_shown():
    data = layer_by_step(recorded([[1, 0, np.nan], [100, np.inf, -1]]))
    assert data["layers"] == ["block.0", "block.1", "block.2"] and data["steps"] == [10, 20]
    assert data["log10_norm"] == [[0, 2], [None, None], [None, None]]
    assert data["zero"] == [[False, False], [True, False], [False, False]]


def test_many_recordings_are_thinned_with_the_first_and_the_last():
    data = layer_by_step(recorded(np.ones((1000, 2))))
    assert len(data["steps"]) <= 120 and (data["steps"][0], data["steps"][-1]) == (10, 10_000)
    assert {len(row) for row in data["log10_norm"] + data["zero"]} == {len(data["steps"])}


def test_colours_count_decades_and_rows_begin_at_the_input():
    figure = draw_heat_map(layer_by_step(recorded([[1e-8, 1e-4, 1], [1e-8, 1e-4, 1]])))
    assert cells(figure)[:, 0].tolist() == [-8, -4, 0]
    assert figure.axes[0].collections[1].get_clim() == (-8, 0)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["block.0", "block.1", "block.2"]
    bottom, top = figure.axes[0].get_ylim()
    assert bottom < top
    figure.draw_without_rendering()
    assert {"$10^{-8}$", "$10^{0}$"} <= {label.get_text() for label in figure.axes[1].get_yticklabels()}


@pytest.mark.parametrize(("smallest", "span"), [(0.5, 3), (1e-5, 5), (1e-40, 12)])
def test_layers_that_are_alike_look_alike(smallest, span):
    low, high = draw_heat_map(layer_by_step(recorded([[smallest, 1]]))).axes[0].collections[1].get_clim()
    assert high == 0 and high - low == pytest.approx(span)


def test_zero_is_grey_and_nothing_is_white():
    figure = draw_heat_map(layer_by_step(recorded([[0, np.nan, 1], [1, 1, 1]])))
    grey = figure.axes[0].collections[0].get_array()
    assert np.ma.getmaskarray(grey).tolist() == [[False, True], [True, True], [True, True]]
    assert np.ma.getmaskarray(cells(figure)).tolist() == [[True, False], [True, False], [False, False]]
    assert "grey: exactly zero" in figure.axes[0].get_title(loc="left")
    without = draw_heat_map(layer_by_step(recorded([[np.nan, 1]])))
    assert "grey" not in without.axes[0].get_title(loc="left")


def test_the_onset_stands_in_the_column_of_its_step():
    steps = [1, 2, 4, 100, 1000]
    figure = draw_heat_map(layer_by_step(recorded(np.ones((5, 3)), steps)), onset=100)
    [line] = [line for line in figure.axes[0].lines if to_hex(line.get_color()) == VERMILION.lower()]
    assert set(line.get_xdata()) == {100}
    edges = figure.axes[0].collections[1].get_coordinates()[0, :, 0]
    # The column of a recording reaches halfway to its neighbours.
    assert edges.tolist() == [1, 1.5, 3, 52, 550, 1000]
    assert not draw_heat_map(layer_by_step(recorded(np.ones((5, 3))))).axes[0].lines


def test_profiles_of_the_start_halfway_and_the_end():
    norm = np.array([[10.0 ** -(layer * recording) for layer in range(4)] for recording in range(5)])
    [axes] = draw_profile(layer_by_step(recorded(norm))).axes
    lines = {line.get_label(): line.get_ydata() for line in axes.lines}
    assert lines.keys() == {"step 10", "step 30", "step 50"} and axes.get_yscale() == "log"
    for label, recording in (("step 10", 0), ("step 30", 2), ("step 50", 4)):
        np.testing.assert_allclose(lines[label], norm[recording])
    assert [label.get_text() for label in axes.get_xticklabels()] == [f"block.{i}" for i in range(4)]
    assert len({line.get_linestyle() for line in axes.lines}) == len({line.get_marker() for line in axes.lines}) == 3


def test_the_profile_marks_layers_that_end_at_zero():
    [axes] = draw_profile(layer_by_step(recorded([[0, 1, 1], [1, 0, 0.5]]))).axes
    zero = next(line for line in axes.lines if line.get_label() == "exactly zero at step 20")
    assert list(zero.get_xdata()) == [1]
    last = next(line for line in axes.lines if line.get_label() == "step 20")
    np.testing.assert_allclose(last.get_ydata(), [1, np.nan, 0.5])


@pytest.mark.parametrize(
    "norm",
    [
        [[0.5, 0.1]],
        [[0.5], [0.1]],
        [[0.3]],
        np.zeros((3, 2)),
        np.full((3, 2), np.nan),
        [[np.inf, 1], [-np.inf, 1]],
        [[5e-324, 1e308]],
        np.geomspace(1e-9, 1, 900).reshape(3, 300),
    ],
    ids=["one recording", "one layer", "one of each", "zeros", "nan", "inf", "denormal", "300 layers"],
)
def test_whatever_was_recorded_is_drawn(norm):
    data = layer_by_step(recorded(norm))
    for figure in (draw_heat_map(data, onset=10.0), draw_profile(data)):
        assert len(png(figure)) > 1000


def test_300_layers_keep_their_names_apart():
    data = layer_by_step(recorded(np.ones((2, 300))))
    heat_map, profile = draw_heat_map(data), draw_profile(data)
    assert len(heat_map.axes[0].get_yticks()) <= 24 and len(profile.axes[0].get_xticks()) <= 16
    assert heat_map.get_size_inches()[1] <= 7
    names = heat_map.axes[0].get_yticklabels()
    assert all(
        name.get_text() == f"block.{tick}" for name, tick in zip(names, heat_map.axes[0].get_yticks(), strict=True)
    )


def test_names_that_are_long_or_would_be_mathematics():
    gradients = Gradients(["a" * 40 + "weight", "$x$"], np.array([1.0]), {"norm": np.ones((1, 2))})
    figure = draw_heat_map(layer_by_step(gradients))
    long, dollars = (label.get_text() for label in figure.axes[0].get_yticklabels())
    assert len(long) == 24 and long.startswith("…") and long.endswith("weight") and dollars == r"\$x\$"
    assert len(png(figure)) > 1000
