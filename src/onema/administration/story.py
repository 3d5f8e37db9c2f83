"""A message's story: what was asked, decided, tried, reported, checked and paid, in order of time."""

from collections.abc import Iterator
from typing import Any

import msgspec

from onema.administration.calls import call_as_json, in_words, steps
from onema.administration.requests import FoundStory, KeptTry
from onema.domain.codes.refused_text import KEPT
from onema.domain.delivery.callback_try import callback_try
from onema.domain.delivery.outcome import network_told
from onema.domain.ids import time_of_id
from onema.domain.records import LedgerEntry, Message
from onema.domain.state_machines import VerificationState, charged_first
from onema.domain.values.money import format_amount
from onema.domain.values.times import show_time
from onema.storage.contract import Story


class Moment(msgspec.Struct, frozen=True):
    """One line of the story."""

    at: int
    what: str
    detail: str = ""


def verification_state(story: Story, now: int) -> VerificationState | None:
    """What became of the message's code; None for one that has none of ours, or sends another message's code once more.

    What happened first counts: a used-up code stays used up when a new one replaces it, and one that is replaced
    after its time was expired.
    """
    if story.message.verification != story.message.id:
        # Of several messages the first one tells.
        return None
    expires_at = story.message.code_expires_at
    for event in story.events:
        match event.kind:
            case "verified":
                return VerificationState.VERIFIED
            case "attempts used up":
                return VerificationState.USED_UP
            case "cancelled":
                return VerificationState.CANCELLED
            case "superseded" if time_of_id(event.id) < expires_at:
                return VerificationState.SUPERSEDED
    return VerificationState.EXPIRED if now >= expires_at else VerificationState.PENDING


def moments(story: Story) -> list[Moment]:
    """The story's lines in order of time; of one moment, in the order in which they follow from each other."""
    return sorted(_moments(story), key=lambda moment: moment.at)


def _moments(story: Story) -> Iterator[Moment]:
    message = story.message
    yield Moment(time_of_id(message.id), "requested", _request(message))
    refused = message.state == "refused"
    yield Moment(
        time_of_id(message.id), "refused" if refused else "accepted", message.reason if refused else ""
    )
    for entry in story.ledger:
        yield Moment(entry.at, str(entry.kind), _money(entry, message))
    for attempt in story.attempts:
        via = f"attempt {attempt.number}" + (f" via {attempt.carrier}" if attempt.carrier else "")
        caller = f"{via} from {attempt.caller}" if attempt.caller else via
        yield Moment(attempt.started_at, "started", caller + _because(attempt.why))
        if attempt.ended_at:
            named = f" (carrier's id {attempt.carrier_reference})" if attempt.carrier_reference else ""
            network = " ".join(f"{name}={word}" for name, word in network_told(attempt.network).items())
            told = dict.fromkeys(filter(None, (attempt.ending, attempt.detail, network)))
            said = f": {'; '.join(told)}" if told else ""
            yield Moment(attempt.ended_at, str(attempt.state), via + named + said)
    for call in story.calls:
        via = f"attempt {call.attempt} via {call.carrier}"
        for at, what in steps(call):
            # What begins and ends it is what begins and ends its attempt.
            if what in ("ringing", "answered"):
                yield Moment(at, what, via)
        if call.ended_at and (words := in_words(call)):
            yield Moment(call.ended_at, "call over", f"{via}: {words}")
    for event in story.events:
        if event.kind != KEPT:
            tried = callback_try(event)
            yield Moment(time_of_id(event.id), event.kind, tried.in_words if tried else event.data)
    if message.ended_at and not refused:
        yield Moment(message.ended_at, "ended", f"{message.state}{_because(message.reason)}")


def tries_of(story: Story) -> list[KeptTry]:
    """How the integrator was told of the message, in order of time."""
    return [
        KeptTry(story.message.id, time_of_id(event.id), tried)
        for event in story.events
        if (tried := callback_try(event)) is not None
    ]


def _request(message: Message) -> str:
    parts = [
        f"{message.dialect} asked for {'a call' if message.channel == 'call' else 'an SMS'} to {message.phone}"
    ]
    parts += [f"as {message.sender}"] if message.sender else []
    parts += [f"by application {message.application}"] if message.application else []
    parts += [f"reference {message.reference}"] if message.reference else []
    parts += [f"(client {message.client_ip})"] if message.client_ip else []
    return " ".join(parts)


def _money(entry: LedgerEntry, message: Message) -> str:
    if entry.kind == "hold":
        each = f"{format_amount(message.unit_price)} each"
        what = (
            f"{message.segments} segment(s), {each}"
            if message.channel == "sms"
            else f"{message.period} s periods, {each}"
        )
        return f"{format_amount(entry.amount)} for {what}"
    if entry.kind == "capture":
        return f"{format_amount(charged_first(message))} charged"
    return f"{format_amount(entry.amount)}{_because(entry.note)}"


def _because(reason: str) -> str:
    return f" ({reason})" if reason else ""


def as_json(found: FoundStory) -> dict[str, Any]:
    """The whole story as plain values; ids and amounts are texts, which no JSON reader rounds."""
    story = found.story
    message = story.message
    return {
        **message_as_json(message),
        "account": found.account,
        "currency": found.currency,
        "verification": verification_as_json(found),
        "attempts": [
            {
                "number": attempt.number,
                "carrier": attempt.carrier,
                "caller": attempt.caller,
                "why": attempt.why,
                "state": str(attempt.state),
                "carrier_reference": attempt.carrier_reference,
                "ending": attempt.ending,
                "detail": attempt.detail,
                "network": network_told(attempt.network),
                "started_at": show_time(attempt.started_at),
                "ended_at": show_time(attempt.ended_at),
            }
            for attempt in story.attempts
        ],
        "calls": [call_as_json(call) for call in story.calls],
        "events": [
            {
                "at": show_time(time_of_id(event.id)),
                "kind": event.kind,
                "data": tried.in_words if (tried := callback_try(event)) else event.data,
            }
            for event in story.events
            if event.kind != KEPT
        ],
        "callbacks": [
            {"at": show_time(one.at), **msgspec.structs.asdict(one.tried)} for one in tries_of(story)
        ],
        "money": [
            {
                "at": show_time(entry.at),
                "kind": str(entry.kind),
                "amount": format_amount(entry.amount),
                "note": entry.note,
            }
            for entry in story.ledger
        ],
    }


def verification_as_json(found: FoundStory) -> dict[str, Any] | None:
    state = verification_state(found.story, found.now)
    if state is None:
        return None
    kinds = [event.kind for event in found.story.events]
    wrong = kinds.count("wrong code") + kinds.count("attempts used up")
    return {
        "state": str(state),
        "expires_at": show_time(found.story.message.code_expires_at),
        "wrong_checks": wrong,
        "right_checks": kinds.count("verified"),
    }


def message_as_json(message: Message) -> dict[str, Any]:
    return {
        "id": str(message.id),
        "at": show_time(time_of_id(message.id)),
        "state": str(message.state),
        "reason": message.reason,
        "ending": message.ending,
        "dialect": message.dialect,
        "channel": str(message.channel),
        "phone": message.phone,
        "sender": message.sender,
        "application": message.application,
        "reference": message.reference,
        "client_ip": message.client_ip,
        "segments": message.segments,
        "unit_price": format_amount(message.unit_price),
        "price": format_amount(message.price),
        "held": format_amount(message.held),
        "charged": format_amount(message.charged),
        "ended_at": show_time(message.ended_at),
    }
