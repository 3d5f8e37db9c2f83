"""A carrier of the type `smpp` before the simulated SMSC, over real sockets."""

import asyncio
import itertools
import random
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from onema.channels.contract import Share
from onema.channels.sms_smpp import outbox
from onema.channels.sms_smpp.carrier import SmppCarrier
from onema.domain.delivery.capacity import STOP_SECONDS
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.domain.delivery.payload import CallPayload
from onema.domain.values.phone import Phone
from onema.protocols.smpp.pdus import Address, ShortMessage
from onema.protocols.smpp.times import relative
from onema.testing.smsc.script import script_of
from onema.testing.smsc.smsc import Smsc
from tests.smpp import DEADLINE_SECONDS, NOW, PHONE, Heard, before_an_smsc, smpp_carrier, sms

LONG = "Mã xác thực 482913 😀 " * 10
SILENCE = {"answer": "silence"}


async def until(condition: Any) -> None:
    """For what happens inside of the carrier, which has no event of its own."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():
            await turns(0.01)


async def turns(seconds: float) -> None:
    """Let others run."""
    await asyncio.sleep(seconds)


async def ready(carrier: SmppCarrier) -> None:
    await until(lambda: carrier.ready)


async def test_a_text_leaves_as_peers_expect_it() -> None:
    """International without '+', mode 0, receipts asked for with 1, and dropped by the SMSC when the code is dead."""
    async with before_an_smsc() as (carrier, smsc):
        outcome = await carrier.send(sms("482913 is your code", valid_until=NOW + 90_500))
        assert outcome.kind is OutcomeKind.SUBMITTED
        assert len(outcome.references) == 1
        (submit,) = smsc.submits
        assert submit == ShortMessage(
            source=Address(5, 0, b"Acme"),
            destination=Address(1, 1, b"84901888484"),
            validity_period=relative(90),
            registered_delivery=1,
            short_message=b"482913 is your code",
        )


async def test_every_field_is_a_setting() -> None:
    """For SMSCs that want something else."""
    settings: dict[str, Any] = {
        "service_type": "OTP",
        "source_ton": 0,
        "source_npi": 9,
        "destination_ton": 2,
        "destination_npi": 8,
        "esm_class": 3,
        "protocol_id": 64,
        "priority": 1,
        "registered_delivery": 0,
        "validity": "absolute",
        "default_alphabet": "latin1",
        "system_type": "ESME",
        "interface_version": "5.0",
    }
    async with before_an_smsc(**settings) as (carrier, smsc):
        await carrier.send(sms("café", valid_until=NOW + 90_000))
        expiry = datetime.fromtimestamp((NOW + 90_000) / 1_000, UTC).strftime("%y%m%d%H%M%S") + "000+"
        assert smsc.submits[-1] == ShortMessage(
            service_type=b"OTP",
            source=Address(0, 9, b"Acme"),
            destination=Address(2, 8, b"84901888484"),
            esm_class=3,
            protocol_id=64,
            priority_flag=1,
            validity_period=expiry.encode(),
            short_message="café".encode("latin-1"),
        )
        bind = smsc.bind_requests[-1]
        assert (bind.system_id, bind.password, bind.system_type) == (b"acme", b"secret", b"ESME")
        assert bind.interface_version == 0x50
    async with before_an_smsc(validity="none") as (carrier, smsc):
        await carrier.send(sms())
        assert smsc.submits[-1].validity_period == b""  # type: ignore[union-attr]  # a submit_sm


@pytest.mark.parametrize("concatenation", ["udh", "sar", "payload"])
async def test_a_long_text_arrives_whole(concatenation: str) -> None:
    """A name for each submit_sm; letters beyond the 16th bit are not cut."""
    async with before_an_smsc(concatenation=concatenation) as (carrier, smsc):
        outcome = await carrier.send(sms(LONG))
        assert [one.text for one in smsc.messages] == [LONG]
        assert (
            len(outcome.references)
            == (1 if concatenation == "payload" else outcome.parts)
            == len(smsc.submits)
        )


async def test_a_text_that_lost_a_part_is_told_truly() -> None:
    """Some parts taken, one refused: it will not be whole, and goes nowhere else."""
    script = {"receipt": "", "rules": [{"skip": 1, "times": 1, "then": {"answer": "ESME_RSYSERR"}}]}
    async with before_an_smsc(script=script) as (carrier, _):
        outcome = await carrier.send(sms(LONG))
        assert outcome.kind is OutcomeKind.UNDELIVERED
        assert outcome.reason.startswith("only ")
        assert "part 2" in outcome.detail
        assert "ESME_RSYSERR" in outcome.detail


async def test_a_text_with_a_part_that_was_not_answered_is_unknown() -> None:
    """The parts that have a name keep it."""
    script = {"receipt": "", "rules": [{"skip": 1, "times": 1, "then": SILENCE}]}
    async with before_an_smsc(script=script, answer_seconds=0.2) as (carrier, smsc):
        outcome = await carrier.send(sms(LONG))
        assert outcome.kind is OutcomeKind.UNKNOWN
        assert outcome.parts == len(smsc.submits) == len(outcome.references) + 1


async def test_a_refusal_says_what_the_smsc_said() -> None:
    """By name, number and the table's words; a vendor's own stays a number."""
    rules = [
        {"to": "*1", "then": {"answer": "ESME_RINVSRCADR"}},
        {"to": "*2", "then": {"answer": "0x412"}},
        {"to": "*3", "then": {"answer": "0x413"}},
        {"to": "*4", "then": {"answer": "nack"}},
    ]
    own = [{"status": "1043", "means": "permanent", "words": "no such template"}]
    async with before_an_smsc(script={"rules": rules}, statuses=own) as (carrier, _):
        found = [await carrier.send(sms(phone=f"+8490188848{digit}")) for digit in (1, 2, 3, 4)]
    assert [(one.kind, one.ending) for one in found] == [
        (OutcomeKind.TEMPORARY, Ending.BLOCKED),
        (OutcomeKind.TEMPORARY, None),
        (OutcomeKind.PERMANENT, None),
        (OutcomeKind.TEMPORARY, Ending.CARRIER_DOWN),
    ]
    assert [one.detail.partition(":")[0] for one in found] == [
        "ESME_RINVSRCADR (0x0000000a)",
        "0x00000412 (0x00000412)",
        "0x00000413 (0x00000413)",
        "ESME_RSYSERR (0x00000008)",
    ]
    assert found[2].detail.endswith("no such template")


async def test_an_answer_without_an_id_says_why_no_receipt_will_be_known() -> None:
    """It is taken all the same."""
    script = {"rules": [{"then": {"ids": "empty", "receipt": ""}}]}
    async with before_an_smsc(script=script) as (carrier, _):
        outcome = await carrier.send(sms())
    assert (outcome.kind, outcome.references) == (OutcomeKind.SUBMITTED, ())
    assert "no message_id" in outcome.detail


@pytest.mark.parametrize("what", ["silence", "disconnect"])
async def test_what_was_not_answered_is_unknown_and_is_not_sent_again(what: str) -> None:
    """Kannel sends it again when the link is back, which is a second SMS."""
    script = {"receipt": "", "rules": [{"times": 1, "then": {"answer": what}}]}
    async with before_an_smsc(script=script, answer_seconds=0.2) as (carrier, smsc):
        outcome = await carrier.send(sms())
        assert outcome == Outcome(
            kind=OutcomeKind.UNKNOWN, reason="no answer", detail="the submit_sm was not answered"
        )
        await ready(carrier)
        assert (await carrier.send(sms("another"))).kind is OutcomeKind.SUBMITTED
        assert len(smsc.submits) == 2


async def test_a_throttled_message_waits_at_the_head() -> None:
    """The bind rests, what was throttled goes before what came later, and nothing is lost."""
    script = {"receipt": "", "rules": [{"times": 7, "then": {"answer": "ESME_RTHROTTLED"}}]}
    async with before_an_smsc(script=script, throttle_pause=0.1, window=5) as (carrier, smsc):
        await ready(carrier)
        began = time.monotonic()
        outcomes = await asyncio.gather(*(carrier.send(sms(f"{number:03}")) for number in range(30)))
        assert {one.kind for one in outcomes} == {OutcomeKind.SUBMITTED}
        assert time.monotonic() - began >= 0.3
        texts = [one.text for one in smsc.messages]
        assert texts == sorted(texts)
        # Five at first, then one at a time until one is taken.
        assert [submit.octets for submit in smsc.submits][:8] == [
            b"000",
            b"001",
            b"002",
            b"003",
            b"004",
            *[b"000"] * 3,
        ]


async def test_a_message_that_is_throttled_for_too_long_may_go_elsewhere() -> None:
    """As our limit there, which slows routes down; its last answer is told."""
    script = {"answer": "ESME_RMSGQFUL"}
    async with before_an_smsc(script=script, throttle_pause=0.05, queue_seconds=0.5) as (carrier, smsc):
        outcome = await carrier.send(sms())
        assert (outcome.kind, outcome.ending) == (OutcomeKind.TEMPORARY, Ending.OUR_LIMIT)
        assert len(smsc.submits) > 2


async def test_no_more_are_unanswered_than_the_window() -> None:
    """Of each bind; the rest waits here, and its figures say so."""
    async with before_an_smsc(script=SILENCE, window=4, binds=2) as (carrier, smsc):
        await smsc.until(lambda: smsc.binds == 2)
        await until(lambda: carrier.figures().binds == 2)
        sending = [asyncio.create_task(carrier.send(sms())) for _ in range(20)]
        await smsc.until(lambda: len(smsc.submits) == 8)
        figures = carrier.figures()
        assert (figures.in_flight, figures.window, figures.waiting) == (8, 8, 12)
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)


async def test_a_share_sets_the_pace_in_segments() -> None:
    """All binds together; the parts of a text count each."""
    async with before_an_smsc(window=100, binds=2) as (carrier, smsc):
        carrier.allow(Share(2, per_second=50.0))
        await ready(carrier)
        began = time.monotonic()
        await asyncio.gather(*(carrier.send(sms(LONG)) for _ in range(3)))
        segments = len(smsc.submits)
        assert time.monotonic() - began >= (segments - 1) / 50.0
        assert segments >= 12


async def test_each_bind_keeps_its_own_pace() -> None:
    """Where an operator counts by bind."""
    async with before_an_smsc(binds=2, bind_per_second=4.0) as (carrier, _):
        await until(lambda: carrier.figures().binds == 2)
        began = time.monotonic()
        await asyncio.gather(*(carrier.send(sms()) for _ in range(10)))
        assert 1.0 <= time.monotonic() - began < 2.2, "all over one bind take 2.25 s"


async def test_a_share_is_a_number_of_binds() -> None:
    """More are made, fewer are unbound after their answers, and what is in use is said."""
    async with before_an_smsc() as (carrier, smsc):
        carrier.allow(Share(3))
        await smsc.until(lambda: smsc.binds == 3)
        assert carrier.allow(Share(3)) == 3
        assert carrier.allow(Share(1)) == 3
        await smsc.until(lambda: smsc.binds == 1)
        await until(lambda: carrier.allow(Share(1)) == 1)
        carrier.allow(Share(2))
        await smsc.until(lambda: smsc.binds == 2)
        await until(lambda: carrier.figures().binds == 2)


async def test_a_bind_that_is_not_wanted_waits_for_its_answers() -> None:
    """Then it is in use for so long, and nobody else may have its place."""
    script = {"receipt": "", "answer_seconds": 0.3}
    async with before_an_smsc(script=script, binds=2) as (carrier, smsc):
        await until(lambda: carrier.figures().binds == 2)
        sending = [asyncio.create_task(carrier.send(sms())) for _ in range(4)]
        await smsc.until(lambda: len(smsc.submits) == 4)
        assert carrier.allow(Share(1)) == 2
        assert {one.kind for one in await asyncio.gather(*sending)} == {OutcomeKind.SUBMITTED}
        await until(lambda: carrier.allow(Share(1)) == 1)


async def test_separate_binds_send_and_receive() -> None:
    """The second of a process receives; a transmitter alone hears no receipts."""
    heard = Heard()
    async with before_an_smsc(heard, script={}, bind="separate", binds=3) as (carrier, smsc):
        await smsc.until(lambda: smsc.binds == 3)
        outcome = await carrier.send(sms())
        await smsc.until(lambda: smsc.counts.acknowledged)
        assert [one.reference for one in heard.receipts] == list(outcome.references)
        assert carrier.figures().binds == 3
        assert carrier.figures().window == 20


async def test_a_refused_bind_keeps_its_status_for_operators() -> None:
    """And no password; it is tried again."""
    async with before_an_smsc(script={"password": "other", "receipt": ""}) as (carrier, smsc):
        await smsc.until(lambda: smsc.counts.refused_binds)
        await until(lambda: carrier.problem)
        assert not carrier.ready
        assert carrier.problem.startswith(
            f"127.0.0.1:{smsc.port}: the bind was refused: ESME_RINVPASWD (0x0000000e)"
        )
        assert "secret" not in carrier.problem
        smsc.script = script_of({"receipt": ""})
        await ready(carrier)
        assert carrier.problem == ""


async def test_a_message_waits_a_moment_for_a_bind_and_then_goes_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing left, so another carrier may take it."""
    monkeypatch.setattr(outbox, "NO_BIND_SECONDS", 0.3)
    carrier = smpp_carrier(1, Heard())
    await carrier.start(lambda: None)
    outcome = await carrier.send(sms())
    assert (outcome.kind, outcome.ending) == (OutcomeKind.TEMPORARY, Ending.CARRIER_DOWN)
    assert "127.0.0.1:1: " in carrier.problem
    await carrier.stop()
    assert (await carrier.send(sms())).ending is Ending.CARRIER_DOWN


async def test_binds_come_back() -> None:
    """After a cut, after the SMSC was away, and whoever is asked hears each change."""
    changes: list[bool] = []
    async with Smsc(script_of({"receipt": ""})) as smsc:
        carrier = smpp_carrier(smsc.port, Heard())
        await carrier.start(lambda: changes.append(carrier.ready))
        await ready(carrier)
        smsc.cut()
        await until(lambda: not carrier.ready)
        assert "closed the connection" in carrier.problem
        await ready(carrier)
        await smsc.stop()
        await until(lambda: not carrier.ready)
        await smsc.start()
        await ready(carrier)
        assert (await carrier.send(sms())).kind is OutcomeKind.SUBMITTED
        await carrier.stop()
    changed = [ready for ready, _ in itertools.groupby(changes)]
    assert changed == [True, False, True, False, True, False]


async def test_the_next_address_is_tried() -> None:
    """Binds are spread over the addresses, and one that does not answer is passed."""
    async with Smsc(script_of({"receipt": ""})) as smsc:
        carrier = smpp_carrier(smsc.port, Heard(), addresses=["127.0.0.1:1", f"localhost:{smsc.port}"])
        await carrier.start(lambda: None)
        await ready(carrier)
        await carrier.stop()


async def test_a_dead_peer_is_noticed() -> None:
    """It is asked, says nothing in time, and the bind is made anew; what was under way may have left."""
    settings: dict[str, Any] = {"enquire_seconds": 0.2, "answer_seconds": 0.4}
    async with before_an_smsc(**settings) as (carrier, smsc):
        await ready(carrier)
        smsc.silent = True
        assert (await carrier.send(sms())).kind is OutcomeKind.UNKNOWN
        await until(lambda: not carrier.ready)
        assert "enquire_link" in carrier.problem
        smsc.silent = False
        await ready(carrier)


async def test_an_smsc_that_unbinds_is_answered_and_bound_again() -> None:
    """Operators do so before maintenance."""
    async with before_an_smsc() as (carrier, smsc):
        await ready(carrier)
        (link,) = smsc._links
        await link.unbind()
        await smsc.until(lambda: link not in smsc._links)
        await until(lambda: "the SMSC unbound" in carrier.problem)
        await ready(carrier)


async def test_it_stops_after_its_answers() -> None:
    """It takes nothing new, unbinds, and those under way have their end."""
    script = {"receipt": "", "answer_seconds": 0.2}
    async with before_an_smsc(script=script, window=3) as (carrier, smsc):
        await ready(carrier)
        sending = [asyncio.create_task(carrier.send(sms())) for _ in range(5)]
        await smsc.until(lambda: len(smsc.submits) == 3)
        await carrier.stop()
        outcomes = [task.result() for task in sending]
        assert [one.kind for one in outcomes] == [OutcomeKind.SUBMITTED] * 3 + [OutcomeKind.TEMPORARY] * 2
        await smsc.until(lambda: not smsc.binds)
        assert carrier.figures().binds == 0


async def test_it_stops_in_time_before_an_smsc_that_says_nothing() -> None:
    """Others take its binds then; what was under way is unknown."""
    async with before_an_smsc(script=SILENCE) as (carrier, smsc):
        sending = asyncio.create_task(carrier.send(sms()))
        await smsc.until(lambda: smsc.submits)
        smsc.silent = True
        began = time.monotonic()
        await carrier.stop()
        assert time.monotonic() - began < STOP_SECONDS
        assert (await sending).kind is OutcomeKind.UNKNOWN
        assert carrier.allow(Share(1)) == 0


@pytest.mark.parametrize("sender", ["ABCDEFGHIJKL", "Công ty", "1" * 21, "Ac\0me"])
async def test_a_sender_that_peers_would_spoil_is_not_sent(sender: str) -> None:
    """Nor is a call, or a code that is dead."""
    async with before_an_smsc() as (carrier, smsc):
        outcome = await carrier.send(sms(sender=sender))
        assert (outcome.kind, outcome.reason) == (OutcomeKind.PERMANENT, "no such sender")
        assert not smsc.submits


async def test_what_cannot_be_sent_is_not() -> None:
    """A call, a code that is dead, a text that the SMSC's alphabet would make longer."""
    async with before_an_smsc(default_alphabet="latin1") as (carrier, smsc):
        outgoing = sms()
        call = CallPayload(Phone(PHONE), "", "v", "4711", None, 1, 1.0, 60, 0)
        refused = [
            await carrier.send(type(outgoing)(outgoing.account, outgoing.message, 1, call)),
            await carrier.send(sms(valid_until=NOW)),
            await carrier.send(sms("Δ" * 100)),
        ]
        assert {one.kind for one in refused} == {OutcomeKind.PERMANENT}
        assert not smsc.submits


async def test_tlvs_of_facts_go_with_every_part() -> None:
    """In the order of the rules, behind the channel's own; one that cannot be made sends nothing."""
    settings: dict[str, Any] = {
        "concatenation": "sar",
        "tlv_presets": ["india-dlt"],
        "tlvs": [{"tag": 0x3FFF, "value": "x", "prefix": "+91"}],
    }
    facts = {"entity_id": "1101", "dlt_id": "1107", "tm_chain": "5,6"}
    async with before_an_smsc(**settings) as (carrier, smsc):
        await carrier.send(sms("x" * 200, phone="+919876543210", facts=facts))
        for submit in smsc.submits:
            assert [pair for pair in submit.tlvs if pair[0] >= 0x1400] == [
                (0x1400, b"1101"),
                (0x1401, b"1107"),
                (0x1402, b"1101,5,6"),
                (0x3FFF, b"x"),
            ]
        assert len(smsc.submits) == 2
        outcome = await carrier.send(sms(phone="+919876543210"))
        assert (outcome.kind, outcome.reason) == (OutcomeKind.PERMANENT, "a TLV cannot be made")


async def test_random_octets_of_an_smsc_end_a_link_and_nothing_else() -> None:
    """Whatever comes, the carrier binds again, and a message has an outcome."""
    dice = random.Random(5)
    script = {"receipt": "", "rules": [{"times": 20, "then": {"answer": "octets", "octets": ""}}]}
    for _ in range(6):
        script["rules"][0]["then"] = {"answer": "octets", "octets": dice.randbytes(40).hex()}  # type: ignore[index]  # the list of rules
        async with before_an_smsc(script=dict(script), answer_seconds=0.1) as (carrier, smsc):
            assert (await carrier.send(sms())).kind is OutcomeKind.UNKNOWN
            smsc.script = script_of({"receipt": ""})
            await ready(carrier)
            assert (await carrier.send(sms())).kind is OutcomeKind.SUBMITTED


async def test_a_bad_day_loses_nothing_and_sends_nothing_twice() -> None:
    """Links cut in the middle, throttling, refusals and silence, over three binds: every message has a true end, and a
    phone gets one at most once, and at least once where the end says that it left.
    """
    script = {
        "receipt": "",
        "cut_every": 60,
        "rules": [
            {"every": 7, "then": {"answer": "ESME_RTHROTTLED", "receipt": ""}},
            {"every": 50, "then": {"answer": "disconnect", "receipt": ""}},
            {"every": 31, "then": {"answer": "ESME_RSYSERR", "receipt": ""}},
            {"every": 97, "then": {"answer": "silence", "receipt": ""}},
        ],
    }
    settings: dict[str, Any] = {"binds": 3, "window": 20, "throttle_pause": 0.05, "answer_seconds": 0.5}
    async with before_an_smsc(script=script, **settings) as (carrier, smsc):
        messages = 600
        outcomes = await asyncio.gather(*(carrier.send(sms(f"{number}")) for number in range(messages)))
        arrived = Counter(one.text for one in smsc.messages)
    assert max(arrived.values()) == 1
    kinds = Counter(one.kind for one in outcomes)
    assert set(kinds) == {OutcomeKind.SUBMITTED, OutcomeKind.UNKNOWN, OutcomeKind.TEMPORARY}
    for number, outcome in enumerate(outcomes):
        if outcome.kind is OutcomeKind.SUBMITTED:
            assert arrived[str(number)] == 1
        elif outcome.kind is OutcomeKind.TEMPORARY:
            assert arrived[str(number)] == 0
    references = [name for one in outcomes for name in one.references]
    assert len(set(references)) == len(references) == kinds[OutcomeKind.SUBMITTED]
