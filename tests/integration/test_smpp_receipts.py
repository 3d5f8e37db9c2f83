"""What an SMSC reports to a carrier of the type `smpp`, over real sockets."""

import asyncio
from functools import partial
from typing import Any

import pytest

from onema.channels.contract import NotRecorded, Receipt
from onema.domain.delivery.outcome import Ending, OutcomeKind
from onema.protocols.smpp import commands as c
from onema.protocols.smpp.pdus import ShortMessage
from onema.testing.smsc.receipts import Receipt as SimulatedReceipt
from onema.testing.smsc.script import script_of
from tests.integration.test_smpp_carrier import ready, until
from tests.smpp import PHONE, Heard, before_an_smsc, sms


@pytest.mark.parametrize(
    ("script", "settings"),
    [
        ({}, {}),
        ({"receipt_in": "text"}, {}),
        ({"receipt_in": "tlv"}, {}),
        ({"receipt": "delivered", "receipt_dates": "seconds"}, {}),
        ({"receipt_by": "data_sm"}, {}),
        ({"receipt_alphabet": "ucs2"}, {}),
        ({"receipt_alphabet": "gsm", "ids": "text", "receipt_in": "text"}, {}),
        ({"receipt_tlvs": [{"tag": 0x1403, "text": "45201"}]}, {}),
        ({"ids": "hex_then_decimal"}, {"id_base": "hex-decimal"}),
        ({"ids": "hex_then_decimal"}, {"id_base": "auto"}),
        ({"receipt_before_answer": True}, {}),
        ({"receipt_esm_class": 0}, {}),
        ({"receipt_esm_class": 0, "receipt_in": "text"}, {"plain_receipts": True}),
    ],
)
async def test_receipts_come_in_every_form(script: dict[str, Any], settings: dict[str, Any]) -> None:
    """Each by the name that the answer gave, and acknowledged."""
    heard = Heard()
    async with before_an_smsc(heard, script, **settings) as (carrier, smsc):
        outcome = await carrier.send(sms())
        await smsc.until(lambda: smsc.counts.acknowledged)
        (receipt,) = heard.receipts
        assert (receipt.carrier, receipt.reference) == ("telco", outcome.references[0])
        assert receipt.outcome.kind is OutcomeKind.DELIVERED
        if "receipt_tlvs" in script:
            assert receipt.outcome.network == {"0x1403": "3435323031"}


async def test_words_on_the_way_end_nothing() -> None:
    """ACCEPTD and ENROUTE come first; an intermediate notification never ends anything."""
    script = {"receipt_on_the_way": ["ACCEPTD", "ENROUTE"], "receipt": "UNDELIV", "receipt_error": "0A1"}
    heard = Heard()
    settings: dict[str, Any] = {"receipt_errors": [{"err": "0A1", "ending": "switched off"}]}
    async with before_an_smsc(heard, script, **settings) as (carrier, smsc):
        await carrier.send(sms())
        await smsc.until(lambda: smsc.counts.acknowledged == 3)
        assert [one.outcome.kind for one in heard.receipts] == [
            OutcomeKind.SUBMITTED,
            OutcomeKind.SUBMITTED,
            OutcomeKind.UNDELIVERED,
        ]
        assert heard.receipts[-1].outcome.ending is Ending.SWITCHED_OFF
        assert heard.receipts[-1].outcome.detail == "UNDELIV, err 0A1"
        smsc.script = script_of({"receipt": "DELIVRD", "receipt_esm_class": 0x20})
        await carrier.send(sms())
        await smsc.until(lambda: smsc.counts.acknowledged == 4)
        assert heard.receipts[-1].outcome.kind is OutcomeKind.SUBMITTED


async def test_a_receipt_is_acknowledged_when_it_is_durable() -> None:
    """Not before, and not when it was refused: then it comes again."""
    stored, refusing = asyncio.Event(), [NotRecorded(), RuntimeError("a fault")]
    heard: list[Receipt] = []

    async def sink(receipt: Receipt) -> None:
        await stored.wait()
        if refusing:
            raise refusing.pop()
        heard.append(receipt)

    async with before_an_smsc(sink, {"receipt_pause": 0.0}) as (carrier, smsc):
        await carrier.send(sms())
        await smsc.until(lambda: smsc.counts.receipts)
        await carrier.send(sms("another"))
        assert smsc.counts.acknowledged == 0
        stored.set()
        await smsc.until(lambda: smsc.counts.acknowledged == 2)
        assert smsc.counts.receipts == 4
        assert len({one.reference for one in heard}) == 2


@pytest.mark.parametrize(
    "octets", ["", "00", "ff" * 40, ShortMessage(esm_class=4).encode().hex(), ShortMessage().encode().hex()]
)
async def test_what_nobody_can_read_is_acknowledged_once(octets: str) -> None:
    """It does not come again, the link stays, and the next receipt counts."""
    heard = Heard()
    async with before_an_smsc(heard, {"receipt_pause": 0.0}) as (carrier, smsc):
        await ready(carrier)
        smsc._report("acme", SimulatedReceipt(c.DELIVER_SM, bytes.fromhex(octets), "broken"))
        await smsc.until(lambda: smsc.counts.acknowledged == 1)
        await carrier.send(sms())
        await smsc.until(lambda: smsc.counts.acknowledged == 2)
        assert (smsc.counts.receipts, smsc.counts.binds, len(heard.receipts)) == (2, 1, 1)


async def test_a_phone_cannot_report() -> None:
    """A text that looks like a receipt is one by its esm_class only."""
    heard = Heard()
    async with before_an_smsc(heard) as (carrier, smsc):
        (reference,) = (await carrier.send(sms())).references
        smsc.send_text(PHONE, "8077", f"id:{reference} sub:001 dlvrd:001 stat:UNDELIV err:1 text:".encode())
        await smsc.until(lambda: smsc.counts.acknowledged)
        assert heard.receipts == []


async def test_ids_that_are_no_text_are_names_too() -> None:
    """Empty, and octets that are not UTF-8."""
    async with before_an_smsc(script={"ids": "empty", "receipt": ""}) as (carrier, _):
        assert (await carrier.send(sms())).references == ()


async def test_auto_finds_out_how_ids_are_written() -> None:
    """And says so, for every process to know."""
    heard = Heard()
    async with before_an_smsc(heard, {"ids": "hex_then_decimal"}, id_base="auto") as (carrier, smsc):
        for number in range(3):
            assert carrier.problem == ""
            await carrier.send(sms(message=number + 1))
            await until(partial(lambda told: smsc.counts.acknowledged > told, number))
        assert 'id_base = "hex-decimal"' in carrier.problem
