import pytest

from cli.table import table


def test_text_is_set_to_the_left_and_numbers_to_the_right():
    text = table(
        ["metric", "value", "95% interval", "n"],
        [["accuracy", "0.847", "0.821 to 0.872", "872"], ["auc", "-", "", "1,000"], ["mcc", "-0.1", "nan", "5"]],
    )
    assert text.split("\n") == [
        "metric    value    95% interval      n",
        "--------  -----  --------------  -----",
        "accuracy  0.847  0.821 to 0.872    872",
        "auc           -                  1,000",
        "mcc        -0.1             nan      5",
    ]


def test_a_column_with_one_word_in_it_is_text():
    assert table(["a"], [["1.25"], ["none"]]).split("\n") == ["a", "----", "1.25", "none"]


def test_no_rows_leave_the_header():
    assert table(["name", "n"], []) == "name  n\n----  -"


def test_a_ragged_row_is_refused():
    with pytest.raises(ValueError):
        table(["a", "b"], [["1"]])
