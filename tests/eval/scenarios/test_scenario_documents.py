"""The committed documents are what their traces say, and nothing else."""

import re
from pathlib import Path

import pytest

from eval.run_directory import read_json
from eval.scenarios.catalogue import SCENARIOS
from eval.scenarios.document import LINES, REPORT, write_document
from eval.scenarios.traces import Traces

DOCUMENTS = Path(__file__).parents[3] / "docs" / "scenarios"
ASKED = (
    "What happens, and where",
    "Which cause, and why not the others",
    "What to do today",
    "What to look at next week",
    "What would confirm it",
    REPORT,
)
ALL = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=lambda scenario: scenario.name)


def copied(scenario, folder: Path) -> Path:
    traces = folder / scenario.name
    for file in (DOCUMENTS / scenario.name).rglob("*.*"):
        if file.is_file() and file.suffix != ".png":
            copy = traces / file.relative_to(DOCUMENTS / scenario.name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    return traces


@pytest.mark.slow
@ALL
def test_a_document_is_what_its_traces_say(scenario, tmp_path):
    folder = copied(scenario, tmp_path)
    path = write_document(scenario.story(folder), Traces(folder))
    committed = DOCUMENTS / f"{scenario.name}.md"
    assert path.read_text() == committed.read_text()
    pictures = re.findall(r"\]\(([^)]+\.png)\)", path.read_text())
    assert pictures
    for picture in pictures:
        assert (tmp_path / picture).read_bytes()[:4] == b"\x89PNG"
        assert (DOCUMENTS / picture).is_file()
    # No picture lies there that nobody sees.
    shown = {DOCUMENTS / picture for picture in pictures}
    assert set((DOCUMENTS / scenario.name).glob("*.png")) == shown


@ALL
def test_a_document_has_what_a_reader_asks_for(scenario):
    text = (DOCUMENTS / f"{scenario.name}.md").read_text()
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert [heading for heading in headings if heading in ASKED] == list(ASKED)
    report = text.partition(f"## {REPORT}")[2].strip().splitlines()
    assert 0 < len(report) <= LINES


@ALL
def test_a_verdict_stands_on_the_committed_log(scenario):
    traces = Traces(DOCUMENTS / scenario.name)
    assert traces.diagnosis.verdict == scenario.finding == traces.treatment["finding"]
    assert traces.diagnosis.findings[0].onset.step is not None
    assert set(traces.cells["phase"]) >= {"experiment"}
    assert sum(traces.about["seconds"].values()) > 0


@ALL
def test_traces_are_small_and_name_no_place_of_a_machine(scenario):
    folder = DOCUMENTS / scenario.name
    texts = [file for file in folder.rglob("*.*") if file.is_file() and file.suffix != ".png"]
    assert sum(file.stat().st_size for file in texts) < 400_000
    for file in texts:
        assert not re.search(r"/(home|root|work|tmp|Users)/", file.read_text()), file
    assert read_json(folder / "scenario.json")["number"] == scenario.number
