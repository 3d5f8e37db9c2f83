"""Messages in a stream: TCP and TLS (RFC 3261 §18.3)."""

import re

from onema.protocols.sip.messages import LONGEST_MESSAGE, BadMessage, Message, parse

KEEP_ALIVE = b"\r\n\r\n"
"""What a client sends to hold a connection open (RFC 5626 §3.5.1)."""
KEEP_ALIVE_ANSWER = b"\r\n"

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\n(?:Content-Length|l)[ \t]*:\s*([0-9]{1,9})[ \t]*(?=\r\n)", re.IGNORECASE)


class StreamReader:
    """Cuts what comes into messages, however it is cut on its way."""

    def __init__(self, longest: int = LONGEST_MESSAGE) -> None:
        self._longest = longest
        self._begun = bytearray()
        """From the beginning of a message on; never more than the longest message and one read."""
        self._searched = 0
        """Octets of it in which the end of the headers does not begin."""
        self._whole = 0
        """How long the message that has begun is; 0 until its headers have come."""
        self._blank_lines = 0
        self.pings = 0
        """Keep-alives that came (RFC 5626 §3.5.1); whoever answers one with KEEP_ALIVE_ANSWER takes it off."""
        self.broken = ""
        """Why the stream cannot be read any more: nobody knows where the next message begins. The connection is to be
        closed."""

    @property
    def pending(self) -> int:
        """Octets of a message whose end has not come."""
        return len(self._begun)

    def receive(self, data: bytes) -> list[Message | BadMessage]:
        """The messages that end in `data`, in order, and in the place of one that is none why; nothing after the stream
        broke.
        """
        found: list[Message | BadMessage] = []
        if self.broken:
            return found
        self._begun += data
        while (octets := self._next()) is not None:
            try:
                found.append(parse(octets))
            except BadMessage as bad:
                found.append(bad)
        return found

    def _next(self) -> bytes | None:
        """The octets of the next whole message."""
        self._take_blank_lines()
        if not self._whole:
            self._find_length()
        if (self._whole or len(self._begun)) > self._longest:
            self._break("a message that is too long")
        if not self._whole or len(self._begun) < self._whole:
            return None
        octets = bytes(self._begun[: self._whole])
        del self._begun[: self._whole]
        self._whole = self._searched = self._blank_lines = 0
        return octets

    def _find_length(self) -> None:
        end = self._begun.find(_END_OF_HEAD, self._searched)
        if end < 0:
            self._searched = max(0, len(self._begun) - 3)
            return
        # All messages of a stream say how long they are (RFC 3261 §20.14).
        lengths = {int(length) for length in _LENGTH.findall(self._begun, 0, end + 2)}
        if len(lengths) != 1:
            self._break("a message without one Content-Length")
            return
        self._whole = end + len(_END_OF_HEAD) + lengths.pop()

    def _break(self, why: str) -> None:
        self.broken = why
        self._begun = bytearray()
        self._whole = 0

    def _take_blank_lines(self) -> None:
        """Empty lines before a message are none of it (RFC 3261 §7.5); two of them ask for an answer."""
        while self._begun.startswith(b"\r\n"):
            del self._begun[:2]
            self._blank_lines += 1
            self.pings += self._blank_lines % 2 == 0
