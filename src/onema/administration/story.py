"""A message's story: what was asked, decided, tried, reported, checked and paid, in order of time."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from onema.administration.calls import call_as_json, in_words, steps
from onema.administration.requests import FoundStory, KeptTry
from onema.domain.codes.refused_text import KEPT
from onema.domain.delivery.callback_try import callback_try
from onema.domain.delivery.outcome import network_told
from onema.domain.ids import time_of_id
from onema.domain.records import Attempt, AttemptState, EntryKind, LedgerEntry, Message
from onema.domain.refusals import Refusal
from onema.domain.state_machines import VerificationState, charged_first
from onema.domain.values.money import format_amount
from onema.domain.values.times import show_time
from onema.storage.contract import Story


class Phrase(msgspec.Struct, frozen=True):
    """A part of a line: an English text, one of PHRASES or what is written as it is, and what fills its gaps. A gap
    that a Phrase fills can be said in another language, too.
    """

    text: str
    values: Mapping[str, "str | Phrase"] = {}

    def said(self, say: Callable[[str], str] = str) -> str:
        """In the words of whoever reads it; without `say` in English."""
        told = say(self.text)
        for name, value in self.values.items():
            told = told.replace(f"{{{name}}}", value.said(say) if isinstance(value, Phrase) else value)
        return told


class Moment(msgspec.Struct, frozen=True):
    """One line of the story."""

    at: int
    title: Phrase
    phrases: tuple[Phrase, ...] = ()

    @property
    def what(self) -> str:
        return self.title.said()

    @property
    def detail(self) -> str:
        return self.details()

    def details(self, say: Callable[[str], str] = str) -> str:
        parts = [phrase.said(say) for phrase in self.phrases]
        # What goes on behind a colon stands close to what is before it.
        return "".join(part if part[:1] in (":", ";") else f" {part}" for part in parts if part).strip()


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
    at = time_of_id(message.id)
    yield Moment(at, Phrase("requested"), tuple(_request(message)))
    refused = message.state == "refused"
    why = (Phrase(message.reason),) if refused else ()
    yield Moment(at, Phrase("refused" if refused else "accepted"), why)
    for entry in story.ledger:
        yield Moment(entry.at, Phrase(str(entry.kind)), tuple(_money(entry, message)))
    for attempt in story.attempts:
        via = _via(attempt.number, attempt.carrier)
        caller = [Phrase("from {caller}", {"caller": attempt.caller})] if attempt.caller else []
        yield Moment(attempt.started_at, Phrase("started"), (via, *caller, *_because(attempt.why)))
        if attempt.ended_at:
            ended = (via, *_named(attempt), *_said_of(attempt))
            yield Moment(attempt.ended_at, Phrase(str(attempt.state)), ended)
    for call in story.calls:
        via = _via(call.attempt, call.carrier)
        for at, what in steps(call):
            # What begins and ends it is what begins and ends its attempt.
            if what in ("ringing", "answered"):
                yield Moment(at, Phrase(what), (via,))
        if call.ended_at and (words := in_words(call)):
            yield Moment(call.ended_at, Phrase("call over"), (via, Phrase(f": {words}")))
    for event in story.events:
        if event.kind != KEPT:
            tried = callback_try(event)
            data = (Phrase(tried.in_words if tried else event.data),)
            yield Moment(time_of_id(event.id), _event(event.kind), data)
    if message.ended_at and not refused:
        told = (Phrase(str(message.state)), *_because(message.reason))
        yield Moment(message.ended_at, Phrase("ended"), told)


def _event(kind: str) -> Phrase:
    before, colon, what = kind.partition(": ")
    return Phrase(f"{before}: {{what}}", {"what": Phrase(what)}) if colon else Phrase(kind)


def tries_of(story: Story) -> list[KeptTry]:
    """How the integrator was told of the message, in order of time."""
    return [
        KeptTry(story.message.id, time_of_id(event.id), tried)
        for event in story.events
        if (tried := callback_try(event)) is not None
    ]


def _request(message: Message) -> Iterator[Phrase]:
    call = message.channel == "call"
    asked = "{api} asked for a call to {phone}" if call else "{api} asked for an SMS to {phone}"
    yield Phrase(asked, {"api": message.dialect, "phone": message.phone})
    if message.sender:
        yield Phrase("as {sender}", {"sender": message.sender})
    if message.application:
        yield Phrase("by application {application}", {"application": message.application})
    if message.reference:
        yield Phrase("reference {reference}", {"reference": message.reference})
    if message.client_ip:
        yield Phrase("(client {address})", {"address": message.client_ip})


def _via(attempt: int, carrier: str) -> Phrase:
    text = "attempt {number} via {carrier}" if carrier else "attempt {number}"
    return Phrase(text, {"number": str(attempt), "carrier": carrier})


def _named(attempt: Attempt) -> Iterator[Phrase]:
    if attempt.carrier_reference:
        yield Phrase("(carrier's id {id})", {"id": attempt.carrier_reference})


def _said_of(attempt: Attempt) -> Iterator[Phrase]:
    network = " ".join(f"{name}={word}" for name, word in network_told(attempt.network).items())
    told = dict.fromkeys(filter(None, (attempt.ending, attempt.detail, network)))
    for number, one in enumerate(told):
        yield Phrase("; {told}" if number else ": {told}", {"told": Phrase(one)})


def _money(entry: LedgerEntry, message: Message) -> Iterator[Phrase]:
    amount = format_amount(entry.amount)
    if entry.kind == "hold":
        each = {"amount": amount, "price": format_amount(message.unit_price)}
        if message.channel == "sms":
            segments = {"count": str(message.segments)}
            yield Phrase("{amount} for {count} segment(s), {price} each", {**each, **segments})
        else:
            seconds = {"seconds": str(message.period)}
            yield Phrase("{amount} for {seconds} s periods, {price} each", {**each, **seconds})
    elif entry.kind == "capture":
        yield Phrase("{amount} charged", {"amount": format_amount(charged_first(message))})
    else:
        yield Phrase(amount)
        yield from _because(entry.note)


def _because(reason: str) -> Iterator[Phrase]:
    if reason:
        yield Phrase("({why})", {"why": Phrase(reason)})


PHRASES = (
    *("requested", "refused", "accepted", "ended", "call over", "ringing", "answered", "receipt: {what}"),
    *(str(one) for one in (*EntryKind, *AttemptState)),
    *(
        "verified",
        "wrong code",
        "attempts used up",
        "superseded",
        "cancelled",
        "not sent again",
        "sent again",
    ),
    *("next channel", "scheduled", "callback", "settle", "guard", "text without {OTP}"),
    "{api} asked for a call to {phone}",
    "{api} asked for an SMS to {phone}",
    "as {sender}",
    "by application {application}",
    "reference {reference}",
    "(client {address})",
    "attempt {number}",
    "attempt {number} via {carrier}",
    "from {caller}",
    "(carrier's id {id})",
    "{amount} for {count} segment(s), {price} each",
    "{amount} for {seconds} s periods, {price} each",
    "{amount} charged",
    *(one.value for one in Refusal),
)
"""What lines are made of, besides what carriers and operators wrote, and the states and endings of messages."""


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
