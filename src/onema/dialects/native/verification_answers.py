"""What is told of a verification: as it begins, as it was checked, and all that became of its messages."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from onema.administration.story import moments, verification_state
from onema.dialects.native.wire import JSON, VerificationRequest, purpose_of, told
from onema.domain.codes.channel_plan import NEXT_CHANNEL, SENT_AGAIN, Progress
from onema.domain.ids import MessageId, time_of_id
from onema.domain.records import Attempt, Message
from onema.domain.state_machines import VerificationState
from onema.domain.values.money import Minor, format_amount
from onema.domain.values.phone import Phone
from onema.domain.values.times import show_time
from onema.http.messages import Response
from onema.storage.contract import Story

_STATUS = {
    VerificationState.PENDING: "pending",
    VerificationState.VERIFIED: "verified",
    VerificationState.USED_UP: "exhausted",
    VerificationState.SUPERSEDED: "superseded",
    VerificationState.EXPIRED: "expired",
    VerificationState.CANCELLED: "cancelled",
}


def created(
    message: MessageId, phone: Phone, expires_at: int, channel: str, asked: VerificationRequest
) -> Response:
    """The verification as it begins."""
    begun = {
        "id": str(message),
        "status": "pending",
        "channel": channel,
        "to": phone,
        "purpose": asked.purpose,
        "reference": asked.reference,
        "created_at": show_time(time_of_id(message)),
        "expires_at": show_time(expires_at),
    }
    location = f"/v1/verifications/{message}".encode()
    return Response(201, msgspec.json.encode(begun), JSON, ((b"location", location),))


def sent_more(verification: MessageId, message: Message) -> Response:
    """The message that goes out beside those before it; the same whenever it is asked for."""
    begun = {
        "id": str(verification),
        "message": {
            "id": str(message.id),
            "channel": message.channel,
            "created_at": show_time(time_of_id(message.id)),
        },
    }
    return Response(201, msgspec.json.encode(begun), JSON)


def checked(
    message: MessageId, state: VerificationState | None, outcome: str = "ok", token: str = ""
) -> Response:
    """`outcome` is a label alone: a wrong code is no error."""
    found = {
        "id": str(message),
        "valid": state is VerificationState.VERIFIED and outcome == "ok",
        "status": _STATUS[state] if state is not None else "",
    }
    if token:
        found["token"] = token
    return Response(200, msgspec.json.encode(found), JSON, outcome=outcome)


def further_messages(story: Story) -> list[MessageId]:
    """Those that sent the code of the story's message once more, oldest first."""
    events = [event for event in story.events if event.kind in (NEXT_CHANNEL, SENT_AGAIN)]
    return [MessageId(int(event.data.split()[1])) for event in events]


def verification(stories: Sequence[Story], progress: Progress | None, now: int, currency: str) -> Response:
    """With all of its messages, whose stories these are; the first is the verification's own. `progress` is that of a
    plan which goes on.
    """
    first, newest = stories[0].message, stories[-1].message
    state = verification_state(stories[0], now)
    messages = [story.message for story in stories]
    return told(
        {
            "id": str(first.id),
            "status": _STATUS[state] if state is not None else "",
            "channel": first.channel,
            "to": first.phone,
            "purpose": purpose_of(first),
            "reference": first.reference,
            "created_at": show_time(time_of_id(first.id)),
            "expires_at": show_time(first.code_expires_at),
            "next_channel_at": show_time(progress.next_at) if progress and progress.next_at else None,
            "delivery": _delivery(newest),
            "cost": _cost(messages, currency),
            "messages": [_message(story, currency) for story in stories],
            "timeline": list(_timeline(stories)),
        }
    )


def _message(story: Story, currency: str) -> dict[str, Any]:
    message = story.message
    return {
        "id": str(message.id),
        "channel": message.channel,
        "created_at": show_time(time_of_id(message.id)),
        "delivery": _delivery(message),
        "cost": _cost([message], currency),
        "attempts": [_attempt(attempt) for attempt in story.attempts],
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "carrier": attempt.carrier,
        "why": attempt.why,
        "status": attempt.state,
        "ending": attempt.ending,
        "detail": attempt.detail,
        "started_at": show_time(attempt.started_at),
        "ended_at": show_time(attempt.ended_at) if attempt.ended_at else None,
    }


def _delivery(message: Message) -> dict[str, str]:
    return {"status": message.state, "reason": message.reason, "ending": message.ending}


def _cost(messages: Sequence[Message], currency: str) -> dict[str, str]:
    return {
        "currency": currency,
        "held": format_amount(Minor(sum(one.held for one in messages))),
        "charged": format_amount(Minor(sum(one.charged for one in messages))),
    }


def _timeline(stories: Sequence[Story]) -> Iterator[dict[str, str]]:
    """The lines of all messages in order of time."""
    lines = [(moment, story.message.id) for story in stories for moment in moments(story)]
    for moment, message in sorted(lines, key=lambda line: line[0].at):
        yield {
            "at": show_time(moment.at),
            "event": moment.what,
            "detail": moment.detail,
            "message": str(message),
        }
