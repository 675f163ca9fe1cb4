"""`python eval/diagnose.py`: what it prints, what it writes and where, and how it answers a file that is no log."""

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.errors import UsageError, UserError
from eval.diagnose import main
from eval.run_directory import Journal, read_diagnosis

SCRIPT = Path(__file__).parents[3] / "eval" / "diagnose.py"
KEYS = {"schema", "verdict", "findings", "insufficient"}


def write_run(folder: Path, evaluations: list[float]) -> Path:
    """A finished run whose training loss falls to 0.1 in 300 steps, with these evaluation losses."""
    folder.mkdir(exist_ok=True)
    (folder / "journal.jsonl").unlink(missing_ok=True)
    journal = Journal(folder / "journal.jsonl")
    every = 300 // len(evaluations)
    for step in range(10, 301, 10):
        journal.write("train", step, step / 100, loss=0.1 + 0.6 * 0.97 ** (step / 2), learning_rate=1e-4, grad_norm=1.0)
        layers = {name: {"norm": 0.5, "mean_abs": 1e-3} for name in ("embeddings", "block.0", "head")}
        journal.write("grad_norms", step, step / 100, clipped=False, total=1.0, layers=layers)
        if step % every == 0:
            loss = evaluations[step // every - 1]
            journal.write("eval", step, step / 100, loss=loss, accuracy=1 - loss / 3, f1=1 - loss / 3)
    journal.close()
    (folder / "config.yaml").write_text("learning_rate: 0.0001\n")
    (folder / "metrics.json").write_text("{}")
    return folder


TURNED = [0.6, 0.5, 0.45, 0.5, 0.55, 0.62, 0.7, 0.8, 0.9, 1.0]
SETTLED = [0.6, 0.5, 0.45, 0.43, 0.42, 0.415, 0.412, 0.411, 0.41, 0.41]


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "run", TURNED)


def test_a_sick_run(run, capsys):
    assert main([str(run)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("overfitting since step 90 (epoch 0.9), severity ")
    assert any("--early_stopping_patience 2" in line for line in printed)
    content = read_diagnosis(run / "diagnosis.json")
    assert content.keys() == KEYS and content["verdict"] == content["findings"][0]["name"] == "overfitting"
    assert content["findings"][0]["onset"] == {"step": 90, "epoch": 0.9}
    assert all(cause.keys() == {"cause", "for", "against"} for cause in content["findings"][0]["causes"])
    report = (run / "incident.md").read_text()
    assert f"--config {run}/config.yaml --output_dir {run}-mended --load_best" in report
    plots = {path.name for path in (run / "diagnosis").iterdir()}
    assert plots == {"loss.png", "metrics.png", "gradients.png"}
    assert all(f"](diagnosis/{name})" in report for name in plots)


def test_a_run_that_is_healthy_now_keeps_nothing_of_an_old_incident(run, capsys):
    main([str(run)])
    (run / "diagnosis" / "mine.png").write_text("of the user")
    write_run(run, SETTLED)
    assert main([str(run)]) == 0
    assert "incident.md" not in capsys.readouterr().out.split("healthy: ")[1]
    assert read_diagnosis(run / "diagnosis.json")["verdict"] == "healthy"
    assert not (run / "incident.md").exists()
    assert [path.name for path in (run / "diagnosis").iterdir()] == ["mine.png"]
    (run / "diagnosis" / "mine.png").unlink()
    main([str(run)])
    assert not (run / "diagnosis").exists()


def test_a_foreign_log_is_left_alone(tmp_path, capsys):
    folder = tmp_path / "theirs"
    folder.mkdir()
    rows = [{"step": step, "loss": 1 / step, "eval_loss": 0.5} for step in range(1, 30)]
    (folder / "trainer_state.json").write_text(json.dumps({"log_history": rows}))
    for log in (folder, folder / "trainer_state.json"):
        assert main([str(log)]) == 0
    assert [path.name for path in folder.iterdir()] == ["trainer_state.json"]
    assert main([str(folder), "--out", str(tmp_path / "ours")]) == 0
    assert read_diagnosis(tmp_path / "ours" / "diagnosis.json").keys() == KEYS
    assert len(list(folder.iterdir())) == 1
    capsys.readouterr()
    with pytest.raises(UserError, match="cannot be written"):
        main([str(folder), "--out", str(folder / "trainer_state.json")])
    # What was judged is told all the same.
    assert "judged by" in capsys.readouterr().out


def test_json_is_the_file_and_nothing_else(run):
    command = [sys.executable, str(SCRIPT), str(run), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0 and done.stderr == ""
    assert json.loads(done.stdout) == json.loads((run / "diagnosis.json").read_text())
    assert done.stdout.count("\n") == 1


def test_no_number_in_json(tmp_path, capsys):
    path = tmp_path / "log.csv"
    path.write_text("step,train_loss,grad_norm\n" + "".join(f"{step},nan,inf\n" for step in range(1, 12)))
    assert main([str(path), "--json"]) == 0

    def refuse(constant):
        raise AssertionError(constant)

    content = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert content["verdict"] == "divergence" and content["findings"][0]["onset"]["step"] == 1


def test_a_run_under_way_is_not_undertrained(tmp_path, capsys):
    run = write_run(tmp_path / "run", [1.0 - 0.08 * i for i in range(10)])
    main([str(run), "--json"])
    assert json.loads(capsys.readouterr().out)["verdict"] == "undertrained"
    with open(run / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        main([str(run), "--json"])
    assert json.loads(capsys.readouterr().out)["verdict"] == "healthy"


def test_gradients_need_their_order(tmp_path, capsys):
    path = tmp_path / "gradients.csv"
    names = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"]
    rows = [f"{step},{name},{10.0**-i}\n" for step in range(1, 9) for i, name in enumerate(names)]
    path.write_text("step,layer,grad_norm\n" + "".join(rows))
    with pytest.raises(UserError, match="--order output"):
        main([str(path)])
    assert main([str(path), "--order", "output", "--out", str(tmp_path / "out")]) == 0
    assert "python eval/diagnose.py" in (report := (tmp_path / "out" / "incident.md").read_text())
    assert "--order output" in report and report.startswith("# Vanishing gradients")
    assert (tmp_path / "out" / "diagnosis" / "layers.png").stat().st_size > 1000
    capsys.readouterr()
    main([str(path), "--order", "input", "--json"])
    assert json.loads(capsys.readouterr().out)["verdict"] == "exploding_gradients"


UNREADABLE = {
    "empty.json": (b"", "is empty"),
    "blank.csv": (b" \n\n", "is empty"),
    "cut.json": (b'{"log_history": [{"step": 1, "loss": 0.', "is cut off or not valid JSON"),
    "other.json": (b'{"a": {"b": 1}}', "is no training log"),
    "people.csv": (b"name,age\nbob,3\n", "has no column of a training log"),
    "letter.txt": (b"Dear all,\nthis is a letter.\n", "has no column of a training log"),
    "picture.png": (b"\x89PNG\r\n\x1a\n\0\0\0", "is no text"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_log(tmp_path, name):
    content, words = UNREADABLE[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as error:
        main([str(tmp_path / name)])
    message = str(error.value)
    assert words in message and message.startswith(str(tmp_path / name)) and "\n" not in message
    assert error.value.exit_status == 1


def test_a_path_without_a_log_and_a_mistyped_flag(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        main([str(tmp_path / "nowhere")])
    with pytest.raises(UserError, match="holds no journal.jsonl and no trainer_state.json"):
        main([str(tmp_path)])
    for wrong in ([], [str(tmp_path), "--jsn"], [str(tmp_path), "--order", "sideways"]):
        with pytest.raises(UsageError):
            main(wrong)


LITTLE = {
    "header.csv": ("step,train_loss\n", "insufficient evidence", "nothing was logged"),
    "no_rows.json": ('{"log_history": []}', "insufficient evidence", "nothing was logged"),
    "one.csv": ("step,train_loss\n1,0.7\n", "insufficient evidence", "the training loss is a single point"),
    "nan.csv": ("step,train_loss\n" + "".join(f"{i},NaN\n" for i in range(8)), "divergence", "is never a number"),
    "negative.csv": ("step,train_loss\n" + "".join(f"{i},0.5\n" for i in range(-9, 0)), "", "some steps are negative"),
    "twice.csv": ("step,train_loss\n" + "".join(f"{i // 2},{9 - i}\n" for i in range(9)), "", "share an epoch or step"),
}


@pytest.mark.parametrize("name", LITTLE)
def test_a_log_with_little_in_it_is_judged(tmp_path, capsys, name):
    content, verdict, note = LITTLE[name]
    (tmp_path / name).write_text(content)
    assert main([str(tmp_path / name)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(verdict) and note in printed


def test_a_mistake_is_one_line_and_comes_before_the_libraries(tmp_path):
    """Status 2 for a mistyped flag, without any import that takes long."""
    program = (
        "import sys; from eval.diagnose import main; from cli.script import run_script\n"
        "try: run_script(lambda: main(['x', '--jsn']))\n"
        "finally: print([name for name in ('numpy', 'pandas', 'scipy', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (2, "[]")
    assert done.stderr.count("\n") == 1 and "--jsn" in done.stderr
