"""Our protocol and our simulated SMSC beside programs that others wrote."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from onema.protocols.smpp import commands as c
from onema.protocols.smpp import statuses
from onema.protocols.smpp.frames import pdu
from onema.testing.smsc.script import script_of
from onema.testing.smsc.smsc import Smsc
from tests.integration.esme import Esme
from tests.peers.kannel import DlrUrl, kannel, sendsms
from tests.peers.recorded_link import RecordedLink
from tests.peers.running import PEERS, Peer

PHONE = "+8490188848"
"""Its last digit says what a peer does."""
DELIVERED, UNDELIVERED, REFUSED, SILENT = "1", "2", "3", "5"

GSM_TEXT = "{482913} là mã [€] ~".replace("ã", "a")
# By hand from 3GPP TS 23.038 §6.2.1: the escape before { } [ ] ~ and the euro sign.
GSM_OCTETS = bytes.fromhex("1b28 343832393133 1b29 20 6c7f 20 6d61 20 1b3c 1b65 1b3e 20 1b3d")
UCS2_TEXT = "Mã xác thực 482913 😀 " * 12


@pytest.fixture(params=PEERS)
async def peer(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Peer]:
    async with Peer(request.param, tmp_path) as running:
        yield running


def octets_of(submitted: dict[str, Any]) -> bytes:
    """The text of a part, and its header off."""
    octets = bytes.fromhex(submitted["octets"])
    return octets[octets[0] + 1 :] if submitted["esm_class"] & 0x40 else octets


def number_of(submitted: dict[str, Any]) -> int:
    """Which part it is."""
    if "udh" in submitted:
        return int(submitted["udh"][0][-2:], 16)
    return bytes.fromhex(submitted["octets"])[5]


async def test_a_text_is_read_as_it_was_written_and_comes_back_as_a_receipt(peer: Peer) -> None:
    """Escapes of the GSM alphabet, the sender's type, and the peer's enquire_link, which gets its answer."""
    async with Esme(peer.port) as esme:
        assert await esme.bind(password="secret") == statuses.ESME_ROK
        assert [frame.status for frame in await esme.submit(PHONE + DELIVERED, GSM_TEXT) if frame] == [0]
        (submitted,) = await peer.tells("submitted")
        if "text" in submitted:
            assert submitted["text"] == GSM_TEXT
        else:
            assert octets_of(submitted) == GSM_OCTETS
        assert (submitted["from"], submitted["to"]) == ([5, 0, "Acme"], [1, 1, PHONE[1:] + DELIVERED])
        assert (submitted["data_coding"], submitted["registered_delivery"]) == (0, 1)
        (receipt,) = await esme.receives(1)
        assert f"id:{submitted['id']}".encode() in receipt.octets
        assert (await peer.tells("acknowledged"))[0]["status"] == 0
        if peer.name != "smpp34":  # it asks only after a minute
            assert (await peer.tells("alive"))[0]["status"] == 0


async def test_a_long_text_is_whole_when_its_parts_are_joined(peer: Peer) -> None:
    """In UCS-2, where no pair of surrogates is cut: each part can be read alone."""
    async with Esme(peer.port) as esme:
        await esme.bind(password="secret")
        parts = len(await esme.submit(PHONE + SILENT, UCS2_TEXT))
        # smpp34 hands them on in any order.
        submitted = sorted(await peer.tells("submitted", parts), key=number_of)
        texts = [one.get("text") or octets_of(one).decode("utf-16-be") for one in submitted]
        assert "".join(texts) == UCS2_TEXT
        assert parts == 4


async def test_a_refusal_is_read_with_and_without_a_body(peer: Peer) -> None:
    """Net::SMPP sends one, the others none."""
    async with Esme(peer.port) as esme:
        await esme.bind(password="secret")
        (answer,) = await esme.submit(PHONE + REFUSED)
        assert answer is not None
        assert answer.status == statuses.ESME_RINVDSTADR


async def test_an_unbind_ends_the_link(peer: Peer) -> None:
    """smpp34 mostly closes it before its answer is out."""
    async with Esme(peer.port) as esme:
        await esme.bind(password="secret")
        answer = await esme.ask(c.UNBIND)
        await peer.tells("unbound")
        if answer is None:
            assert peer.name == "smpp34"
        else:
            assert (answer.command, answer.status) == (c.UNBIND_RESP, statuses.ESME_ROK)


async def test_tshark_reads_every_text_and_finds_nothing_malformed(tmp_path: Path) -> None:
    """Of what both ends of ours write: texts, receipts, refusals."""
    async with Smsc() as smsc, RecordedLink(smsc.port) as link:
        async with Esme(link.port) as esme:
            await esme.bind()
            for text in (GSM_TEXT, UCS2_TEXT):
                await esme.submit(PHONE + DELIVERED, text)
            await esme.submit("+84990000020")
            await esme.receives(5)
            await esme.ask(c.ENQUIRE_LINK)
            await esme.ask(c.UNBIND)
        pdus = link.read_by_tshark(tmp_path)
    assert link.malformed == 0
    texts = [one["smpp.message_text"] for one in pdus if one["smpp.command_id"] == "0x00000004"]
    assert texts[0] == GSM_TEXT
    assert "".join(texts[1:5]) == UCS2_TEXT
    receipts = [one["smpp.message_text"] for one in pdus if one["smpp.command_id"] == "0x00000005"]
    assert len(receipts) == 5
    assert all("stat:DELIVRD" in receipt for receipt in receipts)
    assert {int(one["smpp.command_id"], 16) for one in pdus} >= {
        9,
        0x80000009,
        4,
        0x80000004,
        0x80000005,
        0x15,
        6,
    }


async def test_tshark_would_find_one(tmp_path: Path) -> None:
    """A success without its NUL, which some SMSCs send."""
    script = script_of({"answer": "octets", "octets": pdu(c.SUBMIT_SM_RESP, 0, 2).hex()})
    async with Smsc(script) as smsc, RecordedLink(smsc.port) as link:
        async with Esme(link.port) as esme:
            await esme.bind()
            await esme.submit(PHONE + DELIVERED)
        link.read_by_tshark(tmp_path)
    assert link.malformed == 1


@pytest.mark.parametrize(
    ("ids", "more"),
    # Bit 0 of msg-id-type: what the answer has are hexadecimal digits; bit 1: what the receipt has are.
    [("decimal", ""), ("text", ""), ("hex_then_decimal", "msg-id-type = 1")],
)
async def test_kannel_sends_over_the_simulated_smsc(tmp_path: Path, ids: str, more: str) -> None:
    """A long text, whole, and its receipt under whichever id."""
    script = script_of({"password": "secret", "ids": ids})
    async with Smsc(script) as smsc, DlrUrl() as dlr, kannel(smsc.port, tmp_path, more) as port:
        await smsc.until(lambda: smsc.binds)
        answer = await sendsms(port, PHONE + DELIVERED, UCS2_TEXT, f"{dlr.url}/%d")
        assert b"202 Accepted" in answer
        await smsc.until(lambda: smsc.messages)
        assert (smsc.messages[0].text, smsc.messages[0].sender) == (UCS2_TEXT, "Acme")
        await dlr.receives("/1")
