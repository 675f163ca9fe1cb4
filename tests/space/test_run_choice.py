import pytest

from space.run_choice import LONGEST, elided, filled

LONG = "a_run_of_january_" * 12 + "seed7"


def test_a_long_name_keeps_its_ends():
    assert elided("quickstart") == "quickstart"
    assert elided("a" * LONGEST) == "a" * LONGEST
    assert elided(LONG) == "a_run_of_ja…anuary_seed7" and len(elided(LONG)) == LONGEST


@pytest.mark.parametrize(
    ("names", "wanted", "without", "chosen"),
    [
        (["a", "b"], None, None, "a"),
        (["a", "b"], None, "a", "b"),
        (["a", "b"], "a", "a", "a"),
        (["a"], None, "a", None),
        ([], None, None, None),
    ],
)
def test_the_chosen_run_is_the_wanted_one_or_the_first_other(names, wanted, without, chosen):
    choice, name = filled(names, wanted, without=without)
    assert name == choice.value == chosen
