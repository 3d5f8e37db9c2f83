"""A demo server that kills itself at a numbered point of docs/delivery-path.md.

python -m onema.testing.crash_points --data DIR --port N --crash-at POINT
"""

import argparse
import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, cast

from onema.channels.contract import Carrier, Outgoing, Share
from onema.domain.delivery.outcome import Outcome
from onema.domain.delivery.payload import Payload
from onema.domain.records import (
    Attempt,
    AttemptState,
    CarrierReference,
    Event,
    Key,
    LiveVerification,
    Message,
    Row,
)
from onema.settings import load_settings
from onema.storage.contract import NEWEST, Storage
from onema.wiring.demo import prepare
from onema.wiring.server import App

Batch = Callable[[Mapping[Key, Row | None], Sequence[Row]], bool]


def _sends(written: Mapping[Key, Row | None], inserted: Sequence[Row]) -> bool:
    return any(isinstance(row, Message) for row in inserted)


def _starts(written: Mapping[Key, Row | None], inserted: Sequence[Row]) -> bool:
    """An attempt that starts later than its message was accepted."""
    started = any(isinstance(row, Attempt) and row.state == AttemptState.STARTED for row in inserted)
    return started and not _sends(written, inserted)


def _records_a_receipt(written: Mapping[Key, Row | None], inserted: Sequence[Row]) -> bool:
    early = any(isinstance(row, CarrierReference) and not row.message for row in written.values())
    return early or any(isinstance(row, Event) and row.kind.startswith("receipt") for row in inserted)


def _records_an_outcome(written: Mapping[Key, Row | None], inserted: Sequence[Row]) -> bool:
    return any(isinstance(row, Attempt) for row in written.values())


def _checks(written: Mapping[Key, Row | None], inserted: Sequence[Row]) -> bool:
    return any(key[0] is LiveVerification for key in written) and not _sends(written, inserted)


def _goes_on(written: Mapping[Key, Row | None], inserted: Sequence[Row]) -> bool:
    """A code goes out once more, by the next channel of its plan."""
    return any(isinstance(row, Message) and row.verification not in (0, row.id) for row in inserted)


BEFORE: dict[str, Batch] = {
    "before-send-commit": _sends,
    "before-next-channel-commit": _goes_on,
    "before-start-commit": _starts,
    "before-receipt-commit": _records_a_receipt,
    "before-check-commit": _checks,
}
AFTER: dict[str, Batch] = {
    "after-send-commit": _sends,
    "after-next-channel-commit": _goes_on,
    "after-outcome-commit": _records_an_outcome,
    "after-check-commit": _checks,
}
CARRIER = ("before-carrier", "after-carrier")
POINTS = (*BEFORE, *AFTER, *CARRIER)


def die() -> NoReturn:
    """As kill -9 does: no cleaning up, no flushing."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a killed process does not get here")


class DyingStorage:
    """Dies before or after the commit of a certain batch. `has_sent` is set by the commit of a message."""

    def __init__(self, inner: Storage, point: str, has_sent: asyncio.Event) -> None:
        self._inner = inner
        self._before = BEFORE.get(point)
        self._after = AFTER.get(point)
        self._has_sent = has_sent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def commit(
        self, batch: int, written: Mapping[Key, Row | None], inserted: Sequence[Row], known: int = NEWEST
    ) -> None:
        if self._before is not None and self._before(written, inserted):
            die()
        await self._inner.commit(batch, written, inserted, known)
        if _sends(written, inserted):
            self._has_sent.set()
        if self._after is not None and self._after(written, inserted):
            die()


class DyingCarrier:
    """Dies before or after the carrier takes a message. Its leases are short, so that a test need not wait. Where a
    crash needs an attempt that starts later than its message was accepted, it is not ready before `has_sent`.
    """

    def __init__(self, inner: Carrier, point: str, has_sent: asyncio.Event) -> None:
        self._inner = inner
        self._point = point
        self._has_sent = has_sent
        self.name = inner.name
        self.idempotent = inner.idempotent

    @property
    def ready(self) -> bool:
        if self._point == "before-start-commit" and not self._has_sent.is_set():
            return False
        return self._inner.ready

    @property
    def problem(self) -> str:
        return self._inner.problem

    async def start(self, on_news: Callable[[], None]) -> None:
        await self._inner.start(on_news)

    def answer_seconds(self, payload: Payload) -> float:
        return 0.1

    def allow(self, share: Share) -> int:
        return self._inner.allow(share)

    async def send(self, outgoing: Outgoing) -> Outcome:
        if self._point == "before-carrier":
            die()
        outcome = await self._inner.send(outgoing)
        if self._point == "after-carrier":
            die()
        return outcome

    async def stop(self) -> None:
        await self._inner.stop()


async def _serve(data: Path, port: int, point: str) -> None:
    overrides: dict[str, object] = {
        "data": data,
        "listen.port": port,
        "handset.open_on_loopback": True,
        "delivery.lease": 0.3,
    }
    settings = load_settings(None, {}, overrides)
    await prepare(settings)
    has_sent = asyncio.Event()
    app = App(
        settings,
        storage=lambda storage: cast(Storage, DyingStorage(storage, point, has_sent)),
        carrier=lambda carrier: DyingCarrier(carrier, point, has_sent),
    )
    async with app:
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--crash-at", choices=[*POINTS, "never"], required=True)
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.data, arguments.port, arguments.crash_at))


if __name__ == "__main__":
    main()
