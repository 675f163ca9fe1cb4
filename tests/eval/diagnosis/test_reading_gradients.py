"""Gradient magnitudes by layer in a CSV."""

import numpy as np
import pytest

from cli.errors import UserError
from eval.diagnosis.reading import read_history


@pytest.fixture
def read(tmp_path):
    def write_and_read(text, **options):
        path = tmp_path / "gradients.csv"
        path.write_text(text)
        return read_history(path, **options).gradients

    return write_and_read


def test_layer_counts_from_the_input_and_depth_from_the_output(read):
    rows = "0,1e-6\n1,1e-4\n10,1\n2,1e-2\n"
    layers = read("layer,grad_norm\n" + rows)
    assert layers.layers == ["0", "1", "2", "10"]
    np.testing.assert_array_equal(layers.norm, [[1e-6, 1e-4, 1e-2, 1]])
    depths = read("depth,magnitude\n" + rows)
    assert depths.layers == ["10", "2", "1", "0"]
    np.testing.assert_array_equal(depths.norm, [[1, 1e-2, 1e-4, 1e-6]])
    assert read("layer,grad_norm\n" + rows, order="output").layers == ["10", "2", "1", "0"]
    assert read("depth,grad_norm\n" + rows, order="input").layers == ["0", "1", "2", "10"]


def test_long_form_with_steps_and_gaps(read):
    gradients = read("step,layer,norm,dead_fraction\n20,1,3,0\n10,1,1,0.5\n10,2,2,0.25\n")
    np.testing.assert_array_equal(gradients.step, [10, 20])
    np.testing.assert_array_equal(gradients.norm, [[1, 2], [3, np.nan]])
    np.testing.assert_array_equal(gradients.figures["dead_fraction"], [[0.5, 0.25], [0, np.nan]])


def test_long_form_without_steps_is_recorded_again(read):
    gradients = read("layer,mean_abs\n1,5\n2,6\n1,7\n2,8\n")
    np.testing.assert_array_equal(gradients.norm, [[5, 6], [7, 8]])
    np.testing.assert_array_equal(gradients.figures["mean_abs"], gradients.norm)


def test_names_with_numbers_are_ordered_naturally(read):
    long = read("layer_name,gradient\n" + "".join(f"block.{n},{n}\n" for n in (10, 2, 0)))
    assert long.layers == ["block.0", "block.2", "block.10"] and long.norm.tolist() == [[0, 2, 10]]
    wide = read("step,layer_10,layer_2,layer_1\n5,10,2,1\n9,11,3,2\n")
    assert wide.layers == ["layer_1", "layer_2", "layer_10"]
    assert wide.step.tolist() == [5, 9] and wide.norm.tolist() == [[1, 2, 10], [2, 3, 11]]
    nested = read("layer,grad\nlayer.1.weight,3\nlayer.0.weight,1\nlayer.0.bias,2\nlayer.1.bias,4\n")
    assert nested.layers == ["layer.0.weight", "layer.0.bias", "layer.1.weight", "layer.1.bias"]
    assert read("depth_0,depth_1\n5,6\n").layers == ["depth_1", "depth_0"]


def test_rows_without_a_layer_or_a_step_are_left_out(read):
    gradients = read("step,layer,norm\n1,1,5\n,2,6\n1,,7\nnan,1,8\n1,2,9\n")
    assert gradients.layers == ["1", "2"] and gradients.norm.tolist() == [[5, 9]]
    assert read("step,layer_name,norm\n1,fc1,5\n1,,6\n1,fc2,7\n").layers == ["fc1", "fc2"]


def test_layers_that_are_none_are_refused(read, monkeypatch):
    monkeypatch.setattr("eval.diagnosis.reading.gradient_table.MOST", 5)
    with pytest.raises(UserError, match="3 layers at 3 steps"):
        read("step,layer,norm\n1,1,1\n2,2,1\n3,3,1\n")


@pytest.mark.parametrize(
    "text",
    ["layer,grad_norm\nembeddings,1\nencoder,2\nhead,3\n", "step,grad/embeddings,grad/encoder,grad/head\n1,1,2,3\n"],
)
def test_names_alone_need_the_order(read, text):
    with pytest.raises(UserError, match="--order input"):
        read(text)
    assert read(text, order="input").norm.tolist() == [[1, 2, 3]]
    assert read(text, order="output").norm.tolist() == [[3, 2, 1]]


def test_any_columns_are_layers_if_the_order_is_given(read):
    with pytest.raises(UserError, match="--order input or --order output"):
        read("step,a,b\n1,2,3\n")
    assert read("step,a,b\n1,2,3\n", order="output").layers == ["b", "a"]
