"""Messages in a stream (RFC 3261 §18.3): cut anywhere, kept alive, bounded."""

from hypothesis import given
from hypothesis import strategies as st

from onema.protocols.sip.bad_message import BadMessage
from onema.protocols.sip.messages import parse
from onema.protocols.sip.streams import KEEP_ALIVE, StreamReader
from tests.unit.protocols.sip.test_messages import octets, options

ONE = options("Content-Length: 4", body=b"\r\n\r\n")
OTHER = octets("SIP/2.0 200 OK", "l: 0")
BAD = options("Content-Length: 2", "no header", body=b"hi")


@given(st.lists(st.sampled_from([ONE, OTHER, b"\r\n", KEEP_ALIVE]), max_size=6), st.data())
def test_a_stream_may_be_cut_anywhere(pieces: list[bytes], data: st.DataObject) -> None:
    """The same messages come out, in order."""
    whole = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    reader = StreamReader()
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        found += reader.receive(whole[start:end])
    assert found == [parse(piece) for piece in pieces if piece in (ONE, OTHER)]
    assert not reader.broken
    assert reader.pending == 0


def test_a_stream_may_come_octet_by_octet() -> None:
    """As the slowest peer sends it."""
    reader = StreamReader()
    found = [message for octet in ONE + OTHER for message in reader.receive(bytes((octet,)))]
    assert found == [parse(ONE), parse(OTHER)]


def test_two_line_ends_between_messages_ask_for_an_answer() -> None:
    """RFC 5626 §3.5.1; one alone is what careless peers write behind a body."""
    reader = StreamReader()
    reader.receive(ONE + b"\r\n" + OTHER)
    assert reader.pings == 0
    reader.receive(KEEP_ALIVE[:1])
    reader.receive(KEEP_ALIVE[1:])
    assert reader.pings == 1


def test_a_bad_message_does_not_take_the_next_with_it() -> None:
    """One call's nonsense must not end all calls on the connection, as long as its end is known."""
    reader = StreamReader()
    bad, good = reader.receive(BAD + OTHER)
    assert isinstance(bad, BadMessage)
    assert bad.request is not None
    assert good == parse(OTHER)


def test_a_message_whose_end_nobody_knows_breaks_the_stream() -> None:
    """No Content-Length (RFC 3261 §20.14 asks for one), or two."""
    for rows in ((), ("Content-Length: 1", "l: 2")):
        reader = StreamReader()
        assert reader.receive(ONE + options(*rows) + OTHER) == [parse(ONE)]
        assert "Content-Length" in reader.broken
        assert reader.receive(ONE) == []
        assert reader.pending == 0


def test_what_never_ends_is_not_kept() -> None:
    """Headers without an end, and a body longer than any."""
    for beginning in (
        b"OPTIONS " + b"x" * 2_000,
        options("Content-Length: 2000"),
        options("Content-Length: 999999999"),
    ):
        reader = StreamReader(longest=1_000)
        assert reader.receive(beginning) == []
        assert "too long" in reader.broken
        assert reader.pending == 0


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_octets_of_any_kind_break_a_stream_or_wait(pieces: list[bytes]) -> None:
    """Nothing is raised, and no more is held than was allowed."""
    reader = StreamReader(longest=100)
    for piece in pieces:
        reader.receive(piece)
        assert reader.pending <= 100
