"""What an open port answers to messages that belong to nothing that we know: at most one small response, of which
nothing is remembered (RFC 3261 §8.2.7), and never more octets than came, so that a forged sender gains nothing.
"""

import hashlib

from onema.protocols.sip.answers import Source, note_source, response_to
from onema.protocols.sip.bad_message import BadMessage
from onema.protocols.sip.established import ALLOW
from onema.protocols.sip.messages import Message, Request, Response

_NOT_FOR_STRANGERS = frozenset(("INVITE", "REGISTER", "MESSAGE", "SUBSCRIBE", "PUBLISH"))


class Strangers:
    """`secret` makes To tags that are the same for a repeated request, and tell nothing. `per_second` answers go out at
    most, to all strangers together; what comes beyond that is not even looked at.
    """

    def __init__(self, secret: bytes, *, per_second: float = 50.0) -> None:
        self._secret = secret[:64]
        self._per_second = per_second
        self._room, self._since = per_second, 0.0
        """How many answers may go out now, and since when that is so."""

    def answer(self, message: Message, now: float, source: Source) -> bytes | None:
        """The response that goes back to `source`, or nothing at all."""
        if isinstance(message, Response) or message.method == "ACK":
            return None
        if message.method == "CANCEL" or message.to.tag:
            return self._answer(message, 481, now, source)
        if message.method == "OPTIONS":
            return self._answer(message, 200, now, source)
        # Nobody is called through us, and nobody registers here.
        return self._answer(message, 403 if message.method in _NOT_FOR_STRANGERS else 405, now, source)

    def refuse(self, bad: BadMessage, now: float, source: Source) -> bytes | None:
        """The same for octets that are no SIP, where they can be answered."""
        return None if bad.request is None else self._answer(bad.request, bad.status, now, source)

    def _answer(self, request: Request, status: int, now: float, source: Source) -> bytes | None:
        if not self._may(now):
            return None
        tag = hashlib.blake2s(_name(request), key=self._secret[:32], digest_size=8).hexdigest()
        try:
            size = len(request.encode())
            note_source(request, source)
            for more in ([("Allow", ALLOW)] if status in (200, 405) else [], []):
                octets = response_to(request, status, tag=tag, more=more).encode()
                if len(octets) <= size:
                    return octets
        except (BadMessage, ValueError):
            # What could be read of it cannot be written.
            return None
        return None

    def _may(self, now: float) -> bool:
        room = min(self._per_second, self._room + (now - self._since) * self._per_second)
        self._room, self._since = (room - 1.0 if room >= 1.0 else room), now
        return room >= 1.0


def _name(request: Request) -> bytes:
    return f"{request.call_id} {request.headers.get('CSeq')} {request.headers.get('From')}".encode(
        "utf-8", "surrogateescape"
    )
