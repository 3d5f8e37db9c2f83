"""What a browser keeps between two steps of one login: signed, and good for some minutes."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from onema.domain.keyring import Keyring

LIFE_MS = 300_000


class _Ticket(msgspec.Struct, frozen=True, array_like=True):
    purpose: str
    value: str
    expires_at: int


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Ticket)


class Tickets:
    """One per browser: whoever begins another login leaves the one before."""

    def __init__(self, keyring: Keyring, now: Callable[[], int]) -> None:
        self._keyring = keyring
        self._now = now

    def give(
        self, request: Request, response: Response, purpose: str, value: str, bound_to: str = ""
    ) -> None:
        """`bound_to` must be the same when it is shown: what makes it worthless when that changes."""
        content = _encoder.encode(_Ticket(purpose, value, self._now() + LIFE_MS))
        signed = f"{_text(content)}.{_text(self._keyring.sign(_signed(content, bound_to)))}"
        response.set_cookie(
            _cookie(purpose),
            signed,
            max_age=LIFE_MS // 1000,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )

    def value(self, request: Request, purpose: str) -> str:
        """What the browser's ticket says, before it is known whether that is true; "" where there is none."""
        found = self._read(request, purpose)
        return found[0].value if found else ""

    def shown(self, request: Request, purpose: str, bound_to: str = "") -> str:
        """The value of a ticket of ours that still counts, else ""."""
        found = self._read(request, purpose)
        if found is None:
            return ""
        ticket, content, signature = found
        if not 0 < ticket.expires_at - self._now() <= 2 * LIFE_MS:
            return ""
        return ticket.value if self._keyring.has_signed(_signed(content, bound_to), signature) else ""

    def _read(self, request: Request, purpose: str) -> tuple[_Ticket, bytes, bytes] | None:
        try:
            content, signature = (
                urlsafe_b64decode(part.encode("ascii"))
                for part in request.cookies.get(_cookie(purpose), "").split(".", 1)
            )
            ticket = _decoder.decode(content)
        except (ValueError, binascii.Error, msgspec.DecodeError, RecursionError):
            return None
        return (ticket, content, signature) if ticket.purpose == purpose else None


def _signed(content: bytes, bound_to: str) -> bytes:
    return b"ticket\0%b\0%b" % (content, bound_to.encode())


def _cookie(purpose: str) -> str:
    return f"onema_{purpose}"


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode("ascii")
