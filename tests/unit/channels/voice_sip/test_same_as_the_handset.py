"""A trunk gets exactly the audio that the handset plays in the browser."""

import pytest

from onema.domain.delivery.payload import CallPayload
from onema.domain.values.phone import Phone
from onema.speech import Voices, g711, wav
from onema.speech.announcement import Announcements
from onema.speech.g711 import FRAME_BYTES, Law
from tests.unit.channels.voice_sip.conftest import Phones
from tests.unit.channels.voice_sip.far_end import HERE, TurnedMedia, audio, far_of

VOICES = Voices.load()
PCMU_TYPE, PCMA_TYPE = 0, 8


def call_with(voice: str, *, rate: float = 1.0, times: int = 1) -> CallPayload:
    return CallPayload(
        phone=Phone("+84901888484"),
        caller="",
        voice=voice,
        code="090417",
        sentence=None,
        times=times,
        rate=rate,
        max_seconds=120,
        valid_until=0,
    )


def sent(
    turned: TurnedMedia, phones: Phones, announcements: Announcements, call: CallPayload, law: Law
) -> bytes:
    """What a far end gets of a call, clip by clip as a carrier plays it, each of them learned once."""
    numbers: dict[bytes, int] = {}
    clips = announcements.message(call).clips
    for clip in clips:
        if clip.pcmu not in numbers:
            numbers[clip.pcmu] = len(numbers) + 1
            turned.media.learn(numbers[clip.pcmu], clip.pcmu)
    phone = phones()
    turned.media.open(1, HERE)
    turned.media.connect(1, far_of(phone, law=law, payload_type=PCMU_TYPE if law is Law.PCMU else PCMA_TYPE))
    turned.media.play(1, [numbers[clip.pcmu] for clip in clips])
    frames = sum(len(clip.pcmu) for clip in clips) // FRAME_BYTES
    turned.run(frames * 20)
    turned.media.stop(1)
    came = phone.packets()[:frames]
    assert {len(packet.payload) for packet in came} == {FRAME_BYTES}
    return audio(came)


def heard(frames: bytes, law: Law) -> bytes:
    """Samples: mu-law has two octets for nought, which sound alike."""
    return g711.decode(frames, law)


def playable(pcm: bytes, law: Law) -> bytes:
    """What the browser plays, in the levels that the law has: with mu-law, which clips are kept in, just the same."""
    return pcm if law is Law.PCMU else g711.decode(g711.encode(pcm, law), law)


@pytest.mark.parametrize("law", Law)
@pytest.mark.parametrize("voice", sorted(VOICES))
def test_the_browser_plays_exactly_the_frames_that_a_trunk_gets(
    turned: TurnedMedia, phones: Phones, voice: str, law: Law
) -> None:
    """Every sample of every voice. With A-law each is the nearest level that A-law has."""
    announcements = Announcements(lambda: VOICES)
    call = call_with(voice)
    in_the_browser = wav.read(announcements.wav(call))
    assert (in_the_browser.sample_rate, in_the_browser.channels) == (g711.SAMPLE_RATE, 1)
    on_the_trunk = sent(turned, phones, announcements, call, law)
    assert on_the_trunk == b"".join(announcements.message(call).frames(law))
    assert heard(on_the_trunk, law) == playable(in_the_browser.pcm, law)


@pytest.mark.parametrize("law", Law)
def test_faster_and_repeated_messages_are_the_same_too(turned: TurnedMedia, phones: Phones, law: Law) -> None:
    """Stretched clips are made once for both."""
    announcements = Announcements(lambda: VOICES)
    call = call_with("en", rate=1.4, times=2)
    on_the_trunk = sent(turned, phones, announcements, call, law)
    assert heard(on_the_trunk, law) == playable(wav.read(announcements.wav(call)).pcm, law)
