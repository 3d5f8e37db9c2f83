from collections.abc import AsyncIterator, Awaitable
from typing import Protocol

import pytest

from onema.domain.keyring import Keyring
from onema.engine.committer import Committer
from onema.engine.ports import IdSource
from onema.storage.contract import Storage
from onema.telemetry.metrics import Metrics
from onema.testing.fake_clock import FakeClock


class StartCommitter(Protocol):
    def __call__(self, storage: Storage, patience: float = 0.0) -> Awaitable[Committer]: ...


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def start_committer(clock: FakeClock) -> AsyncIterator[StartCommitter]:
    """Starts committers over any store and stops them in the end."""
    started: list[Committer] = []

    async def start(storage: Storage, patience: float = 0.0) -> Committer:
        committer = Committer(
            storage,
            Keyring(b"k" * 32),
            clock,
            IdSource(clock, 1),
            batch_limit=512,
            lease_ms=30_000,
            observer=Metrics(),
            patience=patience,
        )
        await committer.start()
        started.append(committer)
        return committer

    yield start
    for committer in started:
        await committer.stop()
