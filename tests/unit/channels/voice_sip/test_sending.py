import itertools
import random
from contextlib import closing

import pytest

from onema.channels.voice_sip.clips import UnknownClip
from onema.channels.voice_sip.datagrams import Unreachable
from onema.channels.voice_sip.listeners import Far
from onema.channels.voice_sip.media import UnknownCall
from onema.channels.voice_sip.sending import Slice, Stream
from onema.protocols.rtp.events import press
from onema.protocols.rtp.packets import parse
from onema.speech import g711
from onema.speech.g711 import Law
from tests.unit.channels.voice_sip.conftest import Phones
from tests.unit.channels.voice_sip.far_end import HERE, Phone, TurnedMedia, audio, far_of

_RANDOM = random.Random(4)
CLIPS = {number: _RANDOM.randbytes(160 * frames) for number, frames in enumerate((1, 3, 7, 20, 2, 11), 1)}


def learn(turned: TurnedMedia) -> None:
    for number, pcmu in CLIPS.items():
        turned.media.learn(number, pcmu)


def pcmu(*clips: int) -> bytes:
    return b"".join(CLIPS[clip] for clip in clips)


def called(turned: TurnedMedia, phone: Phone, call: int = 1, **far: object) -> int:
    """A call that is connected, and its port here."""
    port = turned.media.open(call, HERE)
    turned.media.connect(call, far_of(phone, **far))
    return port


def test_plays_its_clips_octet_for_octet(turned: TurnedMedia, phones: Phones) -> None:
    """In order, 20 ms each, numbered and timed as RFC 3550 §5.1 wants; then silence."""
    learn(turned)
    phone = phones()
    called(turned, phone)
    turned.media.play(1, [2, 1, 2, 4])
    turned.run(27 * 20)
    assert turned.told.all == [("played", 1)]
    turned.run(40)
    came = phone.packets()
    assert audio(came[:27]) == pcmu(2, 1, 2, 4)
    assert audio(came[27:]) == b"\xff" * 320
    assert len(came) == 29
    assert {packet.ssrc for packet in came} == {came[0].ssrc}
    for before, after in itertools.pairwise(came):
        assert after.sequence == (before.sequence + 1) & 0xFFFF
        assert after.timestamp == (before.timestamp + 160) & 0xFFFFFFFF
    assert [packet.marker for packet in came] == [True] + [False] * 28
    assert turned.media.stop(1).packets_sent == 29


def test_a_thousand_calls_play_what_is_theirs(turned: TurnedMedia, phones: Phones) -> None:
    """At once, each with an order of clips of its own, coming and going at different times."""
    learn(turned)
    wanted: dict[int, tuple[Phone, tuple[int, ...]]] = {}
    listening = [phones() for _ in range(200)]
    for call in range(1000):
        phone = listening[call % len(listening)]
        wanted[call] = phone, tuple(_RANDOM.choices(range(1, 7), k=3))
        called(turned, phone, call)
        turned.media.play(call, wanted[call][1])
        if call % 100 == 99:
            turned.run(20)
        if call % 7 == 3:
            turned.media.stop(call - 2)
            del wanted[call - 2]
    turned.run(60 * 20)
    heard: dict[Phone, dict[int, list[bytes]]] = {phone: {} for phone in listening}
    for phone in listening:
        for packet in phone.packets():
            heard[phone].setdefault(packet.ssrc, []).append(packet.payload)
    spoken = {
        phone: [b"".join(payloads) for payloads in sources.values()] for phone, sources in heard.items()
    }
    for phone, clips in wanted.values():
        assert any(sound.startswith(pcmu(*clips) + b"\xff" * 160) for sound in spoken[phone])
    assert {call for what, call in turned.told.all if what == "played"} >= set(wanted)


@pytest.mark.parametrize("ptime", [10, 20, 30, 60])
def test_packs_as_the_answer_asks(turned: TurnedMedia, phones: Phones, ptime: int) -> None:
    """a=ptime: packets cross from clip to clip, and the last is filled up with silence (RFC 8866 §6.4)."""
    learn(turned)
    phone = phones()
    called(turned, phone, ptime_ms=ptime)
    turned.media.play(1, [2, 3, 1])
    turned.run(300)
    came = phone.packets()
    assert {len(packet.payload) for packet in came} == {8 * ptime}
    assert (came[1].timestamp - came[0].timestamp) & 0xFFFFFFFF == 8 * ptime
    assert len(came) == 300 // ptime
    assert audio(came).startswith(pcmu(2, 3, 1))
    assert set(audio(came)[len(pcmu(2, 3, 1)) :]) == {0xFF}


def test_sends_a_law_to_whom_it_is_due(turned: TurnedMedia, phones: Phones) -> None:
    """The same clip, as each answer chose, under the payload type that it named."""
    learn(turned)
    one, other = phones(), phones()
    called(turned, one, 1)
    called(turned, other, 2, law=Law.PCMA, payload_type=8)
    for call in (1, 2):
        turned.media.play(call, [3])
    turned.run(160)
    mu, a = one.packets(), other.packets()
    assert audio(mu) == pcmu(3) + b"\xff" * 160
    assert audio(a) == g711.translate(pcmu(3), Law.PCMU, Law.PCMA) + b"\xd5" * 160
    assert {packet.payload_type for packet in a} == {8}


def test_a_stall_is_skipped_not_made_up_for(turned: TurnedMedia, phones: Phones) -> None:
    """After 130 ms one packet leaves, not six; its timestamp says how long the pause was, and no audio is lost."""
    learn(turned)
    phone = phones()
    called(turned, phone)
    turned.media.play(1, [4])
    turned.run(100)
    before = phone.packets()
    turned.stall(130)
    turned.run(1)
    (after,) = phone.packets()
    assert after.sequence == (before[-1].sequence + 1) & 0xFFFF
    assert (after.timestamp - before[-1].timestamp) & 0xFFFFFFFF in (160 * 6, 160 * 7)
    assert after.marker, "a talkspurt begins after a pause (RFC 3551 §4.1)"
    turned.run(400)
    rest = phone.packets()
    assert not any(packet.marker for packet in rest)
    assert audio([*before, after, *rest]).startswith(pcmu(4))


@pytest.mark.parametrize(
    ("sequence", "timestamp"), [(0xFFFD, 5), (5, 0xFFFFFFFF - 480), (0xFFFD, 2**32 - 480), (0, 0)]
)
def test_numbers_wrap_each_by_itself(phones: Phones, sequence: int, timestamp: int) -> None:
    """16 bits of sequence number and 32 of timestamp, wherever a call begins (RFC 3550 §5.1)."""
    phone = phones()
    sent: list[bytes] = []
    plays = Slice(20, 0, lambda *_: 1, lambda _: None)
    stream = Stream(1, 0xFFFFFFFF, sequence, timestamp)
    stream.destination, stream.payload_type = phone.address, 8
    plays.join(stream, sends=True)
    for number in range(8):
        sent.append(plays.header(stream))
        plays.turn(plays.due)
        if number == 5:
            plays.silence(stream)
            plays.turn(plays.due)
            plays.sound(stream)
    for number, header in enumerate(sent):
        packet = parse(header)
        assert packet is not None
        clock = number if number < 6 else number + 1
        assert packet.sequence == (sequence + number) & 0xFFFF
        assert packet.timestamp == (timestamp + 160 * clock) & 0xFFFFFFFF
        assert (packet.ssrc, packet.payload_type) == (0xFFFFFFFF, 8)
        assert packet.marker == (number in (0, 6))
    assert plays.packets(stream) == 8


def test_says_nothing_while_it_is_held_and_goes_on_after(turned: TurnedMedia, phones: Phones) -> None:
    """Of a hold by us and of one by the far end: its clock goes on, what it plays waits."""
    learn(turned)
    phone = phones()
    called(turned, phone)
    turned.media.play(1, [4])
    turned.run(100)
    turned.media.hold(1)
    turned.run(200)
    before = phone.packets()
    assert len(before) == 5
    turned.media.resume(1)
    turned.run(100)
    turned.media.connect(1, far_of(phone, listens=False))
    turned.run(100)
    middle = phone.packets()
    assert len(middle) == 5
    assert middle[0].marker
    assert (middle[0].timestamp - before[-1].timestamp) & 0xFFFFFFFF == 160 * 11
    assert middle[0].sequence == (before[-1].sequence + 1) & 0xFFFF
    turned.media.connect(1, far_of(phone))
    turned.run(400)
    assert audio([*before, *middle, *phone.packets()]).startswith(pcmu(4))
    assert turned.told.all == [("played", 1)]


def test_moves_where_the_far_end_moves(turned: TurnedMedia, phones: Phones) -> None:
    """A re-INVITE may change address, law and packet time; what was played is not played again."""
    learn(turned)
    here, there = phones(), phones()
    called(turned, here)
    turned.media.play(1, [3, 4])
    turned.run(5 * 20)
    turned.media.connect(1, far_of(there, law=Law.PCMA, payload_type=8, ptime_ms=30))
    turned.run(600)
    before, after = here.packets(), there.packets()
    played = audio(before) + g711.translate(audio(after), Law.PCMA, Law.PCMU)
    wanted = pcmu(3, 4)
    assert played[:800] == wanted[:800]
    assert audio(after).startswith(g711.translate(wanted[800:], Law.PCMU, Law.PCMA))
    assert before[0].ssrc == after[0].ssrc
    assert after[0].sequence == (before[-1].sequence + 1) & 0xFFFF
    assert turned.told.all == [("played", 1)]


def test_begins_again_when_told_to(turned: TurnedMedia, phones: Phones) -> None:
    """In the middle of a clip: key 1 repeats the message."""
    learn(turned)
    phone = phones()
    called(turned, phone)
    turned.media.play(1, [4])
    turned.run(60)
    turned.media.play(1, [4, 1])
    turned.run(22 * 20)
    assert audio(phone.packets()) == pcmu(4)[:480] + pcmu(4, 1) + b"\xff" * 160
    assert turned.told.all == [("played", 1)]


def test_a_message_of_nothing_is_played_at_once(turned: TurnedMedia, phones: Phones) -> None:
    """Whoever waits for its end does not wait for ever."""
    called(turned, phones())
    turned.media.play(1, [])
    turned.run(1)
    assert turned.told.all == [("played", 1)]


def test_a_clip_learned_anew_or_forgotten_does_not_change_what_is_playing(
    turned: TurnedMedia, phones: Phones
) -> None:
    """Calls keep what they began with."""
    learn(turned)
    phone = phones()
    called(turned, phone)
    turned.media.play(1, [4])
    turned.run(40)
    turned.media.learn(4, b"\0" * 160)
    turned.media.forget(4)
    turned.run(400)
    assert audio(phone.packets()).startswith(pcmu(4))
    with pytest.raises(UnknownClip):
        turned.media.play(1, [4])


def test_few_calls_share_a_moment_and_many_do_not(turned: TurnedMedia, phones: Phones) -> None:
    """Ten calls wake the thread once in 20 ms; 1,500 do it every 2 ms."""
    phone = phones()
    for call in range(10):
        called(turned, phone, call)
    turned.run(20)
    bursts = []
    phone.packets()
    for _ in range(20):
        turned.run(1)
        bursts.append(len(phone.packets()))
    assert sorted(bursts)[-2:] == [0, 10]
    for call in range(10, 1500):
        called(turned, phone, call)
    turned.run(20)
    phone.packets()
    for _ in range(20):
        turned.run(1)
        assert len(phone.packets()) in (0, 150)


def test_says_what_it_cannot_do(turned: TurnedMedia) -> None:
    """A far end of another family or without a number, a call that is not open."""
    turned.media.open(1, HERE)
    for address in (("::1", 4000), ("localhost", 4000), (HERE, 0)):
        with pytest.raises(Unreachable):
            turned.media.connect(1, Far(address=address))
    turned.media.stop(1)
    for call in (turned.media.stop, turned.media.hold, turned.media.resume, turned.media.figures):
        with pytest.raises(UnknownCall):
            call(1)
    with pytest.raises(OSError, match="assign"):
        turned.media.open(2, "192.0.2.1")


def test_does_without_sendmmsg(phones: Phones) -> None:
    """Where the C library has none: the same packets, one by one, and the same hearing."""
    with closing(TurnedMedia(system_call=lambda name: None)) as turned:
        learn(turned)
        one, other = phones(), phones()
        port = called(turned, one, 1)
        called(turned, other, 2)
        turned.media.play(1, [3])
        turned.media.play(2, [4])
        one.send(port, *press("9", payload_type=101, ssrc=1, sequence=1, timestamp=1))
        turned.run(20 * 20)
        assert audio(one.packets()).startswith(pcmu(3) + b"\xff" * 160)
        assert audio(other.packets()) == pcmu(4)
        assert turned.told.keys == {1: "9"}


def test_a_packet_that_the_system_does_not_take_costs_only_itself(
    turned: TurnedMedia, phones: Phones
) -> None:
    """An address that nobody may send to; the calls beside it are sent all the same, and it is not counted."""
    learn(turned)
    before, after = phones(), phones()
    called(turned, before, 1)
    turned.media.open(2, HERE)
    turned.media.connect(2, Far(address=("255.255.255.255", 4000)))
    called(turned, after, 3)
    for call in (1, 2, 3):
        turned.media.play(call, [4])
    turned.run(400)
    assert audio(before.packets()) == audio(after.packets()) == pcmu(4)
    assert [turned.media.stop(call).packets_sent for call in (1, 2, 3)] == [20, 0, 20]
    assert ("played", 2) in turned.told.all
