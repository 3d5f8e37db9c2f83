"""The simulated SMSC, over real sockets."""

import asyncio
import random
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onema.protocols.smpp import commands as c
from onema.protocols.smpp import statuses
from onema.protocols.smpp.parts import Concatenation
from onema.protocols.smpp.pdus import MessageResp, decode
from onema.protocols.smpp.texts import alphabet_of, read_text
from onema.protocols.smpp.times import relative
from onema.protocols.smpp.tlvs import MESSAGE_STATE, RECEIPTED_MESSAGE_ID, find
from onema.testing.scripts import ScriptRefused
from onema.testing.smsc.script import script_of
from onema.testing.smsc.scripted_numbers import CHANGES
from onema.testing.smsc.smsc import Sms, Smsc
from tests.integration.esme import Esme
from tests.integration.test_server import self_signed

PHONE = "+84901888484"
LONG_TEXT = "Mã xác thực 482913 😀 " * 20


@asynccontextmanager
async def simulated(**script: Any) -> AsyncIterator[tuple[Smsc, Esme]]:
    """An SMSC with this script, and an ESME that is bound to it."""
    async with Smsc(script_of(script), chance=random.Random(1)) as smsc, Esme(smsc.port) as esme:
        assert await esme.bind() == statuses.ESME_ROK
        yield smsc, esme
        smsc.forget_receipts()


def words(message: Any) -> str:
    """The text of a receipt."""
    return read_text(message.octets, alphabet_of(message.data_coding))


def id_of(frame: Any) -> str:
    body = decode(frame)
    assert isinstance(body, MessageResp)
    return body.message_id.decode()


@pytest.mark.parametrize("concatenation", Concatenation)
async def test_a_message_comes_to_its_phone_whole_and_is_receipted(concatenation: Concatenation) -> None:
    """With its sender, all parts joined; each part has a receipt, whose id is the answer's."""
    async with simulated() as (smsc, esme):
        answers = await esme.submit(PHONE, LONG_TEXT, concatenation=concatenation)
        receipts = await esme.receives(len(answers))
        assert smsc.messages[-1] == Sms("acme", "Acme", PHONE, LONG_TEXT)
        assert {find(one.tlvs, RECEIPTED_MESSAGE_ID) for one in receipts} == {
            id_of(answer).encode() + b"\0" for answer in answers
        }
        assert {find(one.tlvs, MESSAGE_STATE) for one in receipts} == {b"\2"}
        await smsc.until(lambda: smsc.counts.acknowledged == len(answers))


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ({}, "stat:DELIVRD err:000"),
        ({"receipt": "Undelivered", "receipt_error": "0A1"}, "stat:Undelivered err:0A1"),
        ({"receipt_by": "data_sm"}, "stat:DELIVRD"),
        ({"receipt_alphabet": "ucs2"}, "stat:DELIVRD"),
        ({"receipt_alphabet": "gsm", "ids": "text"}, "id:sim_"),
        ({"receipt_in": "text"}, "stat:DELIVRD"),
    ],
)
async def test_a_receipt_has_the_form_that_the_script_says(script: dict[str, Any], said: str) -> None:
    """Words, PDU, alphabet, and whether there are TLVs."""
    async with simulated(**script) as (_, esme):
        await esme.submit(PHONE)
        (receipt,) = await esme.receives(1)
        assert said in words(receipt)
        assert (find(receipt.tlvs, RECEIPTED_MESSAGE_ID) is None) == (script.get("receipt_in") == "text")
        assert esme.raw[0].command == (c.DATA_SM if script.get("receipt_by") else c.DELIVER_SM)


@pytest.mark.parametrize(("dates", "digits"), [("minutes", 10), ("seconds", 12)])
async def test_dates_have_ten_digits_or_twelve(dates: str, digits: int) -> None:
    """As SMSCs of both sorts write them."""
    async with simulated(receipt_dates=dates) as (_, esme):
        await esme.submit(PHONE)
        (receipt,) = await esme.receives(1)
        assert len(words(receipt).split("submit date:")[1].split()[0]) == digits


async def test_an_id_may_be_hex_in_the_answer_and_decimal_in_the_receipt() -> None:
    """Both are the same number."""
    async with simulated(ids="hex_then_decimal") as (_, esme):
        (answer,) = await esme.submit(PHONE)
        (receipt,) = await esme.receives(1)
        (in_text,) = [word[3:] for word in words(receipt).split() if word.startswith("id:")]
        assert int(id_of(answer), 16) == int(in_text)


async def test_receipts_come_twice_and_words_on_the_way_before_them() -> None:
    """In the order of the script."""
    async with simulated(receipt_copies=2, receipt_on_the_way=["ENROUTE", "ACCEPTD"]) as (_, esme):
        await esme.submit(PHONE)
        receipts = await esme.receives(4)
        assert [words(one).split("stat:")[1].split()[0] for one in receipts] == [
            "ENROUTE",
            "ACCEPTD",
            "DELIVRD",
            "DELIVRD",
        ]


async def test_receipts_get_lost_and_change_places() -> None:
    """By chance, as often as the script says."""
    async with simulated(receipt_lost=0.5, receipt_spread=0.05) as (smsc, esme):
        answers = await asyncio.gather(*(esme.submit(f"+8490188{number:04}") for number in range(100)))
        sent = [id_of(answer[0]) for answer in answers]
        receipts = await esme.receives(100 - smsc.counts.receipts_lost)
        came = [(find(one.tlvs, RECEIPTED_MESSAGE_ID) or b"").decode()[:-1] for one in receipts]
        assert 20 < len(came) < 80
        assert sorted(came) != came
        assert set(came) < set(sent)


async def test_only_one_part_of_a_long_message_is_receipted_where_the_script_says_so() -> None:
    """The last one here."""
    async with simulated(receipt_parts="last") as (smsc, esme):
        answers = await esme.submit(PHONE, LONG_TEXT)
        (receipt,) = await esme.receives(1)
        assert find(receipt.tlvs, RECEIPTED_MESSAGE_ID) == id_of(answers[-1]).encode() + b"\0"
        assert smsc.counts.receipts == 1


async def test_a_receipt_overtakes_its_answer() -> None:
    """It is there when the answer comes."""
    async with simulated(receipt_before_answer=True) as (_, esme):
        (answer,) = await esme.submit(PHONE)
        assert answer is not None
        assert len(esme.received) == 1


async def test_a_refused_receipt_comes_again_until_it_is_acknowledged() -> None:
    """Only ESME_ROK ends it."""
    async with simulated(receipt_pause=0.0) as (smsc, esme):
        esme.answer = statuses.ESME_RX_T_APPN
        await esme.submit(PHONE)
        await esme.receives(3)
        esme.answer = statuses.ESME_ROK
        await smsc.until(lambda: smsc.acknowledged)
        assert len(smsc.acknowledged) == 1


async def test_receipts_wait_for_a_bind_and_come_by_any_of_the_same_name() -> None:
    """A transmitter gets none; a receiver of another name none either."""
    async with (
        Smsc() as smsc,
        Esme(smsc.port) as sender,
        Esme(smsc.port) as other,
        Esme(smsc.port) as receiver,
    ):
        await sender.bind("acme", command=c.BIND_TRANSMITTER)
        await other.bind("other")
        await sender.submit(PHONE)
        await receiver.bind("acme", command=c.BIND_RECEIVER)
        await receiver.receives(1)
        assert (sender.received, other.received) == ([], [])


async def test_a_message_that_is_late_is_dropped_when_its_validity_ends() -> None:
    """The phone does not see it, and the receipt says EXPIRED."""
    async with simulated(receipt_seconds=3_600) as (smsc, esme):
        await esme.submit(PHONE, validity_period=relative(1))
        (receipt,) = await esme.receives(1)
        assert "stat:EXPIRED" in words(receipt)
        assert not smsc.messages


@pytest.mark.parametrize("answer", ["ESME_RTHROTTLED", "0x412", "1042"])
async def test_a_rule_refuses_what_fits_as_often_as_it_says(answer: str) -> None:
    """By name and by number; the others are accepted."""
    rules = [{"to": "84901*", "times": 1, "then": {"answer": answer}}]
    async with simulated(rules=rules) as (smsc, esme):
        wanted = {"ESME_RTHROTTLED": 0x58}.get(answer, 0x412)
        answered = [(await esme.submit(phone))[0] for phone in ("+84902888484", PHONE, PHONE)]
        assert [frame.status for frame in answered if frame] == [0, wanted, 0]
        assert answered[1] is not None
        assert answered[1].body == b""
        assert smsc.counts.refused == 1


async def test_more_than_the_rate_is_throttled() -> None:
    """Two at once pass where two a second may."""
    async with simulated(per_second=2) as (_, esme):
        answers = await asyncio.gather(*(esme.submit(PHONE) for _ in range(5)))
        assert sorted(frame.status for (frame,) in answers if frame)[2:] == [statuses.ESME_RTHROTTLED] * 3


async def test_a_link_is_cut_between_submit_and_answer() -> None:
    """The message has no answer, and a new bind is taken."""
    rules = [{"times": 1, "then": {"answer": "disconnect"}}]
    async with simulated(rules=rules) as (smsc, esme), Esme(smsc.port) as again:
        assert await esme.submit(PHONE) == [None]
        assert await again.bind() == statuses.ESME_ROK


async def test_wrong_bytes_break_the_stream() -> None:
    """A length that no PDU has."""
    async with simulated(answer="octets", octets="00000003" * 4) as (_, esme):
        assert await esme.submit(PHONE) == [None]
        assert esme.broken


async def test_binds_are_refused_as_the_script_says() -> None:
    """By password, by number, and the first ones for any reason."""
    script = script_of(
        {"password": "secret", "most_binds": 1, "bind_answer": "ESME_RSYSERR", "bind_times": 1}
    )
    async with Smsc(script) as smsc:
        found = []
        async with Esme(smsc.port) as first, Esme(smsc.port) as second, Esme(smsc.port) as third:
            found += [await first.bind(password="secret"), await second.bind(password="wrong")]
            found += [await third.bind(password="secret")]
            async with Esme(smsc.port) as fourth:
                found += [await fourth.bind(password="secret")]
        assert found == [
            statuses.ESME_RSYSERR,
            statuses.ESME_RINVPASWD,
            statuses.ESME_ROK,
            statuses.ESME_RBINDFAIL,
        ]


async def test_it_answers_what_every_smsc_must() -> None:
    """enquire_link, unbind, and generic_nack for a command that there is not."""
    async with simulated() as (smsc, esme):
        assert (await esme.ask(c.ENQUIRE_LINK)) is not None
        refused = await esme.ask(c.QUERY_SM, b"id\0\0\0\0")
        assert refused is not None
        assert (refused.command, refused.status) == (c.GENERIC_NACK, statuses.ESME_RINVCMDID)
        assert (await esme.ask(c.UNBIND)) is not None
        await smsc.until(lambda: not smsc.binds)


async def test_silence_is_silence() -> None:
    """Nothing is answered and nothing breaks; what came meanwhile is not forgotten by the ESME's side of the link."""
    async with simulated() as (smsc, esme):
        smsc.silent = True
        asking = asyncio.ensure_future(esme.submit(PHONE))
        async with Esme(smsc.port) as second:
            smsc.silent = False
            assert await second.bind() == statuses.ESME_ROK
        assert not asking.done()
        smsc.cut()
        assert await asking == [None]


async def test_links_may_be_tls(tmp_path: Path) -> None:
    """With a certificate that the ESME verifies."""
    files = self_signed(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(files.certificate, files.key)
    client = ssl.create_default_context(cafile=files.certificate)
    async with Smsc(tls=server) as smsc, Esme(smsc.port, client) as esme:
        assert await esme.bind() == statuses.ESME_ROK
        await esme.submit(PHONE)
        assert smsc.messages[-1].phone == PHONE


async def test_a_phone_writes_to_the_esme() -> None:
    """A text that nobody asked for."""
    async with simulated() as (smsc, esme):
        smsc.send_text(PHONE, "Acme", b"STOP")
        (text,) = await esme.receives(1)
        assert (text.octets, text.source.digits) == (b"STOP", PHONE[1:].encode())


@pytest.mark.parametrize("number", CHANGES)
async def test_every_scripted_number_does_something_else_than_the_others(number: str) -> None:
    """Answer, receipts and phone: what its row in the documents says."""
    async with simulated() as (smsc, esme):
        asking = asyncio.ensure_future(esme.submit(f"+{number}"))
        await smsc.until(lambda: smsc.submits)
        if CHANGES[number].get("answer") == "silence":
            # Whatever comes next is answered, and the message still is not.
            assert await esme.ask(c.ENQUIRE_LINK) is not None
            assert not asking.done()
            smsc.cut()
        (answer,) = await asking
        shown = len(smsc.messages)
        receipts = smsc.counts.receipts
        told = (answer.status if answer else None, shown, receipts)
        assert (
            told
            == {
                "1": (0, 1, 1),
                "2": (0, 0, 1),
                "3": (0, 0, 0),
                "4": (0, 1, 0),
                "20": (0x0B, 0, 0),
                "21": (0x58, 0, 0),
                "22": (0x412, 0, 0),
                "23": (None, 0, 0),
                "24": (None, 0, 0),
                "25": (None, 0, 0),
                "26": (0, 1, 1),
                "27": (0, 1, 3),
                "28": (0, 1, 0),
                "29": (0, 1, 1),
            }[number[-2:].lstrip("0")]
        )


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"answer": "ESME_RFOO"}, "answer: 'ESME_RFOO' is neither a status"),
        ({"rules": [{"then": {"answer": "never"}}]}, "rules[0].then.answer"),
        ({"receipts": "x"}, "receipts: it is unknown"),
        ({"rules": [{"to": 1}]}, "rules[0].to"),
        ({"octets": "0"}, "octets"),
        ({"rules": "x"}, "rules"),
    ],
)
def test_a_script_that_cannot_be_is_refused_with_the_place(table: dict[str, Any], problem: str) -> None:
    """In the words of the file."""
    with pytest.raises(ScriptRefused) as refused:
        script_of(table)
    assert problem in str(refused.value)


def test_a_rule_changes_only_what_it_names() -> None:
    """All else is as at the top of the script."""
    script = script_of({"ids": "hex", "rules": [{"then": {"receipt": ""}}]})
    assert (script.rules[0].then.ids, script.rules[0].then.receipt) == ("hex", "")


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=60), max_size=10))
def test_no_octets_stop_it(pieces: list[bytes]) -> None:
    """Whatever one link sends, another one is served."""

    async def attempt() -> None:
        async with Smsc() as smsc:
            _, writer = await asyncio.open_connection("127.0.0.1", smsc.port)
            for piece in pieces:
                writer.write(len(piece).to_bytes(4, "big") + piece)
            async with Esme(smsc.port) as esme:
                assert await esme.bind() == statuses.ESME_ROK
            writer.transport.abort()

    asyncio.run(attempt())
