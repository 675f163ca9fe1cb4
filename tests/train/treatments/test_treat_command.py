"""The command, but for the training: an engine that writes what runs of known causes would leave."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cli.errors import UsageError, UserError
from eval.diagnosis.finding import Name
from eval.run_directory import RunDirectory
from train.opening import lock
from train.studies.storage import Row
from train.studies.table import write_table
from train.treat import main, parse_args
from train.treatments import command

ROWS = 30
SWINGS = np.exp(np.random.default_rng(0).normal(0, 1.6, ROWS))
"""Training losses of a run that swings."""


class Engine:
    """Stands for the study engine: writes runs whose validation loss swings by as much as `swing` says of a cell."""

    def __init__(self, swing, *, seconds: float = 2.0, stop_after: int | None = None, fail: str | None = None):
        self.swing, self.seconds, self.stop_after, self.fail = swing, seconds, stop_after, fail
        self.made: list[str] = []

    def __call__(self, study, folder, *, storage, workers, as_json):
        rows = []
        for cell in study.cells():
            path = folder / "runs" / cell.key
            if not path.exists():
                if self.stop_after is not None and len(self.made) >= self.stop_after:
                    return 130
                self.made.append(f"{folder.name}/{cell.key}")
                if self.fail is None:
                    path.mkdir(parents=True)
                    self._write(RunDirectory(path), cell)
            failed = self.fail is not None
            figures = {"seconds": self.seconds} | ({} if failed else {study.metric: 0.5})
            rows.append(Row(cell, "failed" if failed else "complete", figures, self.fail or ""))
        write_table(folder, study, rows)
        (folder / "study.yaml").write_text(json.dumps({"settings": study.settings}))
        if self.fail:
            raise UserError(f"every run failed; the first one's reason: {self.fail}")
        print("effects.json, which nobody asked this command for")
        return 0

    def _write(self, run, cell):
        draw = np.random.default_rng(cell.seed)
        losses = 0.6 + self.swing(cell.settings) * draw.normal(size=24)
        with open(run.journal, "w") as journal:
            for index, loss in enumerate(losses, start=1):
                line = {"step": 5 * index, "epoch": index / 8}
                journal.write(json.dumps(line | {"kind": "train", "loss": 0.6, "learning_rate": 1e-3}) + "\n")
                evaluation = {"kind": "eval", "loss": float(loss), "accuracy": 0.7 + loss / 99}
                journal.write(json.dumps(line | evaluation) + "\n")
        run.config.write_text("seed: 1\n")


def high_rate(settings):
    return 0.3 if float(settings["learning_rate"]) > 1e-5 else 0.005


def nothing_helps(settings):
    return 0.3


@pytest.fixture
def sick(write_run):
    run = write_run(learning_rate=5e-5, per_device_train_batch_size=8)
    run.losses(SWINGS, np.full(10, 0.7))
    return run.run.path


@pytest.fixture
def engine(monkeypatch):
    def use(*args, **kwargs):
        made = Engine(*args, **kwargs)
        monkeypatch.setattr(command, "run_study", made)
        return made

    return use


def test_a_sick_run_gets_its_cause_and_its_cure(sick, engine, capsys):
    engine(high_rate)
    assert main([str(sick)]) == 0
    said = capsys.readouterr().out
    treated = json.loads((sick / "treatment/treatment.json").read_text())
    assert treated["finding"] == "oscillation" and treated["schema"] == 1
    assert treated["cause"]["cause"] == "rate_too_high" and treated["cause"]["confirmed"]
    assert treated["cure"]["verdict"] == "cured"
    assert treated["budget"]["seeds"] == 6
    assert treated["command"] == f"python train/treat.py {sick}"
    assert "effects.json" not in said
    last = said[said.index("Oscillation:") :]
    assert last.startswith("Oscillation: the learning rate is too high")
    assert "--learning_rate 6.25e-06" in last and "fresh seeds" in last
    incident = (sick / "incident.md").read_text()
    assert "confirmed by experiment" in "\n".join(incident.splitlines()[:10])
    for path in treated["plots"]:
        assert (sick / f"{path}.png").stat().st_size > 1000
    # The cure rests on seeds that the experiment has not seen.
    phases = [pd.read_csv(sick / f"treatment/{phase}/cells.csv") for phase in ("experiment", "cure")]
    assert not set(phases[0]["seed"]) & set(phases[1]["seed"])
    assert set(phases[1]["cell"]) == {"baseline", "rate=lower"}


@pytest.mark.slow
@pytest.mark.parametrize("flags", [["--verdict", "plateau"], ["--treatment_dir", "elsewhere"]])
def test_the_report_that_is_named_has_the_treatment_in_it(sick, engine, capsys, tmp_path, monkeypatch, flags):
    monkeypatch.chdir(tmp_path)
    engine(high_rate)
    assert main([str(sick), *flags]) == 0
    named = Path(capsys.readouterr().out.split()[-1])
    assert named.name == "treatment.json" and named.is_file()
    assert "by experiment" not in (sick / "incident.md").read_text()


@pytest.mark.slow
def test_a_finished_treatment_says_so(sick, engine, capsys):
    engine(high_rate)
    main([str(sick)])
    once = (sick / "treatment/treatment.json").read_text()
    capsys.readouterr()
    again = engine(nothing_helps)
    assert main([str(sick)]) == 0
    assert "is treated already" in capsys.readouterr().out and not again.made
    assert main([str(sick), "--json"]) == 0
    assert capsys.readouterr().out == once == (sick / "treatment/treatment.json").read_text()
    with pytest.raises(UsageError, match="holds the treatment of oscillation, and this is plateau"):
        main([str(sick), "--verdict", "plateau"])


def test_where_nothing_helps_no_cause_is_confirmed_and_nothing_is_cured(sick, engine, capsys):
    made = engine(nothing_helps)
    assert main([str(sick), "--json"]) == 0
    treated = json.loads(capsys.readouterr().out)
    assert not treated["cause"]["confirmed"] and treated["cure"] is None
    assert not any(run.startswith("cure/") for run in made.made)


def test_a_healthy_run_sent_by_mistake_gets_no_confirmed_cause(write_run, engine, capsys):
    healthy = write_run().run.path
    engine(lambda settings: 0.01)
    assert main([str(healthy), "--verdict", "oscillation", "--json"]) == 0
    assert not json.loads(capsys.readouterr().out)["cause"]["confirmed"]


@pytest.mark.slow
def test_stopped_and_started_again_it_goes_on(sick, engine, capsys):
    first = engine(high_rate, stop_after=7)
    assert main([str(sick)]) == 130
    assert not (sick / "treatment/treatment.json").exists()
    second = engine(high_rate)
    assert main([str(sick)]) == 0
    assert not set(first.made) & set(second.made)
    whole = json.loads((sick / "treatment/treatment.json").read_text())
    shutil.rmtree(sick / "treatment")
    engine(high_rate)
    main([str(sick)])
    assert json.loads((sick / "treatment/treatment.json").read_text()) == whole


@pytest.mark.slow
@pytest.mark.parametrize(("seconds", "seeds", "cure_seeds"), [(2.0, 6, 7), (60.0, 3, 3)])
def test_the_time_that_is_left_decides_on_seeds(sick, engine, seconds, seeds, cure_seeds):
    made = engine(high_rate, seconds=seconds)
    # Enough, by what the run took, for three seeds.
    assert main([str(sick), "--budget", "9m"]) == 0
    budget = json.loads((sick / "treatment/treatment.json").read_text())["budget"]
    assert (budget["seeds"], budget["cure_seeds"]) == (seeds, cure_seeds)
    phases = [run.partition("/")[0] for run in made.made]
    assert (phases.count("experiment"), phases.count("cure")) == (4 * seeds, 2 * cure_seeds)
    assert any("seeds instead of 6" in line for line in budget["cut"]) == (seeds < 6)


def test_a_healthy_run_is_left_alone(write_run, engine, capsys):
    healthy = write_run().run.path
    made = engine(high_rate)
    assert main([str(healthy)]) == 0
    assert "is healthy: there is nothing to treat" in capsys.readouterr().out
    assert main([str(healthy), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["finding"] == "healthy"
    assert not made.made and not (healthy / "treatment").exists()


def test_dry_run_lists_the_arms_and_makes_nothing(sick, engine, capsys):
    made = engine(high_rate)
    assert main([str(sick), "--dry_run"]) == 0
    said = capsys.readouterr().out
    assert "rate=lower,batch=larger" in said and "--learning_rate 6.25e-06" in said and "about" in said
    assert not made.made and not (sick / "treatment").exists()


def test_runs_that_all_fail_are_an_error_that_says_why(sick, engine):
    engine(high_rate, fail="no memory")
    with pytest.raises(UserError, match="no memory"):
        main([str(sick)])


def test_one_line_each(sick, engine, tmp_path, write_run):
    engine(high_rate)
    with pytest.raises(UserError, match="there is no such run"):
        main([str(tmp_path / "nothing")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no run of train/run.py"):
        main([str(tmp_path / "empty")])
    with lock(RunDirectory(sick)), pytest.raises(UserError, match="still being trained"):
        main([str(sick)])
    with pytest.raises(UserError, match=r"--budget 10s is too short.*--budget \d+m"):
        main([str(sick), "--budget", "10s"])
    assert not (sick / "treatment").exists()


def test_data_that_is_gone(write_run, engine, tiny_corpus, tmp_path):
    engine(high_rate)
    moved = shutil.copytree(tiny_corpus, tmp_path / "data")
    run = write_run(data_dir=str(moved))
    run.losses(SWINGS, np.full(10, 0.7))
    shutil.rmtree(moved)
    with pytest.raises(UserError, match="cannot be repeated, which a treatment does") as error:
        main([str(run.run.path)])
    assert "\n" not in str(error.value)


def test_a_checkpoint_that_is_gone(sick, engine, monkeypatch):
    """Of the run itself, and the one that half an experiment began from."""
    engine(high_rate, stop_after=2)
    main([str(sick)])
    study = sick / "treatment/experiment/study.yaml"
    study.write_text(json.dumps({"settings": {"model": str(sick / "checkpoint-9")}}))
    with pytest.raises(UserError, match="checkpoint-9, where the runs in .* begin, is gone"):
        main([str(sick)])


def test_two_commands_at_once(sick, engine):
    engine(high_rate)
    with command._lock(sick / "treatment"), pytest.raises(UserError, match="wait for its end"):
        main([str(sick)])


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--budget", "10"], "write 600s, 10m or 1h"),
        (["--budget", "0m"], "is no time"),
        (["--seeds", "2"], "3 runs of each arm or more"),
        (["--workers", "0"], "no whole number above 0"),
        (["--verdict", "healthy"], "invalid choice"),
        (["--json", "--dry_run"], "leave one out"),
        (["--bugdet", "10m"], "unrecognized arguments"),
    ],
)
def test_flags_that_cannot_be_meant(flags, words):
    with pytest.raises(UsageError, match=words):
        parse_args(["RUN", *flags])


def test_flags_are_spelt_with_dashes_too():
    args = parse_args(["RUN", "--treatment-dir", "elsewhere", "--dry-run", "--budget", "1.5h"])
    assert (str(args.treatment_dir), args.dry_run, args.budget) == ("elsewhere", True, 5400.0)
    assert parse_args(["RUN"]).treatment_dir.name == "treatment"
    assert parse_args(["RUN", "--verdict", "plateau"]).verdict == Name.PLATEAU


@pytest.mark.parametrize("flag", ["scenario_dir", "documents"])
def test_a_scenario_says_first_where_it_cannot_write(tmp_path, flag):
    (tmp_path / "file").write_text("")
    folders = {"scenario_dir": tmp_path / "runs", "documents": tmp_path / "docs"} | {flag: tmp_path / "file" / "in"}
    with pytest.raises(UserError, match=f"cannot be written .* name another --{flag}"):
        main(["--scenario", "1", *(f"--{name}={folder}" for name, folder in folders.items())])
    assert not (tmp_path / "runs" / "1-overfitting" / "run").exists()
