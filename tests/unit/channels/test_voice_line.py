"""The line between an App process and its SIP engine."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from onema.channels.voice_sip import line as l
from onema.domain.delivery.call import CallState

CALL = l.PlaceCall(
    call=7,
    trunk="viettel",
    invite=l.Invite(request_uri="sip:84901888484@127.0.0.1", from_="<sip:1900@a>", to="<sip:84901888484@a>"),
    clips=(4, 8, 2, 9, 1, 3),
    max_seconds=60.0,
)


class Ends:
    """Both ends, and what each heard."""

    def __init__(self) -> None:
        self.heard: list[object] = []
        self.news = asyncio.Event()

    def hears(self, message: object) -> None:
        self.heard.append(message)
        self.news.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.heard) < count:
                self.news.clear()
                await self.news.wait()


async def pair() -> tuple[l.Line, l.Line, asyncio.StreamWriter]:
    """The App's end, the engine's, and the socket under the App's."""
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    return l.to_engine(reader, writer), l.to_app(*await asyncio.open_unix_connection(sock=theirs)), writer


@pytest.fixture
async def ends() -> AsyncIterator[tuple[l.Line, l.Line, asyncio.StreamWriter]]:
    app, engine, writer = await pair()
    yield app, engine, writer
    app.close()
    engine.close()


async def test_orders_and_news_arrive_in_order(ends: tuple[l.Line, l.Line, asyncio.StreamWriter]) -> None:
    """As they were said, in both directions."""
    app, engine, _ = ends
    at_engine, at_app = Ends(), Ends()
    running = [asyncio.create_task(engine.run(at_engine.hears)), asyncio.create_task(app.run(at_app.hears))]
    orders: list[l.Order] = [
        l.OpenTrunk(l.Trunk(name="viettel", places=(("127.0.0.1", 5060),), password="hidden")),
        l.LearnClip(4, bytes(160)),
        CALL,
        l.HangUp(7),
    ]
    news: list[l.News] = [
        l.TrunkTold(name="viettel", ready=True),
        l.CallMoved(call=7, state=CallState.RINGING, at=5),
        l.CallEnded(call=7, how=l.How.REFUSED, status=486, reasons=(l.Reason("q.850", 17, "User busy"),)),
    ]
    for order in orders:
        app.tell(order)
    for one in news:
        engine.tell(one)
    await at_engine.until(len(orders))
    await at_app.until(len(news))
    assert at_engine.heard == orders
    assert at_app.heard == news
    app.close()
    await asyncio.gather(*running)


async def test_an_end_hears_when_the_other_is_gone(ends: tuple[l.Line, l.Line, asyncio.StreamWriter]) -> None:
    """`run` returns, and nothing can be said any more."""
    app, engine, _ = ends
    app.close()
    async with asyncio.timeout(5):
        await engine.run(lambda message: None)
    with pytest.raises(l.LineClosed):
        engine.tell(l.TrunkTold(name="viettel", ready=False))


@pytest.mark.parametrize("octets", [b"\xff\xff\xff\xff", b"\0\0\0\1\xc1", b"\0\0\0\4"])
async def test_what_is_no_message_ends_the_line(
    ends: tuple[l.Line, l.Line, asyncio.StreamWriter], octets: bytes
) -> None:
    """One too long, one that is no MessagePack, one cut short."""
    _, engine, writer = ends
    writer.write(octets)
    writer.write_eof()
    heard = Ends()
    async with asyncio.timeout(5):
        await engine.run(heard.hears)
    assert heard.heard == []


async def test_who_does_not_read_is_given_up(ends: tuple[l.Line, l.Line, asyncio.StreamWriter]) -> None:
    """So that what waits for it is bounded."""
    app, _, _ = ends
    clip = l.LearnClip(1, bytes(3 * 1024 * 1024))

    def tell_on() -> None:
        for _ in range(2 * l.LONGEST_BACKLOG // len(clip.pcmu)):
            app.tell(clip)

    with pytest.raises(l.LineClosed):
        tell_on()


def test_nothing_secret_is_in_a_repr() -> None:
    """A message may get into a traceback: the clips in their order are the code."""
    shown = (
        f"{CALL!r}{CALL.invite!r}{l.LearnClip(1, b'abc')!r}{l.Trunk(name='v', places=(), password='pw')!r}"
    )
    assert "84901888484" not in shown
    assert "4, 8" not in shown
    assert "pw" not in shown
