"""What receivers of events need: whether one comes from the server, and what it says.

The specification is https://www.standardwebhooks.com; any of its libraries does the same.
"""

import base64
import hmac
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from onema.client.errors import OnemaError

TOLERANCE_SECONDS = 300
_PREFIX = "whsec_"


class NotGenuine(OnemaError):
    """It was not signed with a secret of ours, or too long ago."""


class Event(msgspec.Struct, frozen=True):
    """`id` is the same each time that one event is told."""

    id: str
    type: str
    timestamp: str
    data: dict[str, Any]


class _Told(msgspec.Struct, frozen=True):
    type: str
    timestamp: str = ""
    data: dict[str, Any] = {}


def webhook_secret(secret: str) -> str:
    """A credential's secret as the specification's libraries want it."""
    return f"{_PREFIX}{base64.b64encode(secret.encode()).decode()}"


def verify_webhook(
    body: bytes,
    headers: Mapping[str, str],
    secrets: str | Iterable[str],
    *,
    now: Callable[[], float] = time.time,
) -> Event:
    """The event in a request, whose `body` must be as it came, byte for byte; names of headers in any case.

    `secrets` is a credential's secret, or several, also as `whsec_...`. Raises NotGenuine.
    """
    found = {name.lower(): value for name, value in headers.items()}
    identifier, at = found.get("webhook-id", ""), found.get("webhook-timestamp", "")
    if not identifier or not (at.isascii() and at.isdigit()):
        raise NotGenuine("it has no webhook-id, or no webhook-timestamp")
    if abs(now() - int(at)) > TOLERANCE_SECONDS:
        raise NotGenuine("it was signed too long ago, or this machine's clock is wrong")
    signed = f"{identifier}.{at}.".encode() + body
    right = [
        base64.b64encode(hmac.digest(_key(secret), signed, "sha256"))
        for secret in ([secrets] if isinstance(secrets, str) else secrets)
    ]
    given = [
        signature.encode()
        for version, _, signature in (
            one.partition(",") for one in found.get("webhook-signature", "").split(" ")
        )
        if version == "v1"
    ]
    if not any(hmac.compare_digest(one, each) for one in given for each in right):
        raise NotGenuine("no signature is right")
    try:
        told = msgspec.json.decode(body, type=_Told)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotGenuine("the body is no event") from None
    return Event(identifier, told.type, told.timestamp, told.data)


def _key(secret: str) -> bytes:
    if not secret.startswith(_PREFIX):
        return secret.encode()
    return base64.b64decode(secret.removeprefix(_PREFIX))
