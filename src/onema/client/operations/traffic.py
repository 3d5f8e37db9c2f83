"""`./dev docs` makes this of openapi.yaml."""

import datetime as dt
from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from onema.client.call import Call, new_key, part
from onema.client.operations.shared import Cost


class AnyMessage(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    channel: str
    to: str
    sender: str
    application: str
    reference: str
    api: str
    segments: int
    status: str
    reason: str
    ending: str
    created_at: dt.datetime
    ended_at: str | None
    verification: str | None
    cost: Cost


class MessagePage(msgspec.Struct, frozen=True, kw_only=True):
    items: list[AnyMessage]
    next_cursor: str | None


class PhoneCall(msgspec.Struct, frozen=True, kw_only=True):
    message: str
    attempt: int
    carrier: str
    state: str
    ending: str
    started_at: str | None
    ringing_at: str | None
    answered_at: str | None
    ended_at: str | None
    ring_seconds: float
    talk_seconds: float
    keys: str
    status: int
    codec: str
    packets_sent: int
    packets_received: int
    packets_lost: int
    jitter_ms: float


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    at: dt.datetime
    event: str
    detail: str


class MessageStory(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    channel: str
    to: str
    sender: str
    application: str
    reference: str
    api: str
    segments: int
    status: str
    reason: str
    ending: str
    created_at: dt.datetime
    ended_at: str | None
    verification: str | None
    cost: Cost
    calls: list[PhoneCall]
    timeline: list[Moment]


class PlacedCall(msgspec.Struct, frozen=True, kw_only=True):
    message: str
    attempt: int
    carrier: str
    state: str
    ending: str
    started_at: str | None
    ringing_at: str | None
    answered_at: str | None
    ended_at: str | None
    ring_seconds: float
    talk_seconds: float
    keys: str
    status: int
    codec: str
    packets_sent: int
    packets_received: int
    packets_lost: int
    jitter_ms: float
    to: str
    caller: str
    reference: str
    application: str


class CallPage(msgspec.Struct, frozen=True, kw_only=True):
    items: list[PlacedCall]
    next_cursor: str | None


class StatisticsCost(msgspec.Struct, frozen=True, kw_only=True):
    currency: str
    charged: str
    per_verified_number: str | None


class StatisticsTotal(msgspec.Struct, frozen=True, kw_only=True):
    messages: int
    sent: int
    delivered: int
    codes: int
    verified: int
    cost: StatisticsCost


class StatisticsLine(msgspec.Struct, frozen=True, kw_only=True):
    value: str
    text: str
    messages: int
    sent: int
    delivered: int
    codes: int
    verified: int
    cost: StatisticsCost


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    since: dt.datetime
    until: dt.datetime
    counted_at: dt.datetime | None
    totals: list[StatisticsTotal]
    items: list[StatisticsLine]


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    at: dt.datetime
    since: dt.datetime
    times: int
    api: str
    reason: str
    to: str
    client: str
    application: str
    detail: str


class Refusals(msgspec.Struct, frozen=True, kw_only=True):
    total: int
    items: list[Refusal]


class GuardLimit(msgspec.Struct, frozen=True, kw_only=True):
    per: str
    seconds: int
    limit: int
    how: str
    prefix: str
    offset_minutes: int
    mode: str


class GuardInForce(msgspec.Struct, frozen=True, kw_only=True):
    of: str
    guard: str
    rules: dict[str, bool | str]
    limits: list[GuardLimit]
    allow: list[str]


class Guards(msgspec.Struct, frozen=True, kw_only=True):
    items: list[GuardInForce]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    rule: str
    reason: str
    mode: str
    country: str
    prefix: str
    went_out: int
    refused: int


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    since: dt.datetime
    items: list[Finding]


class CallbackTry(msgspec.Struct, frozen=True, kw_only=True):
    message: str
    at: dt.datetime
    about: str
    host: str
    status: int
    took_ms: int
    problem: str
    then: str


class CallbackPage(msgspec.Struct, frozen=True, kw_only=True):
    items: list[CallbackTry]
    next_cursor: str | None


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    replayed: int


class CallbackAddress(msgspec.Struct, frozen=True, kw_only=True):
    application: str
    host: str
    status: str
    gone_at: dt.datetime | None


class CallbackAddresses(msgspec.Struct, frozen=True, kw_only=True):
    items: list[CallbackAddress]


class PutOnline(msgspec.Struct, frozen=True, kw_only=True):
    was_gone: bool


def list_messages(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    to: str | None = None,
    status: Literal[
        "accepted", "refused", "sent", "unknown", "delivered", "undelivered", "failed", "unconfirmed"
    ]
    | None = None,
    reference: str | None = None,
) -> Call[MessagePage]:
    """Messages, newest first.

    A search may stop before its page is full; next_cursor goes on.
    """
    return Call(
        "GET",
        "/v1/messages",
        MessagePage,
        query={"limit": limit, "cursor": cursor, "to": to, "status": status, "reference": reference},
    )


def get_message(id: str) -> Call[MessageStory]:
    """A message and its story."""
    return Call("GET", f"/v1/messages/{part(id)}", MessageStory)


def list_calls(*, limit: int | None = None, cursor: str | None = None) -> Call[CallPage]:
    """Calls, those of the newest message first.

    The calls of one message stand on one page, which may be longer for it.
    """
    return Call("GET", "/v1/calls", CallPage, query={"limit": limit, "cursor": cursor})


def get_statistics(
    *,
    group_by: Literal[
        "hour", "day", "channel", "carrier", "operator", "network", "country", "prefix", "template"
    ]
    | None = None,
    since: str | None = None,
    until: str | None = None,
) -> Call[Statistics]:
    """What became of messages, and what it cost.

    Counted for whole hours, and a little late: counted_at says until when. Beyond 40 days whole days
    are counted. Values are those with most messages; the value `*` is all further ones together. An
    operator is that of the number's plan, a network the one that receipts named, and a prefix a number
    without its last six digits.
    """
    return Call(
        "GET", "/v1/statistics", Statistics, query={"group_by": group_by, "since": since, "until": until}
    )


def list_refusals() -> Call[Refusals]:
    """Why requests were refused lately."""
    return Call("GET", "/v1/refusals", Refusals)


def get_guard() -> Call[Guards]:
    """What the guard does for the account and its applications."""
    return Call("GET", "/v1/guard", Guards)


def list_findings(*, days: int | None = None) -> Call[Findings]:
    """What the guard found lately."""
    return Call("GET", "/v1/guard/findings", Findings, query={"days": days})


def list_callbacks(*, limit: int | None = None, cursor: str | None = None) -> Call[CallbackPage]:
    """Tries to tell of messages, those of the newest message first.

    So many lines of stories are looked through as a page may have, so one may be short.
    """
    return Call("GET", "/v1/callbacks", CallbackPage, query={"limit": limit, "cursor": cursor})


def replay_callbacks(*, messages: Sequence[str], idempotency_key: str | None = None) -> Call[Replayed]:
    """Tell once more how messages ended.

    Those of which nobody is told are passed over.
    """
    return Call(
        "POST",
        "/v1/callbacks/replay",
        Replayed,
        body={"messages": messages},
        key=idempotency_key or new_key(),
    )


def list_callback_addresses() -> Call[CallbackAddresses]:
    """Where you are told of messages, and which address is gone.

    The account's own address and those of its applications. One that answered an event with 410 is told
    of no more until it is put online again.
    """
    return Call("GET", "/v1/callbacks/addresses", CallbackAddresses)


def put_address_online(*, application: str | UnsetType = UNSET) -> Call[PutOnline]:
    """Tell an address of events again.

    What it missed is told by a replay.
    """
    return Call("POST", "/v1/callbacks/addresses/online", PutOnline, body={"application": application})
