"""Connections to PostgreSQL: how they are set up, watched, and made anew."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar, cast

import asyncpg  # type: ignore[import-untyped]  # the package carries no type marker

from onema.storage.contract import Unavailable
from onema.storage.postgres.errors import DRIVER_ERRORS
from onema.storage.postgres.pipeline import HandedOver, Pipeline

CONNECT_SECONDS = 5.0
COMMAND_SECONDS = 30.0
"""For reads and short transactions; a batch has a watchdog instead."""

# Every statement of ours finds rows by key. A plan that was made while a table was empty would scan it, and be
# kept; these settings leave the planner only nested loops over indexes, whatever it believes about sizes.
_PLANS = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}
_SESSION = {
    **_PLANS,
    # A batch holds locks between its statements: when our end is gone, the server must let go of them.
    "idle_in_transaction_session_timeout": "10s",
    "lock_timeout": "8s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}


class Connection(Protocol):
    """What we use of a driver connection."""

    async def execute(self, query: str, *args: Any) -> str: ...

    async def fetch(self, query: str, *args: Any) -> list[tuple[Any, ...]]: ...

    async def fetchval(self, query: str, *args: Any) -> Any: ...

    async def copy_records_to_table(
        self, table_name: str, *, records: Iterable[tuple[Any, ...]], columns: Sequence[str]
    ) -> str: ...

    async def add_listener(self, channel: str, callback: Callable[..., None]) -> None: ...

    def add_termination_listener(self, callback: Callable[..., None]) -> None: ...

    def is_closed(self) -> bool: ...

    def is_in_transaction(self) -> bool: ...

    def terminate(self) -> None: ...

    async def close(self, *, timeout: float | None = None) -> None: ...  # noqa: ASYNC109  # the driver's own


class Pool(Protocol):
    """What we use of a driver's pool."""

    def acquire(self) -> AbstractAsyncContextManager[Connection]: ...

    async def close(self) -> None: ...

    def terminate(self) -> None: ...


def _options(name: str) -> dict[str, Any]:
    return {
        "timeout": CONNECT_SECONDS,
        "target_session_attrs": "read-write",
        "statement_cache_size": 500,
        "max_cacheable_statement_size": 0,
        "server_settings": {"application_name": name, **_SESSION},
    }


C = TypeVar("C")


async def connect(dsn: str, name: str) -> Connection:
    """A connection to the host of `dsn` that may write. Raises Unavailable."""
    return cast(Connection, await _connect(dsn, name, asyncpg.Connection))


async def _connect(dsn: str, name: str, kind: type[C]) -> C:
    try:
        return cast(C, await asyncpg.connect(dsn, connection_class=kind, **_options(name)))
    except DRIVER_ERRORS as error:
        raise Unavailable(f"no connection to PostgreSQL: {error or type(error).__name__}") from error


async def open_pool(dsn: str, size: int) -> Pool:
    """Up to `size` connections for reads and short transactions, made when they are needed."""
    pool = asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=size,
        reset=_nothing_to_reset,
        command_timeout=COMMAND_SECONDS,
        **_options("onema"),
    )
    return cast(Pool, await pool)


async def _nothing_to_reset(_connection: object) -> None:
    """Our statements leave no session state behind; the driver's own reset would drop our settings."""


class Link:
    """One connection, used by one task at a time, that is made anew when it is found broken.

    `name` is the session's application_name; after a loss, sessions of that name that were left in the middle of
    a transaction are ended, so that their locks do not stand in the way of the next batch.
    """

    def __init__(self, dsn: str, name: str, end_lost_sessions: str) -> None:
        self._dsn = dsn
        self._name = name
        self._end_lost_sessions = end_lost_sessions
        self._pipeline: Pipeline | None = None

    async def ready(self) -> Pipeline:
        """The connection, a new one if need be. Raises Unavailable."""
        if self._pipeline is not None and not self._pipeline.is_closed():
            return self._pipeline
        connection = await _connect(self._dsn, self._name, HandedOver)
        if self._pipeline is not None:
            with contextlib.suppress(*DRIVER_ERRORS):
                await connection.fetch(self._end_lost_sessions, self._name)
        self._pipeline = Pipeline(connection)
        return self._pipeline

    @property
    def pipeline(self) -> Pipeline | None:
        """The present connection, if it is open."""
        if self._pipeline is None or self._pipeline.is_closed():
            return None
        return self._pipeline

    def drop(self) -> None:
        """Cut the connection without asking the server to cancel anything: a cancelled COMMIT can pretend success."""
        if self._pipeline is not None:
            self._pipeline.abort()

    async def close(self) -> None:
        if self.pipeline is not None:
            await self.pipeline.close()


class Watchdog:
    """Cuts a link whose work takes longer than `seconds`: a network that swallows packets gives no other sign."""

    def __init__(self, link: Link, seconds: float) -> None:
        self._link = link
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self.stop()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._link.drop)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
