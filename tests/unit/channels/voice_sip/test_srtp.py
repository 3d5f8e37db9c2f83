"""Audio that is encrypted (RFC 3711) with keys of SDP: a far end with libsrtp hears it, and nobody else is believed."""

import random

import pytest

from onema.channels.voice_sip import srtp
from onema.channels.voice_sip.srtp import SrtpSession
from onema.protocols.rtp import packets, rtcp
from onema.protocols.rtp.packets import Packet
from onema.protocols.sip.crypto_lines import SUITES, Crypto
from onema.speech.g711 import Law
from tests.unit.channels.voice_sip.conftest import Phones
from tests.unit.channels.voice_sip.far_end import HERE, TurnedMedia, audio, far_of

CLIP = random.Random(7).randbytes(160 * 5)
KEYS = random.Random(9)


def keys(suite: str = SUITES[0]) -> tuple[Crypto, Crypto]:
    """Ours and the far end's."""
    return Crypto(1, suite, KEYS.randbytes(30)), Crypto(1, suite, KEYS.randbytes(30))


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("own_port", [False, True])
def test_a_far_end_with_the_key_hears_every_octet(
    turned: TurnedMedia, phones: Phones, suite: str, own_port: bool
) -> None:
    """And one without it hears noise; calls in clear beside it stay as they are."""
    ours, theirs = keys(suite)
    secret, plain = phones(), phones()
    for number, phone in ((1, secret), (2, plain)):
        turned.media.open(number, HERE, own_port=own_port)
        protection = SrtpSession(ours, theirs) if number == 1 else None
        turned.media.connect(number, far_of(phone, law=Law.PCMU, protection=protection))
    turned.media.learn(1, CLIP)
    turned.media.learn(2, CLIP[:160])
    for number in (1, 2):
        turned.media.play(number, [1, 2, 1])
    turned.run(12 * 20)
    said = CLIP + CLIP[:160] + CLIP
    came = secret.datagrams()[:11]
    assert {len(datagram) for datagram in came} == {12 + 160 + (4 if suite.endswith("_32") else 10)}
    assert CLIP[:160] not in b"".join(came)
    far = SrtpSession(theirs, ours)
    opened = [packets.parse(far.unprotect(datagram) or b"") for datagram in came]
    assert audio(packet for packet in opened if packet) == said
    assert audio(plain.packets()[:11]) == said


def test_only_what_the_far_ends_key_made_is_believed(turned: TurnedMedia, phones: Phones) -> None:
    """Keys that a stranger presses from the same address, and a packet that comes twice, are nothing."""
    ours, theirs = keys()
    phone = phones()
    port = turned.media.open(1, HERE)
    turned.media.connect(1, far_of(phone, protection=SrtpSession(ours, theirs)))
    far, stranger = SrtpSession(theirs, ours), SrtpSession(*keys())

    def pressed(key: int, sequence: int) -> bytes:
        event = bytes([key, 0x80, 0x03, 0x20])
        return Packet(101, sequence, 1_000 * sequence, 77, event, marker=True).encode()

    phone.send(port, pressed(9, 1), stranger.protect(pressed(8, 2)))
    turned.run(25)
    assert turned.told.keys == {}
    genuine = far.protect(pressed(5, 3))
    phone.send(port, genuine, genuine)
    turned.run(25)
    assert turned.told.keys == {1: "5"}


def test_reports_are_encrypted_too(turned: TurnedMedia, phones: Phones) -> None:
    """Ours to the far end; and of its reports only those count that its key made."""
    ours, theirs = keys()
    phone, reports = phones(), phones()
    port = turned.media.open(1, HERE)
    turned.media.connect(1, far_of(phone, rtcp=reports.address, protection=SrtpSession(ours, theirs)))
    turned.run(6_000)
    far = SrtpSession(theirs, ours)
    told = [far.unprotect_report(datagram) for datagram in reports.datagrams()]
    (sent,) = [one for report in told if report for one in rtcp.parse(report)][:1]
    assert isinstance(sent, rtcp.SenderReport)

    def lost(count: int) -> bytes:
        block = rtcp.Block(sent.ssrc, 0, count, 300, 80, 0, 0)
        return rtcp.encode(rtcp.ReceiverReport(77, (block,)), "far")

    reports.send(port + 1, lost(9))
    turned.run(25)
    assert turned.media.figures(1).packets_lost == 0
    reports.send(port + 1, far.protect_report(lost(3)))
    turned.run(25)
    assert turned.media.figures(1).packets_lost == 3


def test_each_call_offers_keys_of_its_own() -> None:
    """One of each suite, the better first; no key is ever shown."""
    first, second = srtp.offered(), srtp.offered()
    assert [one.suite for one in first] == list(SUITES)
    assert [one.tag for one in first] == [1, 2]
    assert len({one.key for one in (*first, *second)}) == 4
    assert "key" not in repr(SrtpSession(first[0], second[0]))
