import logging
from typing import cast

import pytest

from onema.engine.clock_check import ClockCheck
from onema.storage.contract import Storage
from onema.testing.fake_clock import FakeClock
from onema.testing.memory_storage import MemoryStorage


class DatabaseWithClock(MemoryStorage):
    """A store on another machine, whose clock a test sets."""

    def __init__(self, time: int) -> None:
        super().__init__()
        self.time = time

    async def clock(self) -> int:
        return self.time


@pytest.mark.parametrize(
    ("ahead_ms", "warned"), [(0, False), (1_900, False), (3_000, True), (-3_600_000, True)]
)
async def test_a_clock_that_differs_is_told_and_warned_about(
    clock: FakeClock, caplog: pytest.LogCaptureFixture, ahead_ms: int, warned: bool
) -> None:
    """Two seconds are tolerated by limits and leases; more makes codes end at the wrong time."""
    told: list[float] = []
    check = ClockCheck(cast(Storage, DatabaseWithClock(clock.now() - ahead_ms)), clock, told.append)
    with caplog.at_level(logging.WARNING):
        await check.start()
    await check.stop()
    assert told == [ahead_ms / 1000]
    assert bool(caplog.records) is warned


async def test_a_store_on_this_machine_has_no_clock_to_compare(clock: FakeClock) -> None:
    """Nothing runs then."""
    told: list[float] = []
    check = ClockCheck(MemoryStorage(), clock, told.append)
    assert not await check.check()
    assert told == []
