"""The notebooks run from top to bottom and say what their committed outputs say."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")


def texts(notebook) -> list[list[str]]:
    """What each cell of code says, without its pictures."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [[output.text for output in cell.outputs if output.output_type == "stream"] for cell in cells]


def pictures(notebook) -> list[int]:
    """How many pictures each cell of code shows."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [sum("image/png" in output.get("data", {}) for output in cell.outputs) for cell in cells]


def same(said: str, committed: str) -> bool:
    """Whether two texts are the same but for the last digits, which are the processor's affair."""
    numbers = [float(number) for number in NUMBER.findall(committed)]
    words, committed_words = (NUMBER.sub("#", text).split() for text in (said, committed))
    found = [float(number) for number in NUMBER.findall(said)]
    return words == committed_words and found == pytest.approx(numbers, rel=0.02, abs=0.002)


@pytest.mark.slow
def test_the_scaling_notebook_says_what_is_committed():
    committed = nbformat.read(NOTEBOOKS / "scaling_law_analysis.ipynb", as_version=4)
    assert [cell.execution_count for cell in committed.cells if cell.cell_type == "code"] == list(
        range(1, len(texts(committed)) + 1)
    ), "run it from top to bottom before it is committed"
    again = nbformat.from_dict(committed)
    NotebookClient(again, timeout=300, resources={"metadata": {"path": str(NOTEBOOKS)}}).execute()
    for said, expected in zip(texts(again), texts(committed), strict=True):
        assert same("".join(said), "".join(expected)), f"it now says\n{''.join(said)}\nand not\n{''.join(expected)}"
    assert pictures(again) == pictures(committed)


def test_texts_may_differ_in_their_last_digits_alone():
    assert same("E 0.499 [0, 1.13]", "E 0.498 [0, 1.13]")
    assert not same("E 0.599 [0, 1.13]", "E 0.498 [0, 1.13]")
    assert not same("loss 1.28", "cost 1.28")


def test_notebooks_hold_no_functions():
    for path in NOTEBOOKS.glob("*.ipynb"):
        source = "\n".join(cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code")
        assert not re.search(r"^\s*(def|class) |\blambda\b", source, re.MULTILINE), f"{path.name}: they live in eval/"
