"""A study whose metric is measured by its runs themselves, with guards, by the command that users type."""

import pytest
import yaml

from eval.run_directory import read_json

pytestmark = pytest.mark.slow


def test_figures_and_guards_reach_the_report_and_what_is_changed_later_is_told(studies, write_study, tmp_path):
    file = write_study(
        "reliable",
        {"measure": "overconfidence", "grad_norm_steps": 0},
        hypothesis="Temperature lowers the confidence on nonsense.",
        metric="reliability.nonsense_confidence_gap",
        guards={"test.accuracy": 0.005},
        factors={"answers": ["raw", "calibrated"]},
    )
    command = studies.Command(file, tmp_path / "study")
    output, _ = command.run()
    rows = command.rows()
    assert all(float(row["reliability.nonsense_confidence_gap"]) > 0 for row in rows) and len(rows) == 4
    # The same networks, only asked otherwise.
    (guard,) = read_json(command.folder / "effects.json")["guards"]
    assert (guard["verdict"], guard["differences"]) == ("held", [0.0, 0.0])
    assert "test accuracy" in output and "held" in output
    report = (command.folder / "report.md").read_text()
    assert "**Hypothesis: Temperature lowers" in report and "Fixed in study.yaml before the first run." in report

    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | {"guards": {"test.accuracy": 0.02}}))
    command.run()
    report = (command.folder / "report.md").read_text()
    assert "Changed after runs had begun:** guards: test.accuracy 0.005 (now test.accuracy 0.02)." in report
    command.run()
    assert read_json(command.folder / "effects.json")["protocol"]["changed"] == [
        "guards: test.accuracy 0.005 (now test.accuracy 0.02)"
    ]
