"""What strangers send costs no more than its length: no pattern tries one blank, quote or comma twice."""

import contextlib
import time
from collections.abc import Callable

import pytest

from onema.protocols.sip.bad_message import BadMessage
from onema.protocols.sip.descriptions import NotAcceptable, read_descriptions
from onema.protocols.sip.digest import read_challenges
from onema.protocols.sip.headers import Headers
from onema.protocols.sip.info_keys import key_of
from onema.protocols.sip.messages import Request, parse
from onema.protocols.sip.streams import StreamReader
from onema.protocols.sip.trace import without_secrets
from tests.unit.protocols.sip.test_messages import options

LENGTH = 60_000
MOST_SECONDS = 0.25
"""Of the processor: twenty times what the worst takes on a slow machine; a quadratic pattern takes seconds."""


def many(text: str) -> str:
    return text * (LENGTH // len(text))


SHAPES = [
    f"Contact: a{many(' ')}b",
    f'Contact: "a"{many(" ")}b',
    f'Contact: "{many(" ")}b',
    f'Contact: "{many(chr(92))}',
    f"Contact: {many('<')}",
    f"Contact: <sip:a{many(' ')}>",
    f"Contact: <sip:a>{many(';a')}",
    f"Contact: <sip:a>;a{many(' ')}b",
    f"Contact: <sip:a>;a={many(chr(34))}",
    f"Contact: <sip:a>{many(',<sip:a>')}",
    f"Contact:{many(chr(13) + chr(10) + ' ')}",
    f"X: a\r\n b{many(' ')}c",
    f"Via: SIP{many(' ')}x",
    f"Via: SIP/2.0/UDP a{many(',SIP/2.0/UDP a')}",
    many(":"),
    f"Authorization: Digest response{many(' ')}x",
    f"Authorization: Digest {many('response ')}",
]


def cost(read: Callable[[], object]) -> float:
    """Of the quickest of three."""
    found = []
    for _ in range(3):
        began = time.process_time()
        with contextlib.suppress(BadMessage, NotAcceptable):
            read()
        found.append(time.process_time() - began)
    return min(found)


@pytest.mark.parametrize("row", SHAPES, ids=[row[:24].strip() + str(at) for at, row in enumerate(SHAPES)])
def test_a_message_costs_no_more_than_its_length(row: str) -> None:
    """Whether it is one or not; so does writing over its secrets, and finding it in a stream."""
    octets = options(row)
    assert cost(lambda: parse(octets)) < MOST_SECONDS
    assert cost(lambda: without_secrets(octets)) < MOST_SECONDS
    assert cost(lambda: StreamReader().receive(octets)) < MOST_SECONDS


@pytest.mark.parametrize(
    "row",
    [
        f"Digest realm{many(' ')}x",
        f"Digest {many('a')}",
        f"Digest {many('a=b,')}",
        f"{many('a b=c,')}",
        f"{many(' ')}=",
    ],
    ids=range(5),
)
def test_a_challenge_costs_no_more_than_its_length(row: str) -> None:
    """A far end says what it likes in a 401."""
    assert cost(lambda: read_challenges([row])) < MOST_SECONDS


@pytest.mark.parametrize(
    "line",
    [f"m=audio 5 R{many(' 0')}\tx", f"m=audio 5 R{many(' ')}x", f"c=IN{many(' ')}x", many("\r\n")],
    ids=range(4),
)
def test_a_description_costs_no_more_than_its_length(line: str) -> None:
    """Nor does what it says in an answer."""
    assert cost(lambda: read_descriptions(f"v=0\r\n{line}".encode())) < MOST_SECONDS


@pytest.mark.parametrize("line", ["\r\n", "\n", " ", "signal "])
def test_a_key_costs_no_more_than_its_length(line: str) -> None:
    """Whoever was called may send any body."""
    headers = Headers([("Content-Type", "application/dtmf-relay")])
    request = Request("INFO", "sip:a@b", headers, many(line).encode())
    assert cost(lambda: key_of(request)) < MOST_SECONDS
