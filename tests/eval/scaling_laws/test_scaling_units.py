import pytest

from eval.scaling_laws.units import PF_DAY, compute, count, parse_compute, parse_count


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[("10B", 1e10), ("1T", 1e12), ("1e9", 1e9), ("300 million", 3e8), ("1.5bn", 1.5e9), (" 125M ", 1.25e8)],
        *[("10,000", 1e4), ("1_000_000", 1e6), ("2.5e3K", 2.5e6), ("7", 7.0), (".5B", 5e8)],
    ],
)
def test_counts_are_read(text, value):
    assert parse_count(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "lots", "10X", "5%", "10,5", "1e", "B10", "3 4", "$5"])
def test_what_is_no_count_is_refused(text):
    with pytest.raises(ValueError):
        parse_count(text)


@pytest.mark.parametrize(
    "text", ["20PFd", "20 PF-days", "20 pfday", "20 petaflop/s-days", "20 PFLOP/s-day", "1.728e21"]
)
def test_computes_are_read_as_flop(text):
    assert parse_compute(text)[0] == pytest.approx(20 * PF_DAY)


def test_a_compute_without_a_unit_is_told_from_one_with():
    assert parse_compute("1e21") == (1e21, False)
    assert parse_compute("3 ZFLOP") == (3e21, True)
    with pytest.raises(ValueError, match="unknown unit"):
        parse_compute("3 parsecs")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e10, "10B"),
        (1.246e11, "125B"),
        (999.6e6, "1B"),
        (1e12, "1T"),
        (950, "950"),
        (12_345, "12.3k"),
        (1e18, "1e+18"),
    ],
)
def test_counts_are_written(value, text):
    assert count(value) == text


def test_a_compute_is_written_in_both_units():
    assert compute(20 * PF_DAY) == "20 PF-days (1.73e+21 FLOP)"
    assert compute(1e12) == "1e+12 FLOP"
