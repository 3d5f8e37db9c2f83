"""What codes, and the reading of a request, cost beside another version of onema that takes turns with this one.

    ./dev bench --against REV [--rounds 12]

The other version is put into a temporary folder, with an environment of its own, and runs there; the load is this
version's. Every round asks both for the same, so that each round's ratio is of one moment of the machine.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import uvloop

from bench.codes import CodeRounds, code_rounds
from bench.http import PAUSED
from bench.measured import Figures
from bench.server import ServerFailed, fresh_folder, running_server
from onema.loadtest.load import LoadError

ROOT = Path(__file__).parent.parent
LEAST_ROUNDS = 10
CODE_GOAL = 1.0
READING_GOAL = 1.05
_RESULT = Path(__file__).parent / "results" / "against"
_WARM_UP_ROUNDS = 1

Rounds = Callable[[CodeRounds, Figures], Awaitable[None]]


class Compared(msgspec.Struct, frozen=True):
    """One kind of request: the median round's CPU seconds per 1,000 of both versions, and each round's ratio."""

    name: str
    other: float
    this: float
    ratios: Sequence[float]
    goal: float | None = None

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def is_met(self) -> bool:
        return self.goal is None or self.ratio <= self.goal


async def measure(revision: str, rounds: int) -> list[Compared]:
    with fresh_folder() as folder:
        other = await asyncio.to_thread(_checked_out, revision, folder / "checkout")
        return [
            *await _in_turns(rounds, other, folder / "paused", PAUSED, CodeRounds.paused),
            *await _in_turns(rounds, other, folder / "delivering", {}, CodeRounds.delivering),
        ]


def _checked_out(revision: str, folder: Path) -> Path:
    """Put a version of this repository into `folder`; the Python that runs it. Raises ServerFailed."""
    folder.mkdir()
    sync = [str(ROOT / ".tools/bin/uv"), "sync", "--quiet", "--frozen", "--no-dev", "--extra", "voice"]
    try:
        archive = subprocess.run(["git", "archive", revision], cwd=ROOT, check=True, stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x"], cwd=folder, check=True, input=archive.stdout)
        subprocess.run(
            sync, cwd=folder, check=True, env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(folder / ".venv")}
        )
    except subprocess.CalledProcessError as error:
        raise ServerFailed(f"{revision} cannot be checked out: {error}") from error
    return folder / ".venv/bin/python"


async def _in_turns(
    rounds: int, python: Path, data: Path, settings: dict[str, str], ask: Rounds
) -> Sequence[Compared]:
    other, this = Figures(), Figures()
    async with (
        running_server(data / "other", settings, python) as other_server,
        running_server(data / "this", settings) as this_server,
        code_rounds(other_server) as other_codes,
        code_rounds(this_server) as this_codes,
    ):
        turns = [(other_codes, other), (this_codes, this)]
        for number in range(_WARM_UP_ROUNDS + rounds):
            for codes, figures in turns:
                await ask(codes, Figures() if number < _WARM_UP_ROUNDS else figures)
            turns.reverse()
    return tuple(_compared("delivery paused" if settings else "delivered", other, this))


def _compared(how: str, other: Figures, this: Figures) -> Iterator[Compared]:
    def compare(name: str, cpu: Callable[[Figures], Sequence[float]], goal: float | None = None) -> Compared:
        ratios = [one / before for one, before in zip(cpu(this), cpu(other), strict=True)]
        return Compared(name, statistics.median(cpu(other)), statistics.median(cpu(this)), ratios, goal)

    yield compare("reading a request (/health/live)", lambda figures: figures.live.cpu_by_round, READING_GOAL)
    yield compare(f"GENCODE, {how}", lambda figures: figures.gencode.cpu_by_round)
    yield compare(f"CHECKCODE, {how}", lambda figures: figures.checkcode.cpu_by_round)
    yield compare(f"a code sent and checked, {how}", _code, CODE_GOAL)


def _code(figures: Figures) -> list[float]:
    return [
        sent + checked
        for sent, checked in zip(figures.gencode.cpu_by_round, figures.checkcode.cpu_by_round, strict=True)
    ]


def table(revision: str, compared: Sequence[Compared]) -> str:
    """The ratios' median, their middle half, and all of them."""
    lines = [
        f"| CPU s per 1,000 | {revision} | this | ratio | middle half | least to most | goal |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind in compared:
        low, _, high = statistics.quantiles(kind.ratios, n=4)
        verdict = "" if kind.is_met else " **missed**"
        lines.append(
            f"| {kind.name} | {kind.other:.3f} | {kind.this:.3f} | {kind.ratio:.3f}{verdict} | {low:.3f} to {high:.3f} "
            f"| {min(kind.ratios):.3f} to {max(kind.ratios):.3f} | {f'at most {kind.goal:g}' if kind.goal else ''} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--against", required=True, metavar="REV", help="a commit, tag or branch")
    parser.add_argument("--rounds", type=int, default=12, help=f"at least {LEAST_ROUNDS}")
    options = parser.parse_args()
    if options.rounds < LEAST_ROUNDS:
        parser.error(f"--rounds: at least {LEAST_ROUNDS}, or the median tells nothing")
    try:
        compared = uvloop.run(measure(options.against, options.rounds))
    except (LoadError, ServerFailed) as error:
        sys.exit(f"--against {options.against}: {error}")
    found = table(options.against, compared)
    print(found)
    _RESULT.with_suffix(".md").write_text(found + "\n")
    _RESULT.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(compared)) + b"\n")
    sys.exit(not all(kind.is_met for kind in compared))


if __name__ == "__main__":
    main()
