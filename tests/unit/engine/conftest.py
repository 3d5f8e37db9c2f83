from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from onema.domain.keyring import Keyring
from onema.engine.committer import Committer
from onema.engine.ports import IdSource
from onema.storage.contract import Storage
from onema.telemetry.metrics import Metrics
from onema.testing.fake_clock import FakeClock

StartCommitter = Callable[[Storage], Awaitable[Committer]]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def start_committer(clock: FakeClock) -> AsyncIterator[StartCommitter]:
    """Starts committers over any store and stops them in the end."""
    started: list[Committer] = []

    async def start(storage: Storage) -> Committer:
        committer = Committer(
            storage,
            Keyring(b"k" * 32),
            clock,
            IdSource(clock, 1),
            batch_limit=512,
            lease_ms=30_000,
            observer=Metrics(),
        )
        await committer.start()
        started.append(committer)
        return committer

    yield start
    for committer in started:
        await committer.stop()
