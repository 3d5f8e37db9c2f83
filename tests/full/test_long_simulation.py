"""The core at length: 600,000 commands in eight runs, which are 13 million turns of their loops."""

import subprocess
import sys

import pytest

COMMANDS = 75_000


@pytest.mark.parametrize("seed", range(101, 109))
def test_nothing_breaks_in_a_long_run(seed: int) -> None:
    """What it prints of a failure is the seed that repeats it."""
    command = [
        sys.executable,
        "-m",
        "onema.testing.simulation",
        "--seed",
        str(seed),
        "--commands",
        str(COMMANDS),
    ]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
