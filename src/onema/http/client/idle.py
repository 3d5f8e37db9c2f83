"""Connections that wait for the next request."""

import asyncio
from collections.abc import Hashable

from onema.http.client.connection import Connection


class IdleConnections:
    """Keeps the newest `most` of them, each until it is too old; the newest is used first, so that few are kept."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_target: dict[Hashable, dict[Connection, None]] = {}
        """Of each target the newest last; none is empty."""
        self._targets: dict[Connection, Hashable] = {}
        """All of them, the oldest first."""
        self._sweep: asyncio.TimerHandle | None = None
        """While there are any."""

    def __len__(self) -> int:
        return len(self._targets)

    def take(self, target: Hashable) -> Connection | None:
        """One that may be used, and is not kept any more."""
        now = asyncio.get_running_loop().time()
        while waiting := self._by_target.get(target):
            connection = next(reversed(waiting))
            self.forget(connection)
            if connection.idle_until > now and connection.may_be_used:
                return connection
            connection.abort()
        return None

    def put(self, target: Hashable, connection: Connection) -> None:
        self._by_target.setdefault(target, {})[connection] = None
        self._targets[connection] = target
        if len(self._targets) > self._most:
            oldest = next(iter(self._targets))
            self.forget(oldest)
            oldest.abort()
        if self._sweep is None:
            self._plan()

    def forget(self, connection: Connection) -> None:
        """It is in use, or closed."""
        target = self._targets.pop(connection, None)
        if target is not None:
            waiting = self._by_target[target]
            del waiting[connection]
            if not waiting:
                del self._by_target[target]

    def close(self) -> None:
        for connection in list(self._targets):
            self.forget(connection)
            connection.abort()
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None

    def _plan(self) -> None:
        loop = asyncio.get_running_loop()
        soonest = min(connection.idle_until for connection in self._targets)
        self._sweep = loop.call_at(max(soonest, loop.time() + 0.1), self._close_old)

    def _close_old(self) -> None:
        self._sweep = None
        now = asyncio.get_running_loop().time()
        for connection in [one for one in self._targets if one.idle_until <= now]:
            self.forget(connection)
            connection.abort()
        if self._targets:
            self._plan()
