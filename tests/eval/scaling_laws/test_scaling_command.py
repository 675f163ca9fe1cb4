"""`python eval/scaling.py`: the worked case, what it prints and writes, and how it answers wrong input."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.errors import UsageError, UserError
from eval.plots.scaling import draw_scaling
from eval.run_directory import read_json
from eval.scaling import main, parse_args
from eval.scaling_laws.telling import told
from eval.scaling_laws.units import PF_DAY
from tests.eval.scaling_laws.planted import WORKED, hoffmann_table

SCRIPT = Path(__file__).parents[3] / "eval" / "scaling.py"
QUICK = ["--resamples", "50"]


@pytest.fixture
def worked(tmp_path):
    path = tmp_path / "worked.csv"
    path.write_text(WORKED)
    return path


@pytest.fixture
def grid_csv(tmp_path):
    table = hoffmann_table(noise=0.005)
    rows = zip(table.parameters, table.tokens, table.loss, strict=True)
    path = tmp_path / "grid.csv"
    path.write_text("n,d,loss\n" + "".join(f"{n:.6g},{d:.6g},{loss:.5f}\n" for n, d, loss in rows))
    return path


def analysed(capsys, *argv: object) -> dict:
    assert main([*map(str, argv), *QUICK, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_worked_case(worked, capsys):
    data = analysed(capsys, worked, "--predict", "10B", "1T", "--budget", "20PFd")
    assert (data["separate"], data["design"]["rank"], data["design"]["ratio_low"]) == (False, 2, pytest.approx(100))
    assert data["compute"]["factors"] == pytest.approx([1.44, 0.8, 0.288, 0.16])
    # Neither alpha nor beta: one variable, three constants, four rows.
    assert data["law"]["constants"].keys() == {"E", "k", "a"}
    assert (data["law"]["freedom"], data["law"]["few_rows"]) == (1, True)
    prediction = data["prediction"]
    assert prediction["beyond"] == pytest.approx({"parameters": 10 / 3, "tokens": 10 / 3})
    assert 1.15 < prediction["loss"]["low"] < 1.282 < prediction["loss"]["high"] < 1.4
    assert prediction["loss"]["value"] == pytest.approx(1.282, abs=0.002)
    by_column, by_6nd = data["budget"]["along"]
    assert by_column["parameters"] == pytest.approx(5.17e9, rel=0.01)
    assert by_6nd["parameters"] == pytest.approx((20 * PF_DAY / 600) ** 0.5)
    assert data["budget"]["optimum"] is None
    hoffmann, besiroglu = data["budget"]["borrowed"][:2]
    assert (hoffmann["parameters"], hoffmann["tokens"]) == (
        pytest.approx(2.34e9, rel=0.01),
        pytest.approx(1.23e11, rel=0.01),
    )
    assert besiroglu["tokens_per_parameter"] == pytest.approx(21.3, rel=0.01)
    assert hoffmann["below_floor"]
    low, high = data["budget"]["allowed"]["growth"]
    assert low < 0.2 and high > 0.8


def test_the_worked_case_in_words(worked, capsys):
    assert main([str(worked), "--predict", "10B", "1T", "--budget", "20 PF-days", *QUICK]) == 0
    words = " ".join(capsys.readouterr().out.split())
    for said in (
        "cannot tell parameters from tokens",
        "D = 100 N in every row",
        "cannot be told apart and are not given",
        "1.4, 0.8, 0.29, 0.16 times that, row by row (6 N D would be 0.0694, 0.625, 6.94, 62.5 PF-days)",
        "4 rows against 3 constants",
        "10B parameters on 1T tokens: 1.282 [",
        "3.3 times beyond the largest run in parameters and tokens",
        "best split not known",
        "Hoffmann et al. 2022, approach 3 (alpha 0.34, beta 0.28): 2.34B parameters on 123B tokens",
        "Besiroglu et al. 2024",
    ):
        assert said in words


def test_a_run_off_the_tables_line_gets_a_range_and_no_figure(worked, capsys):
    prediction = analysed(capsys, worked, "--predict", "10B", "10B")["prediction"]
    assert prediction["loss"] is None and not prediction["on_line"]
    assert prediction["allowed"]["high"] - prediction["allowed"]["low"] > 0.3
    assert main([str(worked), "--predict", "10B", "10B", *QUICK]) == 0
    assert "not on the table's line" in capsys.readouterr().out


def test_a_table_that_tells_n_from_d(grid_csv, capsys, tmp_path):
    out = tmp_path / "report"
    data = analysed(capsys, grid_csv, "--predict", "30B", "3T", "--budget", "1e24", "--out", out)
    assert data["law"]["name"] == "hoffmann" and data["separate"]
    assert all(profile["settled"] for profile in data["profiles"])
    assert data["law"]["constants"]["alpha"]["low"] < 0.34 < data["law"]["constants"]["alpha"]["high"]
    best = data["budget"]["optimum"]
    assert best["flat_low"] < best["parameters"]["value"] < best["flat_high"]
    assert data["budget"]["borrowed"] == []
    assert {path.name for path in out.iterdir()} == {
        *("fit.png", "profiles.png", "plane.png", "report.md", "report.html", "scaling.json")
    }
    assert read_json(out / "scaling.json") == data
    page = (out / "report.md").read_text()
    assert "](plane.png)" in page and "within 0.5%" in page


def test_the_report_of_the_worked_case(worked, capsys, tmp_path):
    assert main([str(worked), "--predict", "10B", "1T", "--budget", "20PFd", "--out", str(tmp_path / "r"), *QUICK]) == 0
    assert "report.html has the pictures" in capsys.readouterr().out
    assert "nan" not in (tmp_path / "r" / "report.md").read_text()


@pytest.mark.parametrize("columns", ["flops", "n", "d", "n,flops", "d,flops"])
def test_tables_with_fewer_columns(tmp_path, capsys, columns):
    path = tmp_path / "runs.csv"
    rows = [{"n": n, "d": 20 * n, "flops": 120 * n * n, "loss": 1.5 + 60 * n**-0.2} for n in (1e7, 1e8, 1e9, 3e9, 1e10)]
    names = [*columns.split(","), "loss"]
    path.write_text(",".join(names) + "\n" + "".join(",".join(f"{row[k]:.6g}" for k in names) + "\n" for row in rows))
    questions = ["--predict", "1e22", "--budget", "1e22"] if "flops" in columns else []
    data = analysed(capsys, path, *questions)
    assert not data["separate"]
    assert told(data) and draw_scaling(data)
    if questions:
        n = (1e22 / 120) ** 0.5
        assert data["prediction"]["loss"]["value"] == pytest.approx(1.5 + 60 * n**-0.2, rel=0.01)


@pytest.mark.parametrize("losses", [(2, 2.1, 2.3, 2.2), (3, 2, 1.5, 1.4), (9, 2, 2, 2)])
def test_what_four_odd_rows_leave_open_is_said(tmp_path, capsys, losses):
    path = tmp_path / "runs.csv"
    path.write_text("n,loss\n" + "".join(f"1e{6 + i},{loss}\n" for i, loss in enumerate(losses)))
    data = analysed(capsys, path)
    words = told(data)
    assert "None" not in words and "nan" not in words
    assert ("not settled" in words) == (not all(profile["settled"] for profile in data["profiles"]))
    assert losses[0] == 3 or "not settled" in words


@pytest.mark.parametrize(
    ("columns", "questions", "words"),
    [
        ("n,loss", ["--predict", "1e22"], "--predict with a compute needs a column"),
        ("n,loss", ["--predict", "1B", "1T"], "needs columns for parameters and tokens"),
        ("n,loss", ["--budget", "1e22"], "--budget needs a column for compute"),
        ("flops,loss", ["--predict", "1B", "1T"], "needs columns for parameters and tokens"),
    ],
)
def test_questions_that_the_columns_cannot_answer(tmp_path, columns, questions, words):
    path = tmp_path / "runs.csv"
    path.write_text(columns + "\n1e17,4\n1e18,3\n1e19,2.5\n1e20,2.2\n")
    with pytest.raises(UserError, match=words):
        main([str(path), *questions])


def test_runs_of_one_size_are_refused(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("n,d,loss\n" + "1B,20B,2.5\n" * 4 + "1B,20B,2.6\n")
    with pytest.raises(UserError, match="nothing can be seen to scale"):
        main([str(path)])


@pytest.mark.parametrize(
    "flags",
    [
        ["--predict", "lots", "1T"],
        ["--predict", "1B", "2B", "3B"],
        ["--predict", "0", "1T"],
        ["--budget", "20"],
        ["--budget", "soon"],
        ["--resamples", "3"],
        ["--budgett", "1e21"],
    ],
)
def test_wrong_usage(worked, flags):
    with pytest.raises(UsageError):
        main([str(worked), *flags])


@pytest.mark.parametrize(
    "flags",
    [
        ["runs.csv", "--predict", "10B", "1T", "--budget", "20", "PFd"],
        ["--predict", "10B", "1T", "--budget", "20PFd", "runs.csv"],
        ["--budget", "20PFd", "--predict", "10B", "1T", "runs.csv"],
    ],
)
def test_the_table_may_come_first_or_last(flags):
    args = parse_args(flags)
    assert args.table == Path("runs.csv")
    assert args.predict == (10e9, 1e12)
    assert args.budget == pytest.approx(20 * PF_DAY)


@pytest.mark.parametrize("flags", [[], ["--budget", "20PFd"], ["--budget", "runs.csv"]])
def test_without_a_table_one_is_asked_for(flags):
    with pytest.raises(UsageError, match="name a table"):
        parse_args(flags)


def test_a_users_mistake_is_one_line_and_status_1(tmp_path):
    (tmp_path / "bad.csv").write_text(WORKED.replace("2.10", "minus two"))
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path / "bad.csv")],
        env={**os.environ, "PYTHONPATH": str(SCRIPT.parents[1])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert "row 2: loss is 'minus two'" in done.stderr
