"""Codes on two servers with one PostgreSQL, against one server with SQLite, in alternating rounds."""

from contextlib import AsyncExitStack, ExitStack

from bench.codes import code_rounds
from bench.http import PAUSED
from bench.measured import Figures, Row
from bench.nodes import NODES, Deployment, node_rounds
from bench.report import Goal, Report, Table
from bench.server import fresh_folder, running_server
from onema.testing.cluster import read_postgres_settings
from onema.testing.postgres_server import running_server as running_database

_WARM_UP_ROUNDS = 2


def recommended_settings() -> dict[str, str]:
    """deploy/postgres/onema.conf, without a standby, and with the memory that it recommends for 4 GB."""
    return {**read_postgres_settings(), "synchronous_standby_names": "", "shared_buffers": "1GB"}


async def measure(rounds: int) -> Report:
    """`rounds` of each kind on both engines, first with delivery paused, then delivering."""
    figures = {name: Figures() for name in ("sqlite paused", "postgres paused", "sqlite", "postgres")}
    with ExitStack() as outside:
        data = outside.enter_context(fresh_folder())
        database = outside.enter_context(running_database(recommended_settings()))
        for end, environment in ((" paused", PAUSED), ("", {})):
            async with AsyncExitStack() as stack:
                one = await stack.enter_async_context(running_server(data / f"sqlite{end}", environment))
                on_sqlite = await stack.enter_async_context(code_rounds(one))
                _, on_postgres = await stack.enter_async_context(
                    node_rounds(Deployment(data, database, f"bench{end}"), environment)
                )
                turns = [("sqlite", on_sqlite), ("postgres", on_postgres)]
                for number in range(_WARM_UP_ROUNDS + rounds):
                    for name, codes in turns:
                        kept = Figures() if number < _WARM_UP_ROUNDS else figures[name + end]
                        await (codes.paused(kept) if end else codes.delivering(kept))
                    turns.reverse()
    rows = {name: each.codes() for name, each in figures.items()}
    return Report(
        "postgres",
        f"{NODES} processes on PostgreSQL against one on SQLite",
        (
            Table("SQLite, delivery paused; every check is wrong", rows["sqlite paused"]),
            Table(
                f"PostgreSQL, {NODES} processes, delivery paused; every check is wrong",
                rows["postgres paused"],
            ),
            Table("SQLite, delivery to the handset counted in; every check is right", rows["sqlite"]),
            Table(
                f"PostgreSQL, {NODES} processes, delivery counted in; every check is right", rows["postgres"]
            ),
        ),
        (
            Goal(
                "CPU of onema for a code sent and checked, PostgreSQL : SQLite, delivery paused",
                _code(rows["postgres paused"]) / _code(rows["sqlite paused"]),
                1.3,
            ),
            Goal(
                "CPU of PostgreSQL per 1,000 codes sent and checked, delivery paused",
                sum(row.database_cpu_per_1000 for row in rows["postgres paused"][1:]),
                0.06,
                " s",
            ),
        ),
    )


def _code(rows: tuple[Row, ...]) -> float:
    """CPU of a GENCODE and a CHECKCODE."""
    return sum(row.cpu_per_1000 for row in rows[1:])
