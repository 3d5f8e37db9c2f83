"""Does a full store cost more? Servers on an empty and on a full store, in alternating rounds, on either engine."""

import asyncio
import shutil
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from bench.codes import CodeRounds, code_rounds
from bench.measured import Figures, Row
from bench.nodes import NODES, Deployment, node_rounds
from bench.postgres import recommended_settings
from bench.preload import preload, preload_postgres
from bench.report import Goal, Report, Table, resident
from bench.server import fresh_folder, running_server
from onema.testing.postgres_server import running_server as running_database

MESSAGES = 1_000_000
_LIMIT = 1.3
_WARM_UP_ROUNDS = 2


async def measure(rounds: int, messages: int = MESSAGES) -> Report:
    with fresh_folder() as data:
        await _fill(data, messages)
        async with (
            running_server(data / "empty") as server_of_empty,
            running_server(data / "full") as server_of_full,
            code_rounds(server_of_empty) as codes_of_empty,
            code_rounds(server_of_full) as codes_of_full,
        ):
            empty, full = await _in_turns(rounds, codes_of_empty, codes_of_full)
            memory = server_of_full.resident_mb()
    return _report("growth", "SQLite", messages, empty, full, memory)


async def measure_postgres(rounds: int, messages: int = MESSAGES) -> Report:
    """Both databases are on one server, whose CPU counts for the one that is used."""
    with fresh_folder() as data, running_database(recommended_settings()) as database:
        deployment = Deployment(data, database, "empty")
        async with node_rounds(deployment) as (_, codes):
            await codes.delivering(Figures())
        grown = Deployment(data, database, "full", like=deployment)
        await preload_postgres(grown.dsn, messages)
        async with AsyncExitStack() as stack:
            _, codes_of_empty = await stack.enter_async_context(node_rounds(deployment))
            nodes, codes_of_full = await stack.enter_async_context(node_rounds(grown))
            empty, full = await _in_turns(rounds, codes_of_empty, codes_of_full)
            memory = nodes.resident_mb()
    return _report("growth-postgres", f"PostgreSQL, {NODES} processes", messages, empty, full, memory)


async def _in_turns(
    rounds: int, codes_of_empty: CodeRounds, codes_of_full: CodeRounds
) -> tuple[Figures, Figures]:
    empty, full = Figures(), Figures()
    turns = [(codes_of_empty, empty), (codes_of_full, full)]
    for number in range(_WARM_UP_ROUNDS + rounds):
        for codes, figures in turns:
            await codes.delivering(Figures() if number < _WARM_UP_ROUNDS else figures)
        turns.reverse()
    return empty, full


def _report(name: str, engine: str, messages: int, empty: Figures, full: Figures, memory: float) -> Report:
    return Report(
        f"{name}-{messages // 1_000_000}m" if messages != MESSAGES else name,
        f"An empty store against one with {messages:,} messages: {engine}",
        (
            Table("Empty, delivery counted into GENCODE", empty.codes()),
            Table(f"{messages:,} stored messages, delivery counted into GENCODE", full.codes()),
        ),
        (*_growth(empty.codes(), full.codes()), resident(f"{messages:,} messages", memory)),
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
        if before.database_cpu_per_1000:
            cpu = after.database_cpu_per_1000 / before.database_cpu_per_1000
            goals.append(Goal(f"CPU of PostgreSQL for {before.name}, full : empty", cpu, _LIMIT))
        goals.append(Goal(f"p99 of {before.name}, full : empty", after.p99_ms / before.p99_ms, _LIMIT))
    return [msgspec.structs.replace(goal, value=round(goal.value, 3)) for goal in goals]
