"""A study that is killed and started again ends in the table of the one that was not, bit for bit."""

import json
import os
import random
import signal
import time

import psutil
import pytest

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("KILL_SEED", "0"))


@pytest.fixture(scope="module")
def file(write_study):
    return write_study()


@pytest.fixture(scope="module")
def undisturbed(studies, file, tmp_path_factory):
    command = studies.Command(file, tmp_path_factory.mktemp("undisturbed") / "study")
    command.run()
    return command


def assert_equal(ours, theirs):
    assert ours.rows() == theirs.rows()
    assert [row["status"] for row in ours.rows()] == ["complete"] * 6
    assert (ours.folder / "effects.json").read_text() == (theirs.folder / "effects.json").read_text()


def test_killed_at_random_moments(studies, file, undisturbed, tmp_path):
    draw = random.Random(SEED)
    command = studies.Command(file, tmp_path / "study", "--workers", "2")

    def under_way():
        """Wait for a run that was not there before, and a little."""
        before = len(command.journals())
        studies.wait_for(lambda: len(command.journals()) > before, process)
        time.sleep(draw.uniform(0, 2))

    process = command.start()
    for _ in range(2):
        under_way()
        victim = draw.choice(studies.workers_of(process))
        victim.kill()
    under_way()
    for victim in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
        victim.kill()
    process.communicate()
    assert not (command.folder / "effects.json").exists(), "it was killed too late"

    command.run()
    assert_equal(command, undisturbed)
    database = f"sqlite:///{command.folder / 'study.db'}"
    assert set(studies.trials_in(database, "tiny").values()) == {1}


def test_told_to_stop(studies, file, undisturbed, tmp_path):
    command = studies.Command(file, tmp_path / "study")
    for signum in (signal.SIGINT, signal.SIGTERM):
        process = command.start()
        before = len(command.journals())
        studies.wait_for(lambda before=before: len(command.journals()) > before, process)
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 1
        # Ctrl-C reaches every process of a terminal, `kill` one.
        os.killpg(process.pid, signum) if signum == signal.SIGINT else process.send_signal(signum)
        begin = time.monotonic()
        output, errors = studies.finish(process, 128 + signum)
        assert time.monotonic() - begin < 20
        assert output.endswith("stopped; the same command goes on\n") and not errors
        assert not psutil.wait_procs(children, timeout=10)[1]
    command.run()
    assert_equal(command, undisturbed)


def test_a_second_command_joins_in(studies, file, undisturbed, tmp_path):
    command = studies.Command(file, tmp_path / "study")
    both = [command.start(), command.start()]
    for process in both:
        studies.finish(process)
    assert_equal(command, undisturbed)
    assert json.loads((command.folder / "effects.json").read_text())
    database = f"sqlite:///{command.folder / 'study.db'}"
    assert set(studies.trials_in(database, "tiny").values()) == {1}
