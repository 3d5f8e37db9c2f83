"""How a PostgreSQL server is set up, as far as it matters to what onema promises."""

import contextlib
from typing import Any, NamedTuple

from onema.storage.contract import Unavailable
from onema.storage.postgres.errors import DRIVER_ERRORS, described
from onema.storage.postgres.link import CONNECT_SECONDS, connect
from onema.storage.postgres.row_statements import PARTITIONED_BY
from onema.storage.statements import named_statements


class ServerState(NamedTuple):
    """In the order of the query `server_state`."""

    version: str
    encoding: str
    fsync: bool
    full_page_writes: bool
    synchronous_commit: str
    """As a session of our role on our database has it."""
    set_by: str
    """What sets synchronous_commit: `user` or `database user` the role, `database` the database, else the server."""
    synchronous_standby_names: str
    standbys: int
    connections_left: int


async def server_state(dsn: str) -> ServerState:
    """Raises Unavailable."""
    (row,) = await _ask(dsn, named_statements("postgres.sql")["server_state"])
    return ServerState(*row)


async def strays(dsn: str) -> list[str]:
    """The partitioned tables with rows that fit in no partition. Raises Unavailable."""
    looks = [
        f"SELECT '{row_type.table}' WHERE EXISTS (SELECT FROM {row_type.table}_default)"  # noqa: S608  # our own names
        for row_type in PARTITIONED_BY
    ]
    return [str(table) for (table,) in await _ask(dsn, " UNION ALL ".join(looks))]


async def _ask(dsn: str, query: str) -> list[tuple[Any, ...]]:
    connection = await connect(dsn, "onema doctor")
    try:
        return [tuple(record) for record in await connection.fetch(query)]
    except DRIVER_ERRORS as error:
        raise Unavailable(f"PostgreSQL: {described(error)}") from error
    finally:
        with contextlib.suppress(*DRIVER_ERRORS):
            await connection.close(timeout=CONNECT_SECONDS)
