import pytest
from markdown_it import MarkdownIt

from eval.markup import escape, estimate, percent, table


@pytest.mark.parametrize(
    "text",
    [
        "a *bold* claim, __twice__",
        "# no heading",
        "1. no list",
        "- nor this",
        "> nor a quotation",
        "[a link](javascript:alert(1)) and ![an image](x)",
        "<img src=x onerror=alert(1)>",
        "</script><script>alert(1)</script>",
        "a | pipe, a ~~strike~~, `code`, $x$",
        "&lt;b&gt; &amp;",
        "back\\slash \\* ends with \\",
    ],
)
def test_an_escaped_text_reads_as_it_was_typed(text):
    tokens = MarkdownIt("commonmark", {"html": False}).enable("table").parse(escape(text))
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    children = tokens[1].children
    assert {child.type for child in children} <= {"text", "text_special"}
    assert "".join(child.content for child in children) == text


def test_a_pipe_does_not_end_a_cell():
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(table(["a", "b"], [[escape("x|y"), "1"]]))
    assert "<td" in html and "x|y" in html and html.count("<td") == 2


def test_control_characters_and_overrides_of_direction_go():
    assert escape("a\x00b\u202ec\nd") == "a b c d"


def test_a_long_text_is_cut():
    assert escape("a" * 400, limit=10) == "a" * 9 + "…"


def test_figures_with_and_without_an_interval():
    figure = {"value": 0.8449, "low": 0.82, "high": 0.8669, "n": 10}
    assert estimate(figure) == "0.845 [0.820, 0.867]"
    assert percent(figure) == "84.5% [82.0%, 86.7%]"
    assert estimate({"value": 1.5, "low": None, "high": None, "n": 3}) == "1.500"
    assert estimate({"value": None, "low": None, "high": None, "n": 3}) == percent(None) == "undefined"
