import struct

from hypothesis import given
from hypothesis import strategies as st

from onema.protocols.rtp import rtcp
from onema.protocols.rtp.rtcp import Block, Goodbye, ReceiverReport, SenderReport

WORD = st.integers(0, 0xFFFFFFFF)
BLOCKS = st.lists(
    st.builds(
        Block,
        ssrc=WORD,
        fraction_lost=st.integers(0, 255),
        lost=st.integers(-0x800000, 0x7FFFFF),
        highest_sequence=WORD,
        jitter=WORD,
        last_report=WORD,
        since_last_report=WORD,
    ),
    max_size=31,
).map(tuple)
REPORTS = st.builds(
    SenderReport,
    ssrc=WORD,
    ntp=st.integers(0, 0xFFFFFFFFFFFFFFFF),
    timestamp=WORD,
    packets=WORD,
    octets=WORD,
    blocks=BLOCKS,
) | st.builds(ReceiverReport, ssrc=WORD, blocks=BLOCKS)
OURS = 0x1234


@given(REPORTS, st.text(max_size=80), st.booleans())
def test_reads_what_it_writes(report: SenderReport | ReceiverReport, cname: str, goodbye: bool) -> None:
    """A compound packet starts with the report, and ends with BYE where one was asked for."""
    datagram = rtcp.encode(report, cname, goodbye=goodbye)
    assert len(datagram) % 4 == 0
    assert rtcp.parse(datagram) == [report, Goodbye((report.ssrc,))][: 1 + goodbye]


# RFC 3550 §6.5
def test_names_its_source() -> None:
    """CNAME is an item of SDES, and the list of items ends with a null octet at a word's end."""
    datagram = rtcp.encode(ReceiverReport(OURS), "abc@host")
    sdes = datagram[8:]
    assert sdes == bytes((0x81, 202, 0, 4)) + OURS.to_bytes(4, "big") + b"\x01\x08abc@host\0\0"


def test_takes_only_blocks_about_itself() -> None:
    """What is said of others, and of source 0, is not of us."""
    others = [Block(0, lost=9), Block(OURS + 1, lost=8)]
    assert rtcp.about(OURS, [ReceiverReport(1, others)]) is None
    assert rtcp.about(0, [ReceiverReport(1, others)]) is None
    told = SenderReport(1, 2, 3, 4, 5, [*others, Block(OURS, lost=3)])
    assert rtcp.about(OURS, [told, Goodbye((1,))]) == Block(OURS, lost=3)


def test_passes_over_what_tells_nothing() -> None:
    """An empty RR, APP and extended reports stand beside reports without harm."""
    empty = struct.pack(">BBHI", 0x80, 201, 1, 77)
    app = struct.pack(">BBHI4sI", 0x80, 204, 3, 77, b"abcd", 0)
    extended = struct.pack(">BBHI", 0x80, 207, 1, 77)
    report = rtcp.encode(SenderReport(77, 1, 2, 3, 4, (Block(OURS, lost=1),)), "")
    parsed = rtcp.parse(empty + app + extended + report)
    assert parsed[0] == ReceiverReport(77)
    assert rtcp.about(OURS, parsed) == Block(OURS, lost=1)


def test_reads_a_report_that_is_padded() -> None:
    """Padding belongs to the last packet (§6.4.1) and is no block."""
    padded = struct.pack(">BBHI", 0xA1, 203, 2, 77) + b"\0\0\0\4"
    assert rtcp.parse(padded) == [Goodbye((77,))]
    assert rtcp.parse(padded[:-1] + b"\xff") == [], "more padding than there is"


@given(REPORTS, st.integers(0, 800))
def test_what_is_cut_off_says_only_what_is_whole(report: SenderReport | ReceiverReport, octets: int) -> None:
    """A packet that ends before its length is not read."""
    whole = rtcp.encode(report, "cname")
    parsed = rtcp.parse(whole[:octets])
    assert parsed in ([], [report])


# RFC 3550 §4 and §6.4.1
def test_reckons_the_round_trip() -> None:
    """From our report to theirs, less what they kept it: the example of figure 2."""
    block = Block(OURS, last_report=0xB7052000, since_last_report=0x00054000)
    assert rtcp.round_trip_ms(block, 0xB7108000 << 16) == 6125.0
    assert rtcp.round_trip_ms(Block(OURS), 1 << 40) is None, "it had none of ours"
    assert rtcp.round_trip_ms(Block(OURS, last_report=10, since_last_report=9), 12 << 16) == 0.0


def test_ntp_time_counts_from_1900() -> None:
    """1 January 1970 and half a second."""
    assert rtcp.ntp_time(500_000_000) == 2_208_988_800 << 32 | 1 << 31
    assert rtcp.middle(2_208_988_800 << 32 | 1 << 31) == (2_208_988_800 & 0xFFFF) << 16 | 0x8000
