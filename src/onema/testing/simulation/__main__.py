"""python -m onema.testing.simulation [--seed N] [--commands N] [--trace]

Runs one episode and says what happened in it how often; 1 with what broke. The same seed and number of commands run the
same way every time.
"""

import argparse
import logging
import os
import secrets
import sys
import time

from onema.testing.simulation.episode import run
from onema.testing.simulation.invariants import Broken

_HASH_SEED = "PYTHONHASHSEED"


def main() -> int:
    parser = argparse.ArgumentParser(prog="onema.testing.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="drawn and printed where none is given")
    parser.add_argument("--commands", type=int, default=20_000, help="how many are decided (20000)")
    parser.add_argument("--trace", action="store_true", help="print each command that is committed")
    asked = parser.parse_args()
    if os.environ.get(_HASH_SEED) != "0":
        # Sets of texts have another order in each process without it.
        os.environ[_HASH_SEED] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "onema.testing.simulation", *sys.argv[1:]])  # noqa: S606  # itself
    # What goes wrong is logged as it would be, and means nothing here.
    logging.disable(logging.CRITICAL)
    told = sys.stdout.write
    seed = secrets.randbelow(1_000_000) if asked.seed is None else asked.seed
    told(f"--seed {seed} --commands {asked.commands}\n")
    sys.stdout.flush()
    began = time.perf_counter()
    try:
        counted = run(seed, asked.commands, trace=_told_line if asked.trace else None).counted
    except Broken as broken:
        told(f"broken: {broken}\n")
        return 1
    for what, times in sorted(counted.items()):
        told(f"{times:>9}  {what}\n")
    sys.stderr.write(f"{counted['commands'] / (time.perf_counter() - began):,.0f} commands a second\n")
    return 0


def _told_line(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
