"""Who is told how commands come through their batch."""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from onema.domain.decision import Command
from onema.engine.batch import Pending


class BatchWatch(Protocol):
    """Told of each command and of each batch, at once (traces). It must not raise or wait.

    A batch that lost against another writer is decided again, and one whose data the store refused begins again in
    halves: then it is told of again, too.
    """

    def waits(self, command: Command, future: asyncio.Future[Any]) -> None:
        """It came to wait for its batch, in the context of whoever asked; `future` gets its result."""

    def begun(self, batch: Sequence[Pending]) -> None: ...

    def decided(self, batch: Sequence[Pending]) -> None: ...

    def committed(self, batch: Sequence[Pending]) -> None:
        """It is durable. Nobody has got its jobs yet, and no caller an answer."""


class Unwatched:
    """Looks away."""

    def waits(self, command: Command, future: asyncio.Future[Any]) -> None:
        return None

    def begun(self, batch: Sequence[Pending]) -> None:
        return None

    def decided(self, batch: Sequence[Pending]) -> None:
        return None

    def committed(self, batch: Sequence[Pending]) -> None:
        return None
