"""PDUs in a stream, however it is cut (SMPP 3.4 §3)."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.protocols.smpp import commands as c
from onema.protocols.smpp.frames import LONGEST_PDU, Frame, FrameReader, pdu

FRAMES = [
    Frame(c.BIND_TRANSCEIVER_RESP, 0, 1, b"smsc\0"),
    Frame(c.ENQUIRE_LINK, 0, 7),
    Frame(c.SUBMIT_SM_RESP, 0x58, 2),
    Frame(c.DELIVER_SM, 0, 0x7FFFFFFF, bytes(range(256)) * 4),
]
STREAM = b"".join(pdu(frame.command, frame.status, frame.sequence, frame.body) for frame in FRAMES)


def test_a_stream_may_be_cut_at_every_octet() -> None:
    """In two pieces, at each place."""
    for cut in range(len(STREAM) + 1):
        reader = FrameReader()
        assert reader.receive(STREAM[:cut]) + reader.receive(STREAM[cut:]) == FRAMES
        assert reader.pending == 0


@given(st.lists(st.integers(1, 40), min_size=1))
def test_a_stream_may_come_in_any_pieces(sizes: list[int]) -> None:
    """Down to single octets."""
    reader, found, at, turn = FrameReader(), list[Frame](), 0, 0
    while at < len(STREAM):
        size = sizes[turn % len(sizes)]
        found += reader.receive(STREAM[at : at + size])
        at, turn = at + size, turn + 1
    assert found == FRAMES


@pytest.mark.parametrize("length", [0, 15, LONGEST_PDU + 1, 0xFFFFFFFF])
def test_a_length_that_none_can_have_breaks_the_stream(length: int) -> None:
    """What came before it is read; of what follows nothing is, and nothing is kept."""
    reader = FrameReader()
    found = reader.receive(STREAM + struct.pack(">IIII", length, c.DELIVER_SM, 0, 1) + STREAM)
    assert found == FRAMES
    assert f"{length:,}" in reader.broken
    assert reader.receive(STREAM) == []
    assert reader.pending == 0


def test_an_endless_pdu_holds_no_more_than_the_longest_one() -> None:
    """The rest of it is another PDU, or breaks the stream."""
    reader = FrameReader(longest=64)
    reader.receive(struct.pack(">IIII", 64, c.DELIVER_SM, 0, 1))
    for _ in range(100):
        reader.receive(b"\xff" * 16)
        assert reader.pending < 64
    assert reader.broken


def test_a_frame_shows_no_text() -> None:
    """Bodies hold texts, numbers and passwords, and faults are logged."""
    shown = repr(Frame(c.DELIVER_SM, 0, 1, b"482913 is your code"))
    assert "482913" not in shown
    assert "deliver_sm" in shown
