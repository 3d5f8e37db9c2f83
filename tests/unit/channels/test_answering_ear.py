"""What a phone of our own hears of RTP, whatever comes."""

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from onema.channels.voice_sip.answering.ear import Ear, understood
from onema.protocols.rtp import packets, rtcp
from onema.speech import samples
from onema.speech.message import speak
from onema.speech.voices import Voices

VOICES = Voices.load()


def frames(code: str) -> list[bytes]:
    return list(speak(VOICES["en"], code).frames())


def packet(number: int, payload: bytes, *, ssrc: int = 7, start: int = 0) -> bytes:
    sequence, timestamp = (start + number) & 0xFFFF, (start + number * 160) & 0xFFFFFFFF
    return packets.Packet(packets.PCMU, sequence, timestamp, ssrc, payload).encode()


def ear(loses: float = 0.0) -> Ear:
    return Ear(loses, random.Random(1))


def test_order_and_repetition_do_not_matter() -> None:
    """By their timestamps, also where these begin anew in between."""
    one = ear()
    said = [packet(number, frame, start=0xFFFF_FF00) for number, frame in enumerate(frames("407193"))]
    for first, second in zip(said[::2], said[1::2], strict=False):
        one.take(second, 0.0)
        one.take(first, 0.0)
        one.take(first, 0.0)
    heard = understood(one.audio, VOICES)
    assert heard is not None
    assert (heard.code, heard.voice, heard.repeats) == ("407193", "en", 1)


def test_a_source_that_changes_goes_on_where_the_other_ended() -> None:
    """As after a re-INVITE; the losses of both count."""
    one = ear()
    said = frames("407193")
    for number, frame in enumerate(said):
        if number not in (5, 300):
            half = len(said) // 2
            ssrc = 7 if number < half else 8
            one.take(packet(number, frame, ssrc=ssrc, start=0 if ssrc == 7 else 12_345), 0.0)
    heard = understood(one.audio, VOICES)
    assert heard is not None
    assert heard.code == "407193"
    assert one.lost == 2


def test_a_message_that_was_begun_anew_is_heard_once() -> None:
    """What was cut off says nothing, though a piece of a sentence may sound like a letter."""
    whole = samples.from_g711(b"".join(frames("407193")))
    for cut in (8_000, 20_000, 30_000):
        heard = understood(np.concatenate([whole[:cut], whole]), VOICES)
        assert heard is not None
        assert heard.code == "407193"


def test_codes_that_differ_are_none() -> None:
    """Nobody knows which one was meant."""
    both = b"".join([*frames("407193"), *[b"\xff" * 160] * 150, *frames("407194")])
    assert understood(samples.from_g711(both), {"en": VOICES["en"]}) is None
    assert understood(samples.from_g711(b"\xff" * 8_000), VOICES) is None


def test_it_reports_what_was_lost() -> None:
    """RFC 3550 §6.4.2, about the source that talks; nothing before anything came."""
    one = ear()
    assert one.report() == b""
    for number, frame in enumerate(frames("4")):
        if number % 10:
            one.take(packet(number, frame), 0.0)
    (report, *_) = rtcp.parse(one.report(goodbye=True))
    assert isinstance(report, rtcp.ReceiverReport)
    (block,) = report.blocks
    assert block.ssrc == 7
    assert block.lost == one.lost > 0


@given(st.lists(st.binary(max_size=400), max_size=20))
def test_anything_may_come(datagrams: list[bytes]) -> None:
    """What is no audio is passed over, and memory is bounded."""
    one = ear()
    for datagram in datagrams:
        one.take(datagram, 0.0)
        one.take(packet(0, datagram, start=2**31), 0.0)
    one.report()
    assert len(one.audio) <= 300 * 8_000
