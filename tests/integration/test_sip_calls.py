"""How calls over a trunk go: what is said, what is pressed, who hangs up, and where they are tried."""

import asyncio
import itertools
import time

import pytest

from onema.channels.contract import Share
from onema.channels.voice_sip.transports import Kind
from onema.domain.delivery.call import CallState
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.protocols.sip.called import Script
from onema.protocols.sip.messages import Response, parse
from onema.protocols.sip.trace import read_trace
from tests.sip import CODE, PHONE, Events, FarPhones, Heard, before_phones, call


def said(heard: Heard) -> str:
    """The letters of what was played: s for the sentence, digits for digits."""
    octets = [frame[0] for frame in heard.frames]
    letters = {5: "s", **{16 + digit: str(digit) for digit in range(10)}}
    return "".join(letters[octet] for octet, _ in itertools.groupby(octets) if octet in letters)


def ended(outcome: Outcome) -> tuple[OutcomeKind, Ending | None]:
    return outcome.kind, outcome.ending


async def test_a_message_is_said_as_often_as_it_should_be() -> None:
    """Then we hang up; the code is in no reply and in no trace."""
    async with FarPhones() as far, before_phones(far) as carrier:
        outcome = await carrier.send(call(times=2))
        assert ended(outcome) == (OutcomeKind.DELIVERED, Ending.ANSWERED)
        assert said(far.calls[0]) == f"s{CODE}" * 2
        assert outcome.call is not None
        messages = read_trace(outcome.call.trace).messages
        lines = [parse(one.octets) for one in messages]
        assert [one.status if isinstance(one, Response) else one.method for one in lines] == [
            *("INVITE", 100, 180, 200, "ACK", "BYE", 200)
        ]
        assert not any(CODE.encode() in one.octets for one in messages)


async def test_who_hangs_up_early_is_charged_for_what_was_talked() -> None:
    """From the answer to the BYE, and no packet leaves after it."""
    async with FarPhones() as far, before_phones(far) as carrier:
        far.default = Script(hangs_up_after=0.15)
        outcome = await carrier.send(call(times=20))
        assert ended(outcome) == (OutcomeKind.DELIVERED, Ending.HUNG_UP)
        assert 0.1 < outcome.seconds < 3
        assert far.requests == ["INVITE", "ACK"]


async def test_no_call_is_longer_than_it_may_be() -> None:
    """Whatever is left to say: it is a promise to who pays."""
    async with FarPhones() as far, before_phones(far) as carrier:
        outcome = await carrier.send(call(times=20, max_seconds=1))
        assert ended(outcome) == (OutcomeKind.DELIVERED, Ending.ANSWERED)
        assert 0.95 < outcome.seconds < 3
        await far.until(lambda: far.calls[0].ended)
        assert 0.95 < far.calls[0].ended_at - far.calls[0].answered_at < 3


async def test_who_does_not_answer_is_rung_for_so_long_only() -> None:
    """By CANCEL, which the far end answers with 487."""
    async with FarPhones() as far, before_phones(far, ring_seconds=1) as carrier:
        far.default = Script(final_after=None)
        outcome = await carrier.send(call())
        assert ended(outcome) == (OutcomeKind.UNDELIVERED, Ending.NO_ANSWER)
        assert outcome.call is not None
        assert outcome.call.status == 487
        assert 0.8 < outcome.call.ring_seconds < 5
        assert far.requests == ["INVITE", "CANCEL", "ACK"]


async def test_an_answer_that_crosses_the_cancel_is_hung_up() -> None:
    """ACK and BYE (RFC 3261 §9.1, §15); the person was not talked to."""
    async with FarPhones() as far, before_phones(far, ring_seconds=1) as carrier:
        far.default = Script(final_after=None, accepts_after_cancel=True)
        outcome = await carrier.send(call())
        assert ended(outcome) == (OutcomeKind.UNDELIVERED, Ending.NO_ANSWER)
        assert outcome.seconds == 0
        assert far.requests == ["INVITE", "CANCEL", "ACK", "BYE"]


async def test_key_1_says_it_again() -> None:
    """From its beginning; what was pressed is told as it happens, and in the end."""
    events = Events()
    async with FarPhones() as far, before_phones(far, events=events) as carrier:
        sending = asyncio.create_task(carrier.send(call(code="1234567890")))
        await far.until(lambda: far.calls and said(far.calls[0]).startswith("s12"))
        far.press(far.calls[0], "5")
        far.press(far.calls[0], "1")
        outcome = await sending
        assert said(far.calls[0]).count("s") == 2
        assert said(far.calls[0]).endswith("s1234567890")
        assert outcome.call is not None
        assert outcome.call.keys == "51"
        assert [event.keys for event in events.told if event.state is CallState.ANSWERED] == ["", "5", "51"]


async def test_a_code_waits_for_its_key() -> None:
    """Until then the sentence alone is said, over and over: a voicemail records no code."""
    async with FarPhones() as far, before_phones(far, start_key="1", repeat_key="") as carrier:
        sending = asyncio.create_task(carrier.send(call()))
        await far.until(lambda: far.calls and said(far.calls[0]) == "ss")
        far.press(far.calls[0], "7")
        far.press(far.calls[0], "1")
        outcome = await sending
        assert ended(outcome) == (OutcomeKind.DELIVERED, Ending.ANSWERED)
        assert said(far.calls[0]).rstrip("s").endswith(f"s{CODE}")


async def test_who_presses_nothing_hears_no_code() -> None:
    """It is taken for a voicemail, and hung up."""
    async with FarPhones() as far, before_phones(far, start_key="1", start_key_seconds=1) as carrier:
        outcome = await carrier.send(call())
        assert ended(outcome) == (OutcomeKind.UNDELIVERED, Ending.VOICEMAIL)
        assert set(said(far.calls[0])) == {"s"}
        assert 0.9 < outcome.seconds < 5


async def test_a_law_is_what_the_far_end_takes() -> None:
    """The same sound in A-law, where it is wanted first."""
    async with FarPhones() as far, before_phones(far, codecs=["PCMA"]) as carrier:
        outcome = await carrier.send(call())
        assert outcome.call is not None
        assert outcome.call.codec == "PCMA"
        kinds = {kind for _, kind, _ in far.calls[0].packets}
        assert kinds == {8}


@pytest.mark.parametrize(
    ("script", "kind", "ending"),
    [
        (Script(status=486), OutcomeKind.UNDELIVERED, Ending.BUSY),
        (Script(status=603), OutcomeKind.UNDELIVERED, Ending.DECLINED),
        (Script(provisional=(), status=404), OutcomeKind.UNDELIVERED, Ending.NOT_IN_SERVICE),
        (Script(provisional=(), status=403), OutcomeKind.TEMPORARY, Ending.BLOCKED),
        (Script(provisional=(), status=503), OutcomeKind.TEMPORARY, Ending.CARRIER_DOWN),
        (
            Script(provisional=(), status=503, headers=(("Retry-After", "5"),)),
            OutcomeKind.TEMPORARY,
            Ending.OUR_LIMIT,
        ),
        (Script(status=503), OutcomeKind.UNDELIVERED, Ending.CUT_OFF),
    ],
)
async def test_a_refusal_is_told_as_what_it_means(script: Script, kind: OutcomeKind, ending: Ending) -> None:
    """And what rang is tried nowhere else."""
    async with FarPhones() as far, before_phones(far) as carrier:
        far.default = script
        outcome = await carrier.send(call())
        assert ended(outcome) == (kind, ending)
        assert outcome.call is not None
        assert outcome.call.status == script.status


# Where a call is tried.


async def test_a_place_that_is_gone_costs_no_time() -> None:
    """ICMP says so (RFC 3261 §18.4), and the next place has the call."""
    async with FarPhones() as gone, FarPhones() as far:
        proxies = [f"127.0.0.1:{gone.port}", f"127.0.0.1:{far.port}"]
        async with before_phones(far, proxies=proxies) as carrier:
            gone.close()
            began = time.monotonic()
            outcome = await carrier.send(call())
            assert ended(outcome) == (OutcomeKind.DELIVERED, Ending.ANSWERED)
            assert time.monotonic() - began < 3
            assert len(far.calls) == 1


async def test_a_place_that_answers_503_or_nothing_is_followed_by_the_next() -> None:
    """RFC 3263 §4.3. One that answers too late hears a CANCEL: nobody is called twice."""
    async with FarPhones() as busy, FarPhones() as silent, FarPhones() as far:
        proxies = [f"127.0.0.1:{one.port}" for one in (busy, silent, far)]
        async with before_phones(far, proxies=proxies, answer_seconds=0.5) as carrier:
            busy.default = Script(provisional=(), status=503)
            silent.delay = 1.0
            silent.default = Script(final_after=None)
            outcome = await carrier.send(call())
            assert ended(outcome) == (OutcomeKind.DELIVERED, Ending.ANSWERED)
            await silent.until(lambda: silent.calls and silent.calls[0].ended)
            assert [len(one.calls) for one in (busy, silent, far)] == [1, 1, 1]
            assert silent.calls[0].ended is not None
            assert silent.calls[0].ended.status == 487


async def test_what_rang_is_called_nowhere_else() -> None:
    """Not at the next place either, whatever became of it."""
    async with FarPhones() as first, FarPhones() as second:
        proxies = [f"127.0.0.1:{one.port}" for one in (first, second)]
        async with before_phones(first, proxies=proxies) as carrier:
            first.default = Script(status=503)
            outcome = await carrier.send(call())
            assert ended(outcome) == (OutcomeKind.UNDELIVERED, Ending.CUT_OFF)
            assert second.calls == []


@pytest.mark.parametrize("kind", ["tcp"])
async def test_calls_go_over_connections_too(kind: Kind) -> None:
    """One connection for all requests of a call, in both directions."""
    async with FarPhones(kind) as far, before_phones(far) as carrier:
        outcome = await carrier.send(call())
        assert ended(outcome) == (OutcomeKind.DELIVERED, Ending.ANSWERED)
        assert said(far.calls[0]) == f"s{CODE}"
        sending = asyncio.create_task(carrier.send(call(times=20)))
        await far.until(lambda: len(far.calls) == 2 and far.calls[1].frames)
        far.hang_up(far.calls[1])
        assert ended(await sending) == (OutcomeKind.DELIVERED, Ending.HUNG_UP)


# Shares and stops.


async def test_no_more_calls_are_up_than_the_share_says() -> None:
    """The others wait for a place, and say in the end that there was none."""
    async with FarPhones() as far, before_phones(far) as carrier:
        carrier.allow(Share(2))
        sending = [asyncio.create_task(carrier.send(call(message=number))) for number in range(4)]
        await far.until(lambda: len(far.calls) == 2)
        assert carrier.figures().calls == 2
        assert carrier.figures().waiting == 2
        outcomes = await asyncio.gather(*sending)
        assert [ended(one) for one in outcomes] == [(OutcomeKind.DELIVERED, Ending.ANSWERED)] * 4
        assert len(far.calls) == 4


async def test_calls_begin_at_the_pace_of_the_share() -> None:
    """Evenly."""
    async with FarPhones() as far, before_phones(far) as carrier:
        carrier.allow(Share(10, 10.0))
        began = time.monotonic()
        far.default = Script(provisional=(), status=486)
        await asyncio.gather(*(carrier.send(call(message=number)) for number in range(6)))
        assert time.monotonic() - began > 0.45


async def test_a_stop_hangs_up_what_does_not_end_by_itself() -> None:
    """In time for others to take its capacity, and what rang is told as such."""
    async with FarPhones() as far, before_phones(far, ring_seconds=60) as carrier:
        far.scripts["+84901888481"] = Script(final_after=None)
        far.scripts["+84901888482"] = Script(provisional=(), final_after=None)
        sending = [
            asyncio.create_task(carrier.send(call(number, times=40, message=index)))
            for index, number in enumerate((PHONE, "+84901888481", "+84901888482"))
        ]
        await far.until(lambda: len(far.calls) == 3 and far.calls[0].frames)
        began = time.monotonic()
        await carrier.stop()
        assert time.monotonic() - began < 15
        talked, rang, called = await asyncio.gather(*sending)
        assert (ended(talked), ended(rang)) == ((OutcomeKind.UNDELIVERED, Ending.CUT_OFF),) * 2
        assert talked.seconds > 0.5
        assert ended(called)[0] is OutcomeKind.TEMPORARY, "its INVITE was taken back before it rang"
        await far.until(lambda: all(one.ended for one in far.calls))


async def test_figures_tell_how_calls_went_lately() -> None:
    """The answer rate and how long phones rang."""
    async with FarPhones() as far, before_phones(far) as carrier:
        assert carrier.figures().answered is None
        await carrier.send(call())
        far.default = Script(final_after=0.3, status=486)
        await carrier.send(call())
        figures = carrier.figures()
        assert (figures.calls, figures.calls_lately, figures.answered) == (0, 2, 0.5)
        assert figures.ring_seconds is not None
        assert 0.1 < figures.ring_seconds < 3


@pytest.mark.parametrize("early", ["ignored", "played"])
async def test_early_media_is_met_with_silence_where_a_trunk_wants_it(early: str) -> None:
    """The message begins with the answer in any case: what is said before is charged to nobody, and heard by few."""
    async with FarPhones() as far, before_phones(far, early_media=early) as carrier:
        far.default = Script(provisional=((0.0, 183),), final_after=0.4)
        outcome = await carrier.send(call())
        assert ended(outcome) == (OutcomeKind.DELIVERED, Ending.ANSWERED)
        (heard,) = far.calls
        before = [payload for at, _, payload in heard.packets if at < heard.answered_at - 0.05]
        assert bool(before) is (early == "played")
        assert all(set(payload) <= {0xFF} for payload in before)
        assert said(heard) == f"s{CODE}"


async def test_a_far_end_that_holds_the_call_hears_nothing_meanwhile() -> None:
    """And then the rest, in its new place."""
    async with FarPhones() as far, before_phones(far) as carrier:
        sending = asyncio.create_task(carrier.send(call(times=3)))
        await far.until(lambda: far.calls and said(far.calls[0]).startswith(f"s{CODE}s"))
        (heard,) = far.calls
        far.hold(heard, held=True)
        # It waits for as long as another call takes.
        other = await carrier.send(call(message=8))
        far.hold(heard, held=False)
        assert ended(await sending) == (OutcomeKind.DELIVERED, Ending.ANSWERED)
        assert said(heard) == f"s{CODE}" * 3
        times = [at for at, _, _ in heard.packets]
        assert max(later - at for at, later in itertools.pairwise(times)) > other.seconds - 0.1
