"""Two commands, as on two machines, share one study in a PostgreSQL database."""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.postgres

PASSWORD = "hunter2@home"


@pytest.fixture(scope="module")
def server():
    """A PostgreSQL server of our own on a free port; yields its URL. It refuses to run as root: it runs as postgres."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if not programs:
        assert "CI" not in os.environ, "CI needs PostgreSQL: apt-get install postgresql"
        pytest.skip("postgresql is not installed")
    as_postgres = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Not in pytest's folder, which only its owner may enter.
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    (folder / "password").write_text(PASSWORD)
    if as_postgres:
        for path in (folder, folder / "password"):
            shutil.chown(path, "postgres", "postgres")

    def run(program: str, *arguments: str) -> None:
        command = [programs[-1] / program, "-D", folder / "data", *arguments]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, **as_postgres)

    try:
        run("initdb", "-U", "me", "-A", "scram-sha-256", "--pwfile", str(folder / "password"), "--no-sync")
        options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off"
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
        yield f"postgresql://me:{PASSWORD.replace('@', '%40')}@127.0.0.1:{port}/postgres"
        run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def test_two_machines_share_a_study(server, studies, write_study, tmp_path):
    file = write_study("shared")
    machines = [
        studies.Command(file, tmp_path / name, "--storage", server, "--grace", "9") for name in ("one", "other")
    ]
    processes = [machine.start() for machine in machines]
    said = [studies.finish(process) for process in processes]

    one, other = (machine.rows() for machine in machines)
    assert one == other and len(one) == 6
    assert {row["status"] for row in one} == {"complete"}
    url = server.replace("postgresql:", "postgresql+psycopg2:")
    assert set(studies.trials_in(url, "shared").values()) == {1}
    ran = [sorted(path.parent.name for path in machine.journals()) for machine in machines]
    assert all(ran), "both took part"
    assert sorted(ran[0] + ran[1]) == sorted({row["run"].removeprefix("runs/") for row in one})

    texts = [text for both in said for text in both]
    texts += [path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    assert not [text for text in texts if "hunter2" in text], "a password was written down"


def test_another_study_of_that_name_is_refused(server, studies, write_study, tmp_path):
    file = write_study("shared", factors={"dropout": [0.2, 0.1]})
    _, errors = studies.Command(file, tmp_path / "third", "--storage", server).run(2)
    assert errors.startswith("error: the storage's shared is a study with factors dropout") and "hunter2" not in errors
