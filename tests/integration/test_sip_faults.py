"""Whatever dies, is lost or is sent by strangers: every call ends truly and in time, and nobody is called twice."""

import asyncio
import contextlib
import os
import random
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable

import pytest

from onema.channels.voice_sip import line as l
from onema.channels.voice_sip.engine.call import LAST_WORD_SECONDS
from onema.channels.voice_sip.engine.orders import Engine
from onema.channels.voice_sip.line import TrunkTold
from onema.channels.voice_sip.process import SipEngine, User
from onema.domain.delivery.call import CallState
from onema.domain.delivery.outcome import Ending, OutcomeKind
from onema.protocols.sip.called import Script
from onema.protocols.sip.messages import Request, Response, parse
from onema.protocols.sip.uris import parse_sip_uri
from tests.integration.test_sip_calls import ended, said
from tests.sip import CODE, PHONE, Events, FarPhones, before_phones, call, ready, sip_carrier

RINGS, IS_CALLED = "+84901888481", "+84901888482"


async def test_an_engine_that_dies_takes_its_calls_with_it_and_is_replaced() -> None:
    """What rang is cut off, with what was talked; of what was only called nobody knows; none is placed again."""
    events, engine = Events(), SipEngine()
    async with FarPhones() as far, before_phones(far, engine, events) as carrier:
        far.scripts[RINGS] = Script(final_after=None)
        far.scripts[IS_CALLED] = Script(provisional=(), final_after=None)
        sending = [
            asyncio.create_task(carrier.send(call(number, times=40, message=index)))
            for index, number in enumerate((PHONE, RINGS, IS_CALLED))
        ]
        await events.until(lambda: CallState.ANSWERED in events.states(0))
        await events.until(lambda: CallState.RINGING in events.states(1))
        await far.until(lambda: len(far.calls) == 3 and far.calls[0].frames)
        assert engine.process_id is not None
        os.kill(engine.process_id, signal.SIGKILL)
        talked, rang, called = await asyncio.gather(*sending)
        assert ended(talked) == ended(rang) == (OutcomeKind.UNDELIVERED, Ending.CUT_OFF)
        assert ended(called) == (OutcomeKind.UNKNOWN, None)
        assert 0 < talked.seconds < 5
        assert talked.call is not None
        assert talked.call.talk_seconds == talked.seconds
        assert not carrier.ready
        await ready(carrier)
        assert ended(await carrier.send(call(message=9))) == (OutcomeKind.DELIVERED, Ending.ANSWERED)
        assert len(far.calls) == 4


@pytest.mark.full
async def test_an_engine_that_hangs_is_killed_and_replaced() -> None:
    """It says every two seconds that it lives; six times nothing are enough."""
    engine = SipEngine()
    async with FarPhones() as far, before_phones(far, engine) as carrier:
        sending = asyncio.create_task(carrier.send(call(times=100)))
        await far.until(lambda: far.calls and far.calls[0].frames)
        assert engine.process_id is not None
        os.kill(engine.process_id, signal.SIGSTOP)
        assert ended(await sending) == (OutcomeKind.UNDELIVERED, Ending.CUT_OFF)
        await ready(carrier)
        assert ended(await carrier.send(call(message=9))) == (OutcomeKind.DELIVERED, Ending.ANSWERED)


async def test_calls_go_through_a_third_of_loss() -> None:
    """In both directions: all are answered, and said to their end (timers A, E and G of RFC 3261). Of one call at most
    four messages are lost in a row, since one whose INVITE is lost seven times is not answered.
    """
    chance, in_a_row = random.Random(4), Counter[str]()

    def loses(call_id: str) -> bool:
        lost = in_a_row[call_id] < 4 and chance.random() < 0.3
        in_a_row[call_id] = in_a_row[call_id] + 1 if lost else 0
        return lost

    async with FarPhones(loses=loses) as far, before_phones(far) as carrier:
        outcomes = await asyncio.gather(*(carrier.send(call(message=number)) for number in range(20)))
        assert [ended(one) for one in outcomes] == [(OutcomeKind.DELIVERED, Ending.ANSWERED)] * 20
        assert len({one.call.invite.call_id for one in far.calls if one.call.invite}) == 20
        assert {said(one) for one in far.calls} == {f"s{CODE}"}


async def test_a_far_end_that_answers_no_bye_holds_nothing_up() -> None:
    """The call is over when we say so."""
    async with FarPhones() as far, before_phones(far) as carrier:
        far.default = Script(answers_bye=False)
        began = time.monotonic()
        assert ended(await carrier.send(call())) == (OutcomeKind.DELIVERED, Ending.ANSWERED)
        assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "answer",
    [
        b"not SDP at all",
        b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\n",
        b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 18\r\n",
        b"v=0\r\no=- 1 1 IN IP6 ::1\r\ns=-\r\nc=IN IP6 ::1\r\nt=0 0\r\nm=audio 9000 RTP/AVP 0\r\n",
    ],
)
async def test_an_answer_without_media_for_us_is_hung_up(answer: bytes) -> None:
    """No SDP, no port, another codec, another family of addresses: ACK and BYE, and the phone rings nowhere else."""
    async with FarPhones() as far, before_phones(far) as carrier:
        far.broken_sdp = answer
        assert ended(await carrier.send(call())) == (OutcomeKind.UNDELIVERED, Ending.CUT_OFF)
        await far.until(lambda: far.calls[0].ended)
        assert far.requests == ["INVITE", "ACK", "BYE"]


@pytest.mark.parametrize(
    ("script", "state", "kind", "ending"),
    [
        (
            Script(provisional=(), final_after=None),
            CallState.CALLING,
            OutcomeKind.TEMPORARY,
            Ending.CARRIER_DOWN,
        ),
        (Script(final_after=None), CallState.RINGING, OutcomeKind.UNDELIVERED, Ending.NO_ANSWER),
        (Script(), CallState.ANSWERED, OutcomeKind.DELIVERED, Ending.ANSWERED),
    ],
)
async def test_a_trunk_that_dies_meanwhile_ends_its_calls(
    script: Script, state: CallState, kind: OutcomeKind, ending: Ending
) -> None:
    """Before it rings another carrier may have the call, after that none; what is said is said to its end."""
    events = Events()
    async with FarPhones() as far, before_phones(far, events=events, ring_seconds=2) as carrier:
        far.default = script
        sending = asyncio.create_task(carrier.send(call(times=3)))
        await events.until(lambda: state in events.states() and far.calls)
        far.close()
        outcome = await sending
        assert ended(outcome) == (kind, ending)


# Strangers.

INVITE = (
    b"INVITE sip:+84901888484@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%d\r\n"
    b"Max-Forwards: 70\r\nFrom: <sip:thief@example.net>;tag=%d\r\nTo: <sip:+84901888484@127.0.0.1>\r\n"
    b"Call-ID: stranger-%d\r\nCSeq: 1 INVITE\r\nContact: <sip:thief@127.0.0.1:%d>\r\nContent-Length: 0\r\n\r\n"
)


class Stranger:
    """Somebody on another address of this machine."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.2", 0))
        self.socket.setblocking(False)
        self._to = ("127.0.0.1", port)

    def says(self, octets: bytes) -> None:
        try:
            self.socket.sendto(octets, self._to)
        except OSError:
            return

    def invites(self, number: int) -> None:
        port = self.socket.getsockname()[1]
        self.says(INVITE % (port, number, number, number, port))

    def answers(self) -> list[Request | Response]:
        found: list[Request | Response] = []
        while True:
            try:
                found.append(parse(self.socket.recv(65_535)))
            except BlockingIOError:
                return found


async def port_of(far: FarPhones) -> int:
    """Our SIP port, as the far end sees it."""
    await far.until(lambda: far.sources)
    return far.sources[0].port


async def test_no_stranger_can_call_through_us() -> None:
    """Whatever he asks is refused in one message, smaller than his; who asks whether we are here hears that."""
    async with FarPhones() as far, before_phones(far, options_seconds=60) as carrier:
        stranger = Stranger(await port_of(far))
        stranger.invites(1)
        async with asyncio.timeout(20):
            octets = await asyncio.get_running_loop().sock_recv(stranger.socket, 65_535)
        assert octets.startswith(b"SIP/2.0 403 ")
        assert len(octets) <= len(INVITE) + 40
        assert ended(await carrier.send(call())) == (OutcomeKind.DELIVERED, Ending.ANSWERED)
        assert [one.number for one in far.calls] == [PHONE]
        assert stranger.answers() == []
        stranger.socket.close()


async def test_a_flood_from_strangers_costs_a_bounded_answer() -> None:
    """A few messages of it are read and answered in a second; calls go on as if there were none."""
    async with FarPhones() as far, before_phones(far, options_seconds=60) as carrier:
        stranger = Stranger(await port_of(far))
        sending = [asyncio.create_task(carrier.send(call(message=number))) for number in range(5)]
        began = time.monotonic()
        for number in range(20_000):
            stranger.invites(number)
            if number % 200 == 0:
                await asyncio.sleep(0)
        outcomes = await asyncio.gather(*sending)
        assert [ended(one) for one in outcomes] == [(OutcomeKind.DELIVERED, Ending.ANSWERED)] * 5
        assert len(stranger.answers()) <= 51 * (time.monotonic() - began + 1)
        stranger.socket.close()


async def test_a_stranger_who_says_too_much_over_a_connection_loses_it() -> None:
    """What is read of him is bounded over TCP too."""
    async with FarPhones("tcp") as far, before_phones(far) as carrier:
        assert ended(await carrier.send(call())) == (OutcomeKind.DELIVERED, Ending.ANSWERED)
        contact = far.invites[0].contact
        assert contact is not None
        port = parse_sip_uri(contact.uri).port
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.2", 0))
        answers = asyncio.create_task(reader.read())
        with contextlib.suppress(ConnectionError):
            for number in range(20_000):
                writer.write(INVITE % (port, number, number, number, port))
                await writer.drain()
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(10):
                assert (await answers).count(b"SIP/2.0 ") < 200
        writer.close()
        assert ended(await carrier.send(call())) == (OutcomeKind.DELIVERED, Ending.ANSWERED)


async def test_octets_that_nobody_means_change_no_call() -> None:
    """Messages that were changed at random, from a stranger and from the trunk, and sound that is none."""
    chance = random.Random(1)
    async with FarPhones() as far, before_phones(far, options_seconds=60) as carrier:
        port = await port_of(far)
        stranger = Stranger(port)
        sending = asyncio.create_task(carrier.send(call(times=4)))
        await far.until(lambda: far.calls and far.calls[0].source)
        invite = far.invites[0].encode()
        to_sound = far.calls[0].source
        assert to_sound is not None
        for number in range(3_000):
            octets = bytearray(invite if number % 2 else INVITE)
            for _ in range(chance.randrange(1, 12)):
                octets[chance.randrange(len(octets))] = chance.randrange(256)
            cut = bytes(octets[: chance.randrange(1, len(octets))])
            for words in (bytes(octets), cut):
                stranger.says(words)
                far.calls[0].rtp.sendto(words, ("127.0.0.1", port))
            far.calls[0].rtp.sendto(chance.randbytes(chance.randrange(1, 200)), to_sound)
            if number % 100 == 0:
                await asyncio.sleep(0.005)
        assert ended(await sending) == (OutcomeKind.DELIVERED, Ending.ANSWERED)
        assert said(far.calls[0]) == f"s{CODE}" * 4
        assert len(far.calls) == 1
        stranger.socket.close()


async def test_a_trunk_that_is_not_there_fails_in_no_time() -> None:
    """And says why."""
    async with FarPhones() as far, before_phones(far) as carrier:
        far.close()
        began = time.monotonic()
        outcome = await carrier.send(call())
        assert ended(outcome) == (OutcomeKind.TEMPORARY, Ending.CARRIER_DOWN)
        assert "Connection refused" in outcome.detail
        assert time.monotonic() - began < 3


class Mute(SipEngine):
    """Takes calls, and never says what becomes of them."""

    def join(self, user: User) -> None:
        user.hears(TrunkTold(name="trunk", ready=True))

    def place(self, user: User, clips: object, order: object) -> int:
        return 1


async def test_a_call_of_which_nothing_is_told_is_given_up() -> None:
    """By whoever placed it: nothing waits for ever, and nobody is called again."""
    async with FarPhones() as far:
        carrier = sip_carrier(far, Mute(), clear_seconds=0.5, ring_seconds=1)
        await ready(carrier)
        outcome = await carrier.send(call(max_seconds=1))
        assert ended(outcome) == (OutcomeKind.UNKNOWN, None)
        assert carrier.figures().calls == 0
        await carrier.stop()


async def test_a_last_word_that_comes_late_ends_no_call_twice() -> None:
    """The answer to our BYE, after we stopped waiting for it."""
    news: list[l.News] = []
    some = asyncio.Event()

    def tell(one: l.News) -> None:
        news.append(one)
        some.set()

    async def until(wanted: Callable[[l.News], bool]) -> None:
        while not any(map(wanted, news)):
            some.clear()
            await some.wait()

    async with FarPhones() as far, asyncio.timeout(10):
        engine = Engine(tell)
        engine.hears(l.OpenTrunk(l.Trunk(name="t", places=(("127.0.0.1", far.port),), options_seconds=0)))
        engine.hears(l.LearnClip(1, b"\xff" * 160))
        await until(lambda one: isinstance(one, l.TrunkTold) and one.ready)
        invite = l.Invite(request_uri="sip:+84901@127.0.0.1", from_="<sip:a@a>", to="<sip:b@b>")
        engine.hears(l.PlaceCall(call=7, trunk="t", invite=invite, clips=(1,), max_seconds=9))
        await until(lambda one: isinstance(one, l.CallMoved) and one.state is CallState.ANSWERED)
        far.delay = 2 * LAST_WORD_SECONDS
        await until(lambda one: isinstance(one, l.CallEnded))
        assert "BYE" not in far.requests
        await far.until(lambda: "BYE" in far.requests)
        for _ in range(20):
            await asyncio.sleep(0)
        await engine.stop()
        assert len([one for one in news if isinstance(one, l.CallEnded)]) == 1
