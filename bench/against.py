"""What codes, and the reading of a request, cost beside another version of onema that takes turns with this one.

    ./dev bench --against REV [--rounds 12] [--only postgres]

The other version is put into a temporary folder, with an environment of its own, and runs there; the load is this
version's. Every round asks both for the same, so that each round's ratio is of one moment of the machine. On PostgreSQL
each version is two processes on a database of its own of one server, whose CPU counts too.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import msgspec
import uvloop

from bench.codes import CodeRounds, code_rounds
from bench.http import PAUSED
from bench.measured import Figures
from bench.nodes import Deployment, node_rounds
from bench.postgres import recommended_settings
from bench.server import ServerFailed, fresh_folder, running_server
from onema.loadtest.load import LoadError
from onema.testing.postgres_server import running_server as running_database

ROOT = Path(__file__).parent.parent
LEAST_ROUNDS = 10
CODE_GOALS = {"delivery paused": 1.0, "delivered": 0.80, "delivered, PostgreSQL": 0.75}
"""CPU of a code sent and checked; the other version's is 1."""
READING_GOAL = 1.05
MEDIAN_GOAL = 0.5
RATE = 500
"""Codes a second, for their latency on PostgreSQL."""
RATE_SECONDS = 3.0
_RESULT = Path(__file__).parent / "results" / "against"
_WARM_UP_ROUNDS = 1

Rounds = Callable[[CodeRounds, Figures], Awaitable[None]]
Start = Callable[[str, str | Path], AbstractAsyncContextManager[CodeRounds]]
"""Starts the version that a Python has, under a name."""


class Compared(msgspec.Struct, frozen=True):
    """One kind of request: the median round's figure of both versions, and each round's ratio. The figure is CPU
    seconds per 1,000 where the name says nothing else.
    """

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


async def measure(revision: str, rounds: int, only: str = "") -> list[Compared]:
    compared: list[Compared] = []
    with fresh_folder() as folder:
        other = await asyncio.to_thread(_checked_out, revision, folder / "checkout")
        if only in "sqlite":
            for how, settings, ask in (
                ("delivery paused", PAUSED, CodeRounds.paused),
                ("delivered", {}, CodeRounds.delivering),
            ):
                start = _on_sqlite(folder / how.replace(" ", "-"), settings)
                compared += _compared(how, *await _in_turns(rounds, start, other, ask))
        if only in "postgres":
            with running_database(recommended_settings()) as database:

                def nodes(name: str, python: str | Path) -> AbstractAsyncContextManager[CodeRounds]:
                    return _rounds_of_nodes(Deployment(folder, database, name), python)

                sides = await _in_turns(rounds, nodes, other, _delivering_and_at_rate)
            compared += _compared("delivered, PostgreSQL", *sides)
            compared.append(_medians(*sides))
    return compared


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


def _on_sqlite(data: Path, settings: dict[str, str]) -> Start:
    @asynccontextmanager
    async def start(name: str, python: str | Path) -> AsyncIterator[CodeRounds]:
        async with running_server(data / name, settings, python) as server, code_rounds(server) as codes:
            yield codes

    return start


@asynccontextmanager
async def _rounds_of_nodes(deployment: Deployment, python: str | Path) -> AsyncIterator[CodeRounds]:
    async with node_rounds(deployment, python=python) as (_, codes):
        yield codes


async def _delivering_and_at_rate(codes: CodeRounds, figures: Figures) -> None:
    await codes.delivering(figures)
    await codes.at_rate(figures, RATE, RATE_SECONDS)


async def _in_turns(rounds: int, start: Start, python: Path, ask: Rounds) -> tuple[Figures, Figures]:
    """The figures of the other version, which `python` has, and of this one."""
    other, this = Figures(), Figures()
    async with start("other", python) as other_codes, start("this", sys.executable) as this_codes:
        turns = [(other_codes, other), (this_codes, this)]
        for number in range(_WARM_UP_ROUNDS + rounds):
            for codes, figures in turns:
                await ask(codes, Figures() if number < _WARM_UP_ROUNDS else figures)
            turns.reverse()
    return other, this


def _compared(how: str, other: Figures, this: Figures) -> Iterator[Compared]:
    def compare(name: str, cpu: Callable[[Figures], Sequence[float]], goal: float | None = None) -> Compared:
        return _ratios(name, cpu(other), cpu(this), goal)

    yield compare(
        f"reading a request (/health/live), {how}", lambda each: each.live.cpu_by_round, READING_GOAL
    )
    yield compare(f"GENCODE, {how}", lambda each: each.gencode.total_cpu_by_round)
    yield compare(f"CHECKCODE, {how}", lambda each: each.checkcode.total_cpu_by_round)
    yield compare(f"a code sent and checked, {how}", _code, CODE_GOALS[how])


def _medians(other: Figures, this: Figures) -> Compared:
    name = f"median latency at {RATE} codes/s, PostgreSQL, ms"
    return _ratios(name, other.median_ms_by_round, this.median_ms_by_round, MEDIAN_GOAL)


def _ratios(name: str, other: Sequence[float], this: Sequence[float], goal: float | None) -> Compared:
    ratios = [one / before for one, before in zip(this, other, strict=True)]
    return Compared(name, statistics.median(other), statistics.median(this), ratios, goal)


def _code(figures: Figures) -> list[float]:
    rounds = zip(figures.gencode.total_cpu_by_round, figures.checkcode.total_cpu_by_round, strict=True)
    return [sent + checked for sent, checked in rounds]


def table(revision: str, compared: Sequence[Compared]) -> str:
    """The ratios' median, their middle half, and all of them."""
    lines = [
        f"| CPU s per 1,000, or what is named | {revision} | this | ratio | middle half | least to most | goal |",
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
    parser.add_argument(
        "--only", default="", choices=["", "sqlite", "postgres"], help="one of the two engines"
    )
    options = parser.parse_args()
    if options.rounds < LEAST_ROUNDS:
        parser.error(f"--rounds: at least {LEAST_ROUNDS}, or the median tells nothing")
    try:
        compared = uvloop.run(measure(options.against, options.rounds, options.only))
    except (LoadError, ServerFailed) as error:
        sys.exit(f"--against {options.against}: {error}")
    found = table(options.against, compared)
    print(found)
    if options.only:
        sys.exit(not all(kind.is_met for kind in compared))
    _RESULT.with_suffix(".md").write_text(found + "\n")
    _RESULT.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(compared)) + b"\n")
    sys.exit(not all(kind.is_met for kind in compared))


if __name__ == "__main__":
    main()
