"""Calls as operators read them."""

from collections.abc import Iterator, Sequence
from typing import Any

from onema.administration.requests import PlacedCall, ReadCalls
from onema.domain.ids import AccountId
from onema.domain.records import Call, Message
from onema.domain.values.times import show_time
from onema.storage.contract import Storage

MOST_AT_ONCE = 500
"""So many calls one request asks for at most: whoever wants more asks for the next page."""
_NO_ID_IS_AS_LARGE = 2**63 - 1


async def read_calls(storage: Storage, account: AccountId, request: ReadCalls) -> Sequence[PlacedCall]:
    """A page of an account's calls, each with what is asked for of its message."""
    before = request.before or _NO_ID_IS_AS_LARGE
    calls = await storage.read_calls(account, before, min(request.limit, MOST_AT_ONCE))
    keys = {(Message, account, call.message) for call in calls}
    messages = await storage.read(sorted(keys, key=lambda key: key[2])) if keys else {}
    found = []
    for call in calls:
        message = messages.get((Message, account, call.message))
        if isinstance(message, Message):
            found.append(
                PlacedCall(call, message.phone, message.sender, message.reference, message.application)
            )
    return found


def call_as_json(call: Call) -> dict[str, Any]:
    """Everything but the signalling, which `onema call show` draws."""
    return {
        "message": str(call.message),
        "attempt": call.attempt,
        "carrier": call.carrier,
        "state": str(call.state),
        "ending": call.ending,
        "started_at": show_time(call.started_at),
        "ringing_at": show_time(call.ringing_at),
        "answered_at": show_time(call.answered_at),
        "ended_at": show_time(call.ended_at),
        "ring_seconds": call.ring_ms / 1000,
        "talk_seconds": call.talk_ms / 1000,
        "keys": call.keys,
        "status": call.status,
        "codec": call.codec,
        "packets_sent": call.packets_sent,
        "packets_received": call.packets_received,
        "packets_lost": call.packets_lost,
        "jitter_ms": call.jitter_us / 1000,
    }


def in_words(call: Call) -> str:
    """How it went, on a line."""
    parts = [f"rang {call.ring_ms / 1000:.1f} s"] if call.ring_ms else []
    parts += [f"talked {call.talk_ms / 1000:.1f} s"] if call.talk_ms else []
    parts += [f"keys {call.keys}"] if call.keys else []
    parts += [f"SIP {call.status}"] if call.status else []
    if call.packets_sent:
        parts.append(
            f"{call.codec}, {call.packets_sent} packets sent, {call.packets_lost} lost, "
            f"{call.packets_received} received, jitter {call.jitter_us / 1000:.1f} ms"
        )
    return ", ".join(parts)


def steps(call: Call) -> Iterator[tuple[int, str]]:
    """Its states with their times, in order."""
    yield call.started_at, "calling"
    if call.ringing_at:
        yield call.ringing_at, "ringing"
    if call.answered_at:
        yield call.answered_at, "answered"
    if call.ended_at:
        yield call.ended_at, f"ended ({call.ending})" if call.ending else "ended"
