import pytest

from data.normal_form import normal_form


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("it 's a film that does n't end .", "It's a film that doesn't end"),
        ("`` crossroads '' ... ends", '"crossroads" . . . ends'),
        ("a caf\u00e9 , at noon", "a cafe\u0301 at noon"),
        ("the \ufb01lm", "THE FILM"),
        ("snake_case\tand\u00a0spaces", "snake case and spaces"),
    ],
)
def test_forms_of_one_sentence_are_equal(one, other):
    assert normal_form(one) == normal_form(other)


@pytest.mark.parametrize(("one", "other"), [("good", "goods"), ("10 / 10", "1 / 10"), (")", "("), ("😀", "😡")])
def test_different_texts_differ(one, other):
    assert normal_form(one) != normal_form(other)


def test_the_fast_way_for_ascii_agrees_with_the_general_one():
    ascii_signs = "".join(map(chr, range(128)))
    assert normal_form(ascii_signs + "é") == normal_form(ascii_signs) + "é"
