import struct

from hypothesis import given
from hypothesis import strategies as st

from onema.protocols.rtp import packets, rtcp
from onema.protocols.rtp.events import KeyHearing
from onema.protocols.rtp.first_octet import Kind, kind_of
from onema.protocols.rtp.packets import Packet

PACKETS = st.builds(
    Packet,
    payload_type=st.integers(0, 127),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=400),
    marker=st.booleans(),
)
AUDIO = Packet(0, 7, 160, 0xABCD, b"audio")


@given(PACKETS)
def test_reads_what_it_writes(packet: Packet) -> None:
    """Every field survives."""
    assert packets.parse(packet.encode()) == packet


# RFC 3550 §5.1
@given(PACKETS, st.lists(st.integers(0, 0xFFFFFFFF), max_size=15), st.binary(max_size=40), st.integers(0, 60))
def test_passes_over_sources_extension_and_padding(
    packet: Packet, sources: list[int], extension: bytes, padding: int
) -> None:
    """What is left is the payload, whatever else the packet carries."""
    extension += bytes(-len(extension) % 4)
    octets = bytearray(packet.encode()[:12])
    octets[0] |= 0x10 | len(sources) | (0x20 if padding else 0)
    octets += struct.pack(f">{len(sources)}I", *sources)
    octets += struct.pack(">HH", 0xBEDE, len(extension) // 4) + extension + packet.payload
    if padding:
        octets += bytes(padding - 1) + bytes((padding,))
    assert packets.parse(bytes(octets)) == packet


def test_refuses_what_ends_too_early() -> None:
    """A header that says more than there is makes no packet."""
    whole = AUDIO.encode()
    assert packets.parse(whole[:11]) is None
    assert packets.parse(b"\x0f" + whole[1:]) is None, "another version"
    assert packets.parse(b"\x8f" + whole[1:]) is None, "15 sources that are not there"
    assert packets.parse(b"\x90" + whole[1:12]) is None, "no extension"
    assert packets.parse(b"\x90" + whole[1:12] + b"\0\0\xff\xff") is None, "an extension that is too long"
    assert packets.parse(b"\xa0" + whole[1:] + b"\0") is None, "padding of nothing"
    assert packets.parse(b"\xa0" + whole[1:] + b"\xff") is None, "more padding than packet"


@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda rest: b"\x80" + rest))
def test_arbitrary_octets_raise_nothing(datagram: bytes) -> None:
    """The network may send what it likes."""
    kind_of(datagram)
    rtcp.parse(datagram)
    packet = packets.parse(datagram)
    if packet is not None:
        KeyHearing(packet.payload_type).receive(packet)


# RFC 7983 §7, RFC 5761 §4
def test_first_octets_tell_apart_what_shares_a_port() -> None:
    """STUN is 0 to 3, RTP and RTCP 128 to 191, of which the second octet tells."""
    assert {kind_of(bytes((first,)) + bytes(19)) for first in range(4)} == {Kind.STUN}
    assert {kind_of(bytes((first, 0))) for first in range(4, 128)} == {Kind.OTHER}
    assert {kind_of(bytes((first, 0))) for first in range(192, 256)} == {Kind.OTHER}
    assert {kind_of(bytes((first, 101))) for first in range(128, 192)} == {Kind.RTP}
    assert {kind_of(bytes((0x80, 0x80 | kind))) for kind in (0, 8, 101)} == {Kind.RTP}, "with a marker"
    assert {kind_of(bytes((0x81, second))) for second in range(192, 224)} == {Kind.RTCP}
    assert kind_of(b"") is Kind.OTHER
    assert kind_of(b"\x80") is Kind.OTHER
