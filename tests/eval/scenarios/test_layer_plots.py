"""The plots of the third scenario: each value in its place, and what is no number left out."""

import numpy as np

from eval.diagnosis.history import Gradients
from eval.pages import png
from eval.plots.gradients import draw_heat_map, layer_by_step
from eval.plots.groups import draw_groups
from eval.plots.layer_profiles import draw_profiles


def test_predictions_are_lines_through_the_points_of_their_label():
    figure = draw_profiles({"step 1": [1e-3, 1], "step 9": [0, None]}, {"step 1": [2e-3, 1]})
    [axes] = figure.axes
    drawn = {line.get_label(): line for line in axes.lines}
    assert drawn.keys() == {"step 1, measured", "step 1, chain rule", "step 9, measured"}
    assert axes.get_yscale() == "log"
    points, line = drawn["step 1, measured"], drawn["step 1, chain rule"]
    assert points.get_linestyle() == "None" and line.get_linestyle() != "None"
    assert points.get_color() == line.get_color()
    assert list(points.get_xdata()) == [1, 2] and list(line.get_ydata()) == [2e-3, 1]
    assert np.isnan(drawn["step 9, measured"].get_ydata()).all()
    assert png(figure)


def test_profiles_without_predictions_are_joined_each_in_its_own_dashes():
    [axes] = draw_profiles({"before": [1e-9, 1], "after": [0.5, 1]}).axes
    assert len({line.get_linestyle() for line in axes.lines}) == 2


def test_groups_have_a_mark_for_the_mean_and_a_tick_for_each_run():
    figure = draw_groups({"tanh": {"xavier": [0.1, 0.3], "he": [np.nan]}, "relu": {"he": [0.2]}}, "fall")
    [axes] = figure.axes
    means = [line.get_xdata()[0] for line in axes.lines if line.get_marker() not in ("|", "None", None)]
    ticks = [list(line.get_xdata()) for line in axes.lines if line.get_marker() == "|"]
    assert means == [0.2, 0.2] and ticks == [[0.1, 0.3], [0.2]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["tanh", "relu"]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["xavier", "he", "one seed"]


def test_one_series_needs_no_name():
    figure = draw_groups({"4 layers": {"runs": [0.2]}}, "fall")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["one seed"]


def test_the_colours_span_as_many_decades_as_asked():
    data = layer_by_step(Gradients(["block.0", "block.1"], np.array([1.0]), {"norm": np.array([[1e-19, 1.0]])}))
    for most, lowest in ((12, -12), (20, -19)):
        assert draw_heat_map(data, most=most).axes[0].collections[1].get_clim() == (lowest, 0)
