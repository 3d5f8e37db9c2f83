import asyncio
import contextlib

import msgspec

from onema.console.handset.events import MOST_STREAMS

from .desk import Desk, MemoryInbox, OneCall


async def test_a_new_browser_gets_what_is_there_then_what_comes() -> None:
    """Oldest first, a mark, then live; the event's id is the message's."""
    desk = Desk(inbox=MemoryInbox())
    first, second = desk.sms(text="first"), desk.sms(text="second")
    async with desk.events() as stream:
        events = [await stream.next() for _ in range(3)]
        assert [event["event"] for event in events] == ["message", "message", "caught-up"]
        assert [event["id"] for event in events[:2]] == [str(first), str(second)]
        third = desk.sms(text="third\n\nevent: fake")
        message = await stream.next_message()
        assert message["text"] == "third\n\nevent: fake"
        assert message["event_id"] == message["id"] == str(third)


async def test_a_browser_that_comes_back_gets_what_it_missed() -> None:
    """From ten minutes before the last message that it saw, because slow messages have old ids."""
    desk = Desk(inbox=MemoryInbox())
    desk.sms(text="long ago", age_ms=3_600_000)
    seen = desk.sms(text="seen")
    desk.clock.advance(1)
    desk.sms(text="missed")
    desk.sms(text="slow", age_ms=300_000)
    async with desk.events(last_event_id=str(seen)) as stream:
        texts = [(await stream.next_message())["text"] for _ in range(3)]
        assert texts == ["slow", "seen", "missed"]
        assert (await stream.next())["event"] == "caught-up"


async def test_a_last_event_id_that_is_no_id_is_ignored() -> None:
    """Whatever a client sends, it gets the newest messages."""
    desk = Desk(inbox=MemoryInbox())
    desk.sms()
    for last in ("", "x", "²", "-1", "9" * 5_000):
        async with desk.events(last_event_id=last) as stream:
            assert (await stream.next())["event"] == "message"


async def test_a_message_that_was_overtaken_is_told_once() -> None:
    """An older id that arrives later is news; what was sent is not sent again."""
    desk = Desk(inbox=MemoryInbox())
    async with desk.events() as stream:
        desk.sms(text="young")
        assert (await stream.next_message())["text"] == "young"
        desk.sms(text="slow", age_ms=10_000)
        assert (await stream.next_message())["text"] == "slow"
        desk.sms(text="younger")
        assert (await stream.next_message())["text"] == "younger"


async def test_many_browsers_cost_one_reading() -> None:
    """The inbox is read once for all of them, and no more when the last has gone."""
    inbox = MemoryInbox()
    desk = Desk(inbox=inbox)
    async with contextlib.AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(desk.events()) for _ in range(20)]
        for stream in streams:
            assert (await stream.next())["event"] == "caught-up"
        desk.sms(text="for all")
        before = inbox.reads
        for stream in streams:
            assert (await stream.next_message())["text"] == "for all"
        assert inbox.reads - before <= 2
    async with desk.events() as stream:
        assert (await stream.next_message())["text"] == "for all"


async def test_a_stream_more_than_is_allowed_is_told_to_come_later() -> None:
    """And has its place as soon as another one leaves."""
    desk = Desk(inbox=MemoryInbox())
    async with contextlib.AsyncExitStack() as others:
        async with desk.events() as leaving:
            for _ in range(MOST_STREAMS - 1):
                await others.enter_async_context(desk.events())
            assert (await leaving.next())["event"] == "caught-up"
            refused = await desk.get("/handset/events")
            assert (refused.status, refused.headers["retry-after"]) == (503, "5")
        async with desk.events() as stream:
            assert (await stream.next())["event"] == "caught-up"


async def test_streams_end_when_the_store_goes_away_and_begin_again_when_it_is_back() -> None:
    """The browser asks again by itself."""
    inbox = MemoryInbox()
    desk = Desk(inbox=inbox)
    async with desk.events() as stream:
        await stream.next()
        inbox.away = True
        await asyncio.wait_for(stream.ended.wait(), 5)
    async with desk.events() as stream:
        await asyncio.wait_for(stream.ended.wait(), 5)
    inbox.away = False
    desk.sms(text="back")
    async with desk.events() as stream:
        assert (await stream.next_message())["text"] == "back"


async def test_the_stream_ends_when_the_server_stops() -> None:
    """A stop does not wait for browsers."""
    desk = Desk(inbox=MemoryInbox())
    async with desk.events() as stream:
        await stream.next()
        desk.stopping.set()
        await asyncio.wait_for(stream.ended.wait(), 5)


async def test_the_stream_ends_with_the_session() -> None:
    """A browser that stays open does not stay logged in."""
    desk = Desk(inbox=MemoryInbox(), open_on_loopback=False)
    await desk.log_in()
    async with desk.events() as stream:
        await stream.next()
        desk.directory.know()
        await asyncio.wait_for(stream.ended.wait(), 5)


async def test_a_quiet_stream_is_kept_alive() -> None:
    """Comments that every proxy counts as traffic."""
    desk = Desk(inbox=MemoryInbox())
    async with desk.events() as stream:
        await stream.next()
        for _ in range(2):
            await stream.next_heartbeat()


async def test_a_call_that_rings_is_told_to_every_browser() -> None:
    """Also to one that comes while it rings."""
    desk = Desk(inbox=MemoryInbox(), calls=OneCall(7))
    for _ in range(2):
        async with desk.events() as stream:
            event = await stream.next()
            assert event["event"] == "call"
            assert msgspec.json.decode(event["data"]) == {
                "id": "7",
                "to": "+84901888484",
                "from": "19001234",
                "state": "ringing",
                "talked_ms": 0,
                "digits": "",
                "ending": "",
                "audio_url": None,
            }
