"""Runs that fail, workers that cannot start, studies that are not the same: the others go on, or one line says why."""

import json

import pytest
import yaml

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def partly_failed(studies, write_study, tmp_path_factory):
    """A study one of whose levels diverges: its file, its command, and what it said with --json."""
    file = write_study("partly", factors={"learning_rate": [1.0e-2, 1.0e30]})
    command = studies.Command(file, tmp_path_factory.mktemp("partly") / "study", "--json")
    return file, command, command.run()


def test_a_level_that_diverges_is_recorded_with_its_reason_and_the_others_go_on(partly_failed):
    _, command, _ = partly_failed
    status = {(row["learning_rate"], row["seed"]): (row["status"], row["reason"]) for row in command.rows()}
    assert len(status) == 4
    for (rate, _), (state, reason) in status.items():
        assert (state, "NaN" in reason or "too large" in reason or "infinite" in reason) == (
            ("complete", False) if rate == "0.01" else ("failed", True)
        )
    for path in (command.folder / "runs").glob("learning_rate=1e+30*.log"):
        assert path.read_text().count("Traceback") == 2, "it was tried twice"


def test_json_is_one_object_on_standard_output(partly_failed):
    _, command, (output, errors) = partly_failed
    assert json.loads(output) == json.loads((command.folder / "effects.json").read_text())
    assert "4 of 4 runs" in errors


def test_another_study_in_the_folder_is_refused_by_the_name_of_the_difference(partly_failed, studies, write_study):
    _, command, _ = partly_failed
    other = write_study("partly", {"learning_rate": 5.0e-2}, factors={"learning_rate": [1.0e-2, 1.0e30]})
    _, errors = studies.Command(other, command.folder).run(2)
    assert errors.startswith("error: ") and errors.count("\n") == 1
    assert "settings learning_rate: 0.01 (now 0.05): name another --study_dir" in errors


def test_workers_that_cannot_start_end_in_one_line(partly_failed, studies):
    file, command, _ = partly_failed
    content = yaml.safe_load(file.read_text())
    more = file.with_name("partly.yaml")
    more.write_text(yaml.safe_dump(content | {"seeds": 3}))
    log = command.folder / "worker-0.log"
    log.unlink()
    log.mkdir()
    output, errors = studies.Command(more, command.folder).run(1)
    assert errors.splitlines()[-1].startswith("error: workers keep dying (")
    assert str(log) in errors.splitlines()[-1]
