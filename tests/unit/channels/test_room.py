"""Places for requests at once, and the pace at which they may begin."""

import asyncio

import pytest

from onema.channels.contract import Share
from onema.channels.room import NoRoom, Room
from onema.engine.ports import steady_seconds

LONG = 5.0


async def test_no_more_than_so_many_are_under_way() -> None:
    """Whoever comes later waits in order, and gets the place that is given back."""
    room, began = Room(2, steady_seconds), []
    release = asyncio.Event()

    async def one(number: int) -> None:
        async with room.place(LONG):
            began.append(number)
            await release.wait()

    tasks = [asyncio.create_task(one(number)) for number in range(4)]
    await asyncio.sleep(0)
    assert (began, room.taken, room.waiting) == ([0, 1], 2, 2)
    release.set()
    await asyncio.gather(*tasks)
    assert (began, room.taken, room.waiting) == ([0, 1, 2, 3], 0, 0)


async def test_who_waits_too_long_or_goes_away_keeps_no_place() -> None:
    """Others get it all the same."""
    room = Room(1, steady_seconds)
    async with room.place(LONG):
        with pytest.raises(NoRoom):
            async with room.place(0.01):
                pass
        gone = asyncio.create_task(_enter(room))
        await asyncio.sleep(0)
        gone.cancel()
        waits = asyncio.create_task(_enter(room))
        await asyncio.sleep(0)
    await waits
    assert (room.taken, room.waiting) == (0, 0)
    async with asyncio.timeout(LONG):
        await room.emptied(LONG)


async def test_the_pace_counts_segments() -> None:
    """One of two takes two turns; what would come too late is not begun."""
    now = 100.0
    room = Room(8, lambda: now)
    room.allow(Share(8, 1.0), 8)
    for second, size in ((100.0, 1), (101.0, 2)):
        now = second
        async with room.place(0.5, lambda size=size: size):  # type: ignore[misc]  # mypy infers no default of a lambda
            pass
    now = 102.4
    with pytest.raises(NoRoom):
        async with room.place(0.5):
            pass
    now = 103.0
    async with room.place(0.5):
        pass
    room.allow(Share(8, 0.0), 8)
    async with room.place(0.5):
        pass


async def test_a_smaller_share_lets_nobody_begin_before_places_are_given_back() -> None:
    """And says how many are in use until then."""
    room = Room(4, steady_seconds)
    async with room.place(LONG), room.place(LONG):
        assert room.allow(Share(1), 4) == 2
        waits = asyncio.create_task(_enter(room))
        await asyncio.sleep(0)
        assert room.waiting == 1
    await waits
    assert room.allow(Share(9), 4) == 0
    assert room.places == 4


async def _enter(room: Room) -> None:
    async with room.place(LONG):
        pass
