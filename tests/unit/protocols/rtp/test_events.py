from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.protocols.rtp import events
from onema.protocols.rtp.events import KEYS, Event, KeyHearing, press
from onema.protocols.rtp.packets import Packet

TYPE = 101


def heard(sent: Iterable[Packet], hearing: KeyHearing | None = None) -> str:
    """The keys that are heard of these packets."""
    hearing = hearing or KeyHearing(TYPE)
    return "".join(key for packet in sent if (key := hearing.receive(packet)))


def packet(
    number: int,
    timestamp: int,
    *,
    sequence: int = 0,
    duration: int = 160,
    end: bool = False,
    ssrc: int = 1,
    payload_type: int = TYPE,
) -> Packet:
    return Packet(payload_type, sequence, timestamp, ssrc, Event(number, end, 10, duration).encode())


def pressed(key: str, *, sequence: int = 1, timestamp: int = 0) -> list[Packet]:
    return press(key, payload_type=TYPE, ssrc=1, sequence=sequence, timestamp=timestamp)


@given(st.text(st.sampled_from(KEYS), max_size=12), st.data())
def test_hears_each_press_once_whatever_is_lost_repeated_or_late(keys: str, data: st.DataObject) -> None:
    """Of each press at least one packet comes; the network may lose the others, repeat and reorder them."""
    came: list[Packet] = []
    for number, key in enumerate(keys):
        sent = pressed(key, sequence=11 * number, timestamp=4000 * number)
        came += data.draw(st.lists(st.sampled_from(sent), min_size=1, max_size=20))
    assert heard(came) == keys


# RFC 4733 §2.5.1.4
def test_sends_what_a_phone_sends() -> None:
    """Durations grow, the timestamp stays, the first has the marker, three end packets follow."""
    sent = pressed("#", sequence=0xFFFE, timestamp=77)
    told = [events.parse(each.payload) for each in sent]
    assert [(event.number, event.duration, event.end) for event in told if event] == [
        *((11, 8 * ms, False) for ms in range(20, 160, 20)),
        *((11, 1280, True) for _ in range(3)),
    ]
    assert {each.timestamp for each in sent} == {77}
    assert [each.marker for each in sent] == [True] + [False] * 9
    assert [each.sequence for each in sent][:4] == [0xFFFE, 0xFFFF, 0, 1]
    with pytest.raises(ValueError, match="a key is"):
        press("E", payload_type=TYPE, ssrc=1, sequence=0, timestamp=0)


def test_a_first_packet_may_say_that_nothing_has_passed() -> None:
    """Duration 0 is the moment of pressing."""
    assert heard([packet(5, 100, duration=0), packet(5, 100), packet(5, 100, end=True)]) == "5"


def test_the_reserved_bit_says_nothing() -> None:
    """§2.3.2: it is ignored, whatever it is."""
    assert events.parse(b"\x05\x4a\x00\xa0") == Event(5, False, 10, 160)
    assert heard([Packet(TYPE, 0, 100, 1, b"\x05\x4a\x00\xa0")]) == "5"


@pytest.mark.parametrize("ends", [1, 2, 3])
def test_end_packets_may_be_one_to_three_with_one_sequence_number_or_durations_of_their_own(
    ends: int,
) -> None:
    """None of them is a press of its own, and the next press is."""
    first = [packet(1, 100, sequence=4)]
    first += [packet(1, 100, sequence=5, duration=320 + 80 * number, end=True) for number in range(ends)]
    assert heard([*first, packet(1, 900, sequence=5)]) == "11"


def test_only_an_end_packet_is_a_press_too() -> None:
    """All others were lost."""
    assert heard([packet(3, 100, end=True)]) == "3"


def test_audio_between_changes_nothing() -> None:
    """Some phones go on sending what the microphone hears."""
    sent = pressed("7")
    audio = Packet(0, 3, 160, 1, bytes(160))
    assert heard([sent[0], audio, *sent[1:4], audio, *sent[4:]]) == "7"


def test_a_type_that_was_not_negotiated_is_no_key() -> None:
    """Four null octets on type 97 would be a 0 that nobody pressed."""
    assert heard([packet(0, 100, payload_type=97), Packet(97, 0, 0, 1, bytes(4))]) == ""
    assert heard([packet(0, 100)], KeyHearing(None)) == ""


def test_two_sources_press_apart() -> None:
    """Recorded keys are often played with an SSRC of their own."""
    assert heard([packet(2, 100), packet(2, 100, ssrc=9), packet(2, 100)]) == "22"


def test_flash_and_tones_are_no_keys() -> None:
    """Events above 15 are others (§3.2)."""
    assert heard([packet(16, 100), packet(32, 200), packet(255, 300)]) == ""
    assert heard([Packet(TYPE, 0, 0, 1, b"\x05\x0a\x00")]) == "", "too short"


# RFC 4733 §2.5.1.3
def test_a_key_that_is_held_long_is_one_press() -> None:
    """After 8.19 s a segment is full, and the next begins at the timestamp where it ended."""
    full = [packet(8, 100, duration=d) for d in (160, 30000, 0xFFFF)]
    rest = [packet(8, 100 + 0xFFFF, duration=d) for d in (160, 320)]
    assert heard([*full, *rest]) == "8"
    assert heard([*full, packet(8, 100 + 0xFFFF + 160)]) == "88", "that one is new"
