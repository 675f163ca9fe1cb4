"""What is said when the reader has gone."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["cli.printing", "cli.processes"])
def test_a_reader_who_has_gone_ends_nothing(module):
    code = f"import sys; from {module} import say; [say('x' * 999) for _ in range(999)]; print('on', file=sys.stderr)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    assert process.wait() == 0
    assert errors == "on\n"
