"""Whatever bytes an upstream answers, in whatever pieces: there is an answer, or none that is whole."""

from hypothesis import given
from hypothesis import strategies as st

from onema.http.client.connection import AnswerReader, BrokenAnswer

PIECES = st.sampled_from(
    [
        *(
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.0 500 x\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 204 \r\n",
        ),
        *(b"content-length: 5\r\n", b"content-length: -1\r\n", b"transfer-encoding: chunked\r\n", b"\r\n"),
        *(
            b"connection: close\r\n",
            b"upgrade: h2c\r\n",
            b"5\r\nhello\r\n",
            b"0\r\n\r\n",
            b"hello",
            b" folded\r\n",
        ),
        *(
            b"HTTP/1.1 101 Up\r\n\r\n",
            b"HTTP/1.1 999 x\r\n",
            b"\x00",
            b"a: \xff\r\n",
            b"ffffffffffffffff\r\n",
        ),
    ]
)
WIRE = st.lists(PIECES | st.binary(max_size=8), max_size=12).map(b"".join)


@given(WIRE, st.lists(st.integers(1, 20), max_size=8), st.booleans())
def test_any_bytes_are_an_answer_or_none(wire: bytes, sizes: list[int], is_connect: bool) -> None:
    """Nothing else is raised; the same bytes mean the same in other pieces."""
    whole = read([wire], is_connect=is_connect)
    pieces, at = [], 0
    for size in sizes:
        pieces.append(wire[at : at + size])
        at += size
    assert read([*filter(None, pieces), wire[at:]], is_connect=is_connect) == whole


def read(pieces: list[bytes], *, is_connect: bool) -> tuple[int, bytes] | None:
    """Status and body of the first answer, once it is whole; None where none comes."""
    reader = AnswerReader(is_connect=is_connect)
    try:
        for piece in pieces:
            reader.feed(piece)
            if reader.is_complete:
                break
        if not reader.is_complete:
            reader.end()
    except BrokenAnswer:
        return None
    answer = reader.answer
    assert answer is not None
    assert answer.status >= 200
    return answer.status, answer.body
