"""A loop is started and stopped by whoever has work that comes again."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from onema.engine import loops
from onema.engine.loops import Loop

LONG_SECONDS = 3_600.0


class Work:
    """Counts its rounds, and does in each what the test says."""

    def __init__(self) -> None:
        self.rounds: asyncio.Queue[int] = asyncio.Queue()
        self.done = 0
        self.has_more = False
        self.error: Exception | None = None
        self.ended = asyncio.Event()
        self.hold: asyncio.Event | None = None

        self.loop: Loop | None = None

    async def round(self) -> None:
        self.done += 1
        self.rounds.put_nowait(self.done)
        if self.hold is not None:
            try:
                await self.hold.wait()
            finally:
                self.ended.set()
        if self.error is not None:
            raise self.error
        if self.has_more and self.loop is not None:
            self.loop.wake()


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
async def loop(work: Work) -> AsyncIterator[Loop]:
    loop = Loop("work", work.round, every_seconds=LONG_SECONDS, expected=LookupError)
    yield loop
    await loop.stop()


async def idle() -> None:
    """Let everything come as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_started_twice_it_runs_once(work: Work, loop: Loop) -> None:
    """Two tasks would do everything twice."""
    loop.start()
    loop.start()
    await idle()
    assert work.done == 1


async def test_stopped_before_it_was_started_it_stays_usable(work: Work, loop: Loop) -> None:
    """Whoever cleans up need not know how far the start had come."""
    await loop.stop()
    loop.start()
    assert await work.rounds.get() == 1


async def test_stopping_waits_for_the_round_under_way(work: Work, loop: Loop) -> None:
    """What the round uses may be closed afterwards."""
    work.hold = asyncio.Event()
    loop.start()
    await work.rounds.get()
    await loop.stop()
    assert work.ended.is_set()


async def test_two_may_stop_it_at_once(work: Work, loop: Loop) -> None:
    """Both return when it has ended, and so does a third who comes later."""
    loop.start()
    await work.rounds.get()
    await asyncio.gather(loop.stop(), loop.stop())
    await loop.stop()
    loop.wake()
    await idle()
    assert work.done == 1


async def test_stopped_it_may_be_started_again(work: Work, loop: Loop) -> None:
    """A part that was switched off comes back."""
    loop.start()
    await work.rounds.get()
    await loop.stop()
    loop.start()
    assert await work.rounds.get() == 2


async def test_who_is_cancelled_while_stopping_it_hears_so(work: Work, loop: Loop) -> None:
    """The cancellation of the loop's own task hides no other."""
    held = asyncio.Event()

    async def slow_to_end() -> None:
        try:
            work.rounds.put_nowait(1)
            await asyncio.Event().wait()
        finally:
            await held.wait()

    slow = Loop("slow", slow_to_end)
    slow.start()
    await work.rounds.get()
    stopping = asyncio.ensure_future(slow.stop())
    await idle()
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    held.set()
    await slow.stop()


async def test_a_round_that_swallows_its_cancellation_is_the_last(work: Work) -> None:
    """Else `stop` would wait for ever."""

    async def stubborn() -> None:
        work.rounds.put_nowait(1)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return

    loop = Loop("stubborn", stubborn)
    loop.start()
    await work.rounds.get()
    async with asyncio.timeout(5):
        await loop.stop()
    assert work.rounds.empty()


async def test_a_fault_is_logged_and_does_not_end_it(
    work: Work, loop: Loop, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says where it arose and not what it said, which may quote anything."""
    work.error = ValueError("the code is 123456")
    loop.start()
    await work.rounds.get()
    await idle()
    loop.wake()
    assert await work.rounds.get() == 2
    (first, *_) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert first.__dict__["action"] == "work"
    assert "ValueError at test_loops.py" in first.__dict__["fault"]
    assert "123456" not in caplog.text + str(first.__dict__)


async def test_what_is_expected_is_not_logged(
    work: Work, loop: Loop, caplog: pytest.LogCaptureFixture
) -> None:
    """A store that is away is told by who writes to it."""
    work.error = KeyError()
    loop.start()
    await work.rounds.get()
    await idle()
    loop.wake()
    assert await work.rounds.get() == 2
    assert not caplog.records


async def test_after_a_fault_it_pauses(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop without pauses of its own would keep the processor and the log busy."""
    monkeypatch.setattr(loops, "AFTER_FAULT_SECONDS", LONG_SECONDS)
    work.error = ValueError()
    loop = Loop("work", work.round)
    loop.start()
    await idle()
    assert work.done == 1
    await loop.stop()


async def test_while_there_is_more_it_does_not_pause(work: Work, loop: Loop) -> None:
    """A backlog is worked off at once, and others have their turns."""
    work.has_more, work.loop = True, loop
    loop.start()
    assert [await work.rounds.get() for _ in range(3)] == [1, 2, 3]
    work.has_more = False
    await idle()
    assert work.done == work.rounds.qsize() + 3
    done = work.done
    await idle()
    assert work.done == done


async def test_who_wakes_it_during_a_round_is_heard(work: Work, loop: Loop) -> None:
    """The round may have looked already."""
    work.hold = asyncio.Event()
    loop.start()
    await work.rounds.get()
    loop.wake()
    work.hold.set()
    assert await work.rounds.get() == 2


async def test_it_may_pause_before_its_first_round(work: Work) -> None:
    """What is never urgent does not stand in the way of a start."""
    loop = Loop("work", work.round, every_seconds=LONG_SECONDS, pauses_first=True)
    loop.start()
    await idle()
    assert work.done == 0
    loop.wake()
    assert await work.rounds.get() == 1
    await loop.stop()
