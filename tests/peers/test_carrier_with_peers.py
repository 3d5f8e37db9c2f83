"""The carrier `smpp` with SMSCs that others wrote, from the bind to the receipt."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from onema.channels.contract import NotRecorded, Outgoing, Receipt
from onema.channels.sms_smpp.carrier import SmppCarrier
from onema.channels.sms_smpp.configuration import Settings
from onema.domain.delivery.outcome import OutcomeKind
from onema.domain.delivery.payload import SmsPayload
from onema.domain.ids import AccountId, MessageId
from onema.domain.values.phone import Phone
from onema.secret import Secret
from onema.testing.running_server import DEADLINE_SECONDS
from onema.testing.smsc.smsc import Smsc
from tests.integration.test_server import self_signed
from tests.peers.recorded_link import RecordedLink
from tests.peers.running import PEERS, Peer
from tests.peers.test_protocol_with_peers import (
    DELIVERED,
    GSM_TEXT,
    PHONE,
    REFUSED,
    UCS2_TEXT,
    UNDELIVERED,
    number_of,
    octets_of,
)

VENDORS_STATUS, AS_DATA_SM = "4", "6"
CODE = "482913 is your code"


class Receipts:
    """The sink: what the carrier reported; `refuses` so many first."""

    def __init__(self) -> None:
        self.heard: list[Receipt] = []
        self.refuses = 0
        self._news = asyncio.Event()

    async def __call__(self, receipt: Receipt) -> None:
        if self.refuses:
            self.refuses -= 1
            raise NotRecorded
        self.heard.append(receipt)
        self._news.set()

    async def come(self, count: int) -> list[Receipt]:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while len(self.heard) < count:
                self._news.clear()
                await self._news.wait()
        return self.heard


class Sending:
    """A carrier that was started, and what it heard."""

    def __init__(self, carrier: SmppCarrier, receipts: Receipts) -> None:
        self.carrier = carrier
        self.receipts = receipts
        self._number = 0

    async def send(self, phone: str, text: str = CODE) -> Any:
        self._number += 1
        payload = SmsPayload(Phone(phone), "Acme", text, int(time.time() * 1000) + 300_000)
        return await self.carrier.send(Outgoing(AccountId(1), MessageId(self._number), 1, payload))


@asynccontextmanager
async def sending(port: int, *, ready: bool = True, **settings: Any) -> AsyncIterator[Sending]:
    """A carrier that is bound to the port; with `ready` False one that has something to say instead."""
    receipts, news = Receipts(), asyncio.Event()
    wanted = Settings(
        addresses=(f"127.0.0.1:{port}",), system_id="onema", **{"password": Secret("secret"), **settings}
    )
    loop = asyncio.get_running_loop()
    carrier = SmppCarrier("peer", wanted, receipts, now=lambda: int(time.time() * 1000), steady=loop.time)
    await carrier.start(news.set)
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not (carrier.ready if ready else carrier.problem):
                news.clear()
                await news.wait()
        yield Sending(carrier, receipts)
    finally:
        await carrier.stop()


@pytest.fixture(params=PEERS)
async def peer(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Peer]:
    async with Peer(request.param, tmp_path) as running:
        yield running


@pytest.mark.parametrize(
    ("digit", "word"), [(DELIVERED, OutcomeKind.DELIVERED), (UNDELIVERED, OutcomeKind.UNDELIVERED)]
)
async def test_a_receipt_is_of_the_message_that_was_sent(peer: Peer, digit: str, word: OutcomeKind) -> None:
    """Under whatever id the peer makes, and acknowledged with success."""
    async with sending(peer.port) as way:
        outcome = await way.send(PHONE + digit)
        assert outcome.kind is OutcomeKind.SUBMITTED
        (receipt,) = await way.receipts.come(1)
        assert (receipt.reference,) == outcome.references
        assert receipt.outcome.kind is word
        assert [one["status"] for one in await peer.tells("acknowledged")] == [0]
    await peer.tells("unbound")


async def test_all_parts_of_a_long_text_arrive_and_are_receipted(peer: Peer) -> None:
    """What the peer joins is the text."""
    async with sending(peer.port) as way:
        outcome = await way.send(PHONE + DELIVERED, UCS2_TEXT)
        receipts = await way.receipts.come(4)
        assert sorted(receipt.reference for receipt in receipts) == sorted(outcome.references)
        submitted = sorted(await peer.tells("submitted", 4), key=number_of)
        texts = [one.get("text") or octets_of(one).decode("utf-16-be") for one in submitted]
        assert "".join(texts) == UCS2_TEXT


async def test_a_refusal_is_told_with_its_status(peer: Peer) -> None:
    """Nothing left, and no other try helps."""
    async with sending(peer.port) as way:
        outcome = await way.send(PHONE + REFUSED)
        assert outcome.kind is OutcomeKind.PERMANENT
        assert "ESME_RINVDSTADR" in outcome.detail


@pytest.mark.parametrize("name", ["node-smpp", "Net::SMPP"])
async def test_a_vendors_own_status_keeps_its_number(tmp_path: Path, name: str) -> None:
    """Another carrier may take the message."""
    async with Peer(name, tmp_path) as peer, sending(peer.port) as way:
        outcome = await way.send(PHONE + VENDORS_STATUS)
        assert outcome.kind is OutcomeKind.TEMPORARY
        assert "0x00000412" in outcome.detail


async def test_a_receipt_may_come_as_data_sm(tmp_path: Path) -> None:
    """With its text in message_payload, and no TLV that names the message; node-smpp's id has an underscore."""
    async with Peer("node-smpp", tmp_path) as peer, sending(peer.port) as way:
        outcome = await way.send(PHONE + AS_DATA_SM)
        (receipt,) = await way.receipts.come(1)
        assert ((receipt.reference,), receipt.outcome.kind) == (outcome.references, OutcomeKind.DELIVERED)
        assert [one["status"] for one in await peer.tells("acknowledged")] == [0]


async def test_a_receipt_that_was_not_recorded_is_not_acknowledged(peer: Peer) -> None:
    """ESME_RX_T_APPN asks for it once more."""
    async with sending(peer.port) as way:
        way.receipts.refuses = 1
        await way.send(PHONE + DELIVERED)
        assert [one["status"] for one in await peer.tells("acknowledged")] == [0x64]


@pytest.mark.parametrize("name", ["node-smpp", "Net::SMPP", "libsmpp34"])
async def test_a_refused_bind_says_why(tmp_path: Path, name: str) -> None:
    """smpp34's server lets everybody in."""
    async with Peer(name, tmp_path) as peer:
        async with sending(peer.port, ready=False, password=Secret("wrong")) as way:
            assert not way.carrier.ready
            assert "ESME_RINVPASWD" in way.carrier.problem
        assert not peer.told("bound")


@pytest.mark.parametrize("concatenation", ["sar", "payload"])
async def test_other_ways_to_join_parts_are_read_by_the_peer(peer: Peer, concatenation: str) -> None:
    """SAR TLVs beside each part, or all of it in message_payload: each of them knows both."""
    async with sending(peer.port, concatenation=concatenation) as way:
        await way.send(PHONE + DELIVERED, UCS2_TEXT)
        count = 4 if concatenation == "sar" else 1
        submitted = sorted(await peer.tells("submitted", count), key=lambda one: one["sar"])
        texts = [one.get("text") or bytes.fromhex(one["octets"]).decode("utf-16-be") for one in submitted]
        assert "".join(texts) == UCS2_TEXT
        if count > 1:
            assert [one["sar"][1:] for one in submitted] == [[4, 1], [4, 2], [4, 3], [4, 4]]


async def test_a_link_may_be_tls_whose_certificate_is_checked(tmp_path: Path) -> None:
    """node-smpp's own TLS: with the authority that signed it from bind to receipt, without it no bind."""
    files = self_signed(tmp_path)
    async with Peer("node-smpp", tmp_path, files.key, files.certificate) as peer:
        async with sending(peer.port, tls=True, tls_ca_file=files.certificate) as way:
            outcome = await way.send(PHONE + DELIVERED)
            (receipt,) = await way.receipts.come(1)
            assert (receipt.reference,) == outcome.references
        async with sending(peer.port, ready=False, tls=True) as way:
            assert "certificate" in way.carrier.problem
        assert len(peer.told("bound")) == 1


async def test_tshark_reads_all_that_a_carrier_sends(tmp_path: Path) -> None:
    """Each text as it was written, the life that is left, what is asked for, and nothing malformed."""
    async with Smsc() as smsc, RecordedLink(smsc.port) as link:
        async with sending(link.port, service_type="OTP", enquire_seconds=0.05) as way:
            for text in (GSM_TEXT, UCS2_TEXT, "x" * 161):
                await way.send(PHONE + DELIVERED, text)
            await way.send("+84990000020")
            await way.receipts.come(7)
        pdus = link.read_by_tshark(tmp_path)
    assert link.malformed == 0
    submits = [one for one in pdus if one["smpp.command_id"] == "0x00000004"]
    texts = [one["smpp.message_text"] for one in submits]
    assert [texts[0], "".join(texts[1:5]), "".join(texts[5:7]), texts[7]] == [
        GSM_TEXT,
        UCS2_TEXT,
        "x" * 161,
        CODE,
    ]
    assert {one["smpp.regdel.receipt"] for one in submits} == {"0x01"}
    assert {one["smpp.service_type"] for one in submits} == {"OTP"}
    assert all(290 <= float(one["smpp.validity_period_r"]) <= 300 for one in submits)
    # The bind, its answers to receipts, its goodbye.
    assert {"0x00000009", "0x80000005", "0x00000006"} <= {one["smpp.command_id"] for one in pdus}
