"""Does a full store cost more? Two servers, one with a million delivered messages, in alternating rounds."""

import asyncio
import shutil
from pathlib import Path

import msgspec

from bench.codes import code_rounds
from bench.measured import Figures, Row
from bench.preload import preload
from bench.report import Goal, Report, Table, resident
from bench.server import fresh_folder, running_server

MESSAGES = 1_000_000
_LIMIT = 1.3
_WARM_UP_ROUNDS = 2


async def measure(rounds: int, messages: int = MESSAGES) -> Report:
    empty, full = Figures(), Figures()
    with fresh_folder() as data:
        await _fill(data, messages)
        async with (
            running_server(data / "empty") as server_of_empty,
            running_server(data / "full") as server_of_full,
            code_rounds(server_of_empty) as codes_of_empty,
            code_rounds(server_of_full) as codes_of_full,
        ):
            turns = [(codes_of_empty, empty), (codes_of_full, full)]
            for number in range(_WARM_UP_ROUNDS + rounds):
                for codes, figures in turns:
                    await codes.delivering(Figures() if number < _WARM_UP_ROUNDS else figures)
                turns.reverse()
            resident_full = server_of_full.resident_mb()
    return Report(
        "growth",
        f"An empty store against one with {messages:,} messages",
        (
            Table("Empty, delivery counted into GENCODE", empty.codes()),
            Table(f"{messages:,} stored messages, delivery counted into GENCODE", full.codes()),
        ),
        (*_growth(empty.codes(), full.codes()), resident(f"{messages:,} messages", resident_full)),
    )


async def _fill(data: Path, messages: int) -> None:
    """Two folders of the same demo, made by the server itself; one gets its past."""
    async with running_server(data / "empty") as server, code_rounds(server) as codes:
        await codes.delivering(Figures())
    shutil.copytree(data / "empty", data / "full", ignore=shutil.ignore_patterns("*.sock"))
    await asyncio.to_thread(preload, data / "full" / "onema.db", messages)


def _growth(empty: tuple[Row, ...], full: tuple[Row, ...]) -> list[Goal]:
    goals = []
    for before, after in list(zip(empty, full, strict=True))[1:]:
        cpu = after.cpu_per_1000 / before.cpu_per_1000
        goals.append(Goal(f"CPU of {before.name}, full : empty", cpu, _LIMIT))
        goals.append(Goal(f"p99 of {before.name}, full : empty", after.p99_ms / before.p99_ms, _LIMIT))
    return [msgspec.structs.replace(goal, value=round(goal.value, 3)) for goal in goals]
