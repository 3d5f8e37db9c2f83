"""Reading request bodies within one limit, whichever way their length is told."""

import asyncio

from starlette.types import Message, Receive

from onema.http.messages import Headers

BODY_LIMIT = 65_536
UNTOLD = -1

# An answer that overtakes the body is lost when the socket closes with unread bytes in it: the kernel then
# sends a reset (RFC 9112 section 9.6). So the rest is read and dropped for a while before closing.
_LINGER_BYTES = 4 * 1024 * 1024
_LINGER_SECONDS = 2.0


class BodyTooLargeError(Exception):
    """The body passed `BODY_LIMIT`."""


class ClientGoneError(Exception):
    """The client hung up before its request was complete."""


def told_length(headers: Headers) -> int:
    """Content-Length, 0 when there is no body, or UNTOLD when it is chunked."""
    for name, value in headers:
        if name == b"content-length":
            return int(value)
        if name == b"transfer-encoding":
            return UNTOLD
    return 0


async def read_body(receive: Receive) -> bytes:
    """Raises BodyTooLargeError and ClientGoneError."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGoneError
    body: bytes = message.get("body", b"")
    while message.get("more_body", False) and len(body) <= BODY_LIMIT:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        body += message.get("body", b"")
    if len(body) > BODY_LIMIT:
        raise BodyTooLargeError
    return body


async def discard_body(receive: Receive) -> None:
    """Read what the client still sends, until it stops, hangs up, or has had enough patience."""
    dropped = 0
    try:
        async with asyncio.timeout(_LINGER_SECONDS):
            while dropped < _LINGER_BYTES:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
                dropped += len(message.get("body", b""))
    except TimeoutError:
        return


def limited(receive: Receive) -> Receive:
    """The same stream for an application that reads for itself; raises BodyTooLargeError past the limit."""
    received = 0

    async def receive_within_limit() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > BODY_LIMIT:
            raise BodyTooLargeError
        return message

    return receive_within_limit
