"""Connections to PostgreSQL: how they are set up, watched, and made anew."""

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar, cast

import asyncpg  # type: ignore[import-untyped]  # the package carries no type marker

from onema.storage.contract import Unavailable
from onema.storage.postgres.dsn import each_host
from onema.storage.postgres.errors import DRIVER_ERRORS, described, link_is_useless
from onema.storage.postgres.pipeline import CLOSE_SECONDS, HandedOver, Pipeline

CONNECT_SECONDS = 5.0
COMMAND_SECONDS = 5.0
"""For a statement of a read or a short transaction; a batch has a watchdog instead."""
UPKEEP_SECONDS = 3_600.0
"""For a statement that may have much to do, so that a link that went silent does not hold it for ever."""

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

    async def fetchval(self, query: str, *args: Any, timeout: float | None = None) -> Any: ...  # noqa: ASYNC109  # the driver's own

    async def copy_records_to_table(
        self, table_name: str, *, records: Iterable[tuple[Any, ...]], columns: Sequence[str]
    ) -> str: ...

    async def executemany(self, query: str, args: Iterable[tuple[Any, ...]]) -> None: ...

    async def copy_from_query(
        self,
        query: str,
        *,
        output: Callable[[bytes], Awaitable[None]],
        format: str,  # noqa: A002  # the driver's own
    ) -> str: ...

    async def copy_to_table(
        self,
        table_name: str,
        *,
        source: AsyncIterable[bytes],
        columns: Sequence[str],
        format: str,  # noqa: A002  # as above
    ) -> str: ...

    async def add_listener(self, channel: str, callback: Callable[..., None]) -> None: ...

    def add_termination_listener(self, callback: Callable[..., None]) -> None: ...

    def is_closed(self) -> bool: ...

    def is_in_transaction(self) -> bool: ...

    def terminate(self) -> None: ...

    async def close(self, *, timeout: float | None = None) -> None: ...  # noqa: ASYNC109  # the driver's own


C = TypeVar("C")


async def connect(dsn: str, name: str, command_seconds: float | None = None) -> Connection:
    """A connection to the host of `dsn` that may write; a statement may take `command_seconds`. Raises Unavailable."""
    return cast(Connection, await _connect(dsn, name, asyncpg.Connection, command_seconds))


async def _connect(dsn: str, name: str, kind: type[C], command_seconds: float | None) -> C:
    """All hosts are tried at once: the driver tries one after the other, and the first that is silent, because it
    lost its power or the network between, would use up the time of those after it.
    """
    try:
        hosts = each_host(dsn)
    except ValueError as error:
        raise Unavailable(f"no connection to PostgreSQL: {error}") from error
    made: list[Any] = []
    refusals: list[str] = []

    async def attempt(host: str, its_dsn: str) -> None:
        try:
            connection = await asyncpg.connect(
                its_dsn, connection_class=kind, command_timeout=command_seconds, **_options(name)
            )
        except DRIVER_ERRORS as error:
            refusals.append(f"{host}: {described(error)}" if host else described(error))
        else:
            made.append(connection)

    pending = {asyncio.ensure_future(attempt(host, its_dsn)) for host, its_dsn in hosts.items()}
    surplus = made
    try:
        while pending and not made:
            ended, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for each in ended:
                each.result()
        surplus = made[1:]
    finally:
        for each in pending:
            each.cancel()
        for connection in surplus:
            connection.terminate()
    if not made:
        raise Unavailable(f"no connection to PostgreSQL: {'; '.join(refusals)}")
    return cast(C, made[0])


def _options(name: str) -> dict[str, Any]:
    return {
        "timeout": CONNECT_SECONDS,
        # After a failover the old primary may still answer, as a standby.
        "target_session_attrs": "read-write",
        # Our statements are few and all are known; without a bound on their size, or the longest would be
        # prepared each time.
        "statement_cache_size": 500,
        "max_cacheable_statement_size": 0,
        "server_settings": {"application_name": name, **_SESSION},
    }


class Losses:
    """Connections that went lost, counted for all of a store's: what is idle meanwhile has most likely gone the same
    way, which takes as long again to find out. So it is made anew before it is used.
    """

    def __init__(self) -> None:
        self.count = 0
        """Grows with each connection that somebody finds lost."""


class Pool:
    """Up to `size` connections for reads and short transactions, made when they are needed."""

    def __init__(self, dsn: str, size: int, losses: Losses) -> None:
        self._dsn = dsn
        self._losses = losses
        self._losses_seen = 0
        """The count when the idle ones were last known to be good."""
        self._free = asyncio.Semaphore(size)
        """One for each connection that may be in use."""
        self._idle: list[Connection] = []
        """Those that nobody uses; the one that came back last is taken first."""
        self._is_closed = False
        """Set by `close`: what comes back is ended too."""

    @contextlib.asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """A connection, used by one task at a time. Raises Unavailable."""
        async with self._free:
            connection = await self._ready()
            try:
                yield connection
            except BaseException as error:
                # What is still under way in it is not waited for.
                connection.terminate()
                if isinstance(error, DRIVER_ERRORS) and link_is_useless(error):
                    self._losses.count += 1
                raise
            self._idle.append(connection)
            if self._is_closed:
                self._terminate_idle()

    async def close(self) -> None:
        """End the sessions in order; those in use, when they come back."""
        self._is_closed = True
        closing = [connection.close(timeout=CLOSE_SECONDS) for connection in self._idle]
        self._idle.clear()
        await asyncio.gather(*closing, return_exceptions=True)

    async def _ready(self) -> Connection:
        if self._losses_seen != self._losses.count:
            self._losses_seen = self._losses.count
            self._terminate_idle()
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return await connect(self._dsn, "onema", COMMAND_SECONDS)

    def _terminate_idle(self) -> None:
        while self._idle:
            self._idle.pop().terminate()


class Link:
    """One connection, used by one task at a time, that is made anew when it is found broken.

    `name` is the session's application_name; after a loss, sessions of that name that were left in the middle of
    a transaction are ended, so that their locks do not stand in the way of the next batch.
    """

    def __init__(self, dsn: str, name: str, end_lost_sessions: str, losses: Losses) -> None:
        self._dsn = dsn
        self._name = name
        self._end_lost_sessions = end_lost_sessions
        self._losses = losses
        self._losses_seen = 0
        """The count when the present connection was made."""
        self._pipeline: Pipeline | None = None
        """The present connection. A broken one stays until `ready` makes the next, which is how a loss is known."""

    async def ready(self) -> Pipeline:
        """The connection, a new one if need be. Raises Unavailable."""
        if self._pipeline is not None:
            if self._losses_seen == self._losses.count and not self._pipeline.is_closed():
                return self._pipeline
            self._pipeline.abort()
        self._losses_seen = self._losses.count
        connection = await _connect(self._dsn, self._name, HandedOver, COMMAND_SECONDS)
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
            self._losses.count += 1

    async def close(self) -> None:
        if self.pipeline is not None:
            await self.pipeline.close()


class Watchdog:
    """Cuts a link whose work takes longer than `seconds`: a network that swallows packets gives no other sign."""

    def __init__(self, link: Link, seconds: float) -> None:
        self._link = link
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None
        """Runs from `start` to `stop`."""

    def start(self) -> None:
        self.stop()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._link.drop)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
