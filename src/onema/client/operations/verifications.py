"""`./dev docs` makes this of openapi.yaml."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from onema.client.call import Call, new_key, part
from onema.client.operations.shared import Cost


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    status: str
    channel: str
    to: str
    purpose: str
    reference: str
    created_at: dt.datetime
    expires_at: dt.datetime


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    status: str
    reason: str
    ending: str


class MessageAttempt(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    carrier: str
    why: str
    status: str
    ending: str
    detail: str
    started_at: dt.datetime
    ended_at: str | None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    channel: str
    created_at: dt.datetime
    delivery: Delivery
    cost: Cost
    attempts: list[MessageAttempt]


class VerificationTimeline(msgspec.Struct, frozen=True, kw_only=True):
    at: dt.datetime
    event: str
    detail: str
    message: str


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    status: str
    channel: str
    to: str
    purpose: str
    reference: str
    created_at: dt.datetime
    expires_at: dt.datetime
    next_channel_at: str | None
    delivery: Delivery
    cost: Cost
    messages: list[Message]
    timeline: list[VerificationTimeline]


class SentMoreMessage(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    channel: str
    created_at: dt.datetime


class SentMore(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    message: SentMoreMessage


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    valid: bool
    status: str
    token: str | None = None


def create_verification(
    *,
    to: str,
    idempotency_key: str | None = None,
    channel: Literal["sms", "call"] | UnsetType = UNSET,
    channels: Sequence[Mapping[str, Any]] | UnsetType = UNSET,
    sender: str | UnsetType = UNSET,
    template: str | UnsetType = UNSET,
    text: str | UnsetType = UNSET,
    application: str | UnsetType = UNSET,
    voice: str | UnsetType = UNSET,
    locale: str | UnsetType = UNSET,
    code: str | UnsetType = UNSET,
    code_length: int | UnsetType = UNSET,
    alphabet: Literal["digits", "letters_and_digits"] | UnsetType = UNSET,
    ttl: int | UnsetType = UNSET,
    purpose: str | UnsetType = UNSET,
    reference: str | UnsetType = UNSET,
    amount: str | UnsetType = UNSET,
    payee: str | UnsetType = UNSET,
    origin: str | UnsetType = UNSET,
    app_hash: str | UnsetType = UNSET,
    client_ip: str | UnsetType = UNSET,
    challenge_response: str | UnsetType = UNSET,
    device_id: str | UnsetType = UNSET,
) -> Call[Begun]:
    """Send a code.

    Makes a code, and sends it or calls with it. The phone's earlier code of the same purpose is
    superseded, unless the same was asked within the last ten seconds: then the answer is the same, and
    nothing more is sent. In its simplest form, `{"to": "+84901888484"}`, the account's only brandname
    sends its first template.
    """
    return Call(
        "POST",
        "/v1/verifications",
        Begun,
        body={
            "to": to,
            "channel": channel,
            "channels": channels,
            "sender": sender,
            "template": template,
            "text": text,
            "application": application,
            "voice": voice,
            "locale": locale,
            "code": code,
            "code_length": code_length,
            "alphabet": alphabet,
            "ttl": ttl,
            "purpose": purpose,
            "reference": reference,
            "amount": amount,
            "payee": payee,
            "origin": origin,
            "app_hash": app_hash,
            "client_ip": client_ip,
            "challenge_response": challenge_response,
            "device_id": device_id,
        },
        key=idempotency_key or new_key(),
    )


def get_verification(id: str) -> Call[Verification]:
    """What became of a code."""
    return Call("GET", f"/v1/verifications/{part(id)}", Verification)


def next_channel(
    id: str, *, idempotency_key: str | None = None, challenge_response: str | UnsetType = UNSET
) -> Call[SentMore]:
    """Send by the plan's next channel now.

    The same code goes out. What follows in the plan waits from now on.
    """
    return Call(
        "POST",
        f"/v1/verifications/{part(id)}/next",
        SentMore,
        body={"challenge_response": challenge_response},
        key=idempotency_key or new_key(),
    )


def resend_verification(
    id: str, *, idempotency_key: str | None = None, challenge_response: str | UnsetType = UNSET
) -> Call[SentMore]:
    """Send by the newest channel once more.

    The same code goes out. Within 30 seconds of the message before it is a 429, whose Retry-After says
    how long to wait.
    """
    return Call(
        "POST",
        f"/v1/verifications/{part(id)}/resend",
        SentMore,
        body={"challenge_response": challenge_response},
        key=idempotency_key or new_key(),
    )


def check_verification(
    id: str,
    *,
    code: str,
    amount: str | UnsetType = UNSET,
    payee: str | UnsetType = UNSET,
    token: bool | UnsetType = UNSET,
) -> Call[Checked]:
    """Check what a person typed.

    A right code is right once. A wrong one takes one of its five tries; blanks and small letters are no
    mistakes.
    """
    return Call(
        "POST",
        f"/v1/verifications/{part(id)}/check",
        Checked,
        body={"code": code, "amount": amount, "payee": payee, "token": token},
    )


def cancel_verification(id: str) -> Call[Verification]:
    """Wait for a code no more.

    It can be checked no more. What was sent stays sent and paid for. Safe twice.
    """
    return Call("POST", f"/v1/verifications/{part(id)}/cancel", Verification, body={})


def get_result_keys() -> Call[str]:
    """The keys that result tokens are signed with.

    A JSON Web Key Set (RFC 7517). It needs no login; keep it for five minutes.
    """
    return Call("GET", "/.well-known/jwks.json", str)
