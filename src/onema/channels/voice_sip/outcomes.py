"""What a trunk's final answer means: one table from status, Reason and vendors' headers to an ending.

The first row that fits counts. A carrier's own rows stand before the table; in it vendors' rows stand before causes,
since they say most, and causes before bare statuses. What an ending does to the message and to the carrier is
endings.RULES', with one rule before it: where a phone rang, nothing is tried again (`outcome_of`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Literal

from msgspec import Meta

from onema.channels.voice_sip.line import CallEnded, How, Reason
from onema.channels.voice_sip.placeholders import is_header_name
from onema.channels.voice_sip.vendor_answers import VENDOR_ANSWERS, Answer
from onema.domain.configuration.carrier_settings import CarrierSettings
from onema.domain.configuration.problems import Problem
from onema.domain.delivery.call import CallFacts
from onema.domain.delivery.endings import RULES
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.domain.values.phone import mask

OVERLOAD_SECONDS = 30.0
"""A 503 that asks us to wait no longer than this speaks of load; one for longer of an outage."""

_BLOCKED, _LIMIT, _DOWN = Ending.BLOCKED, Ending.OUR_LIMIT, Ending.CARRIER_DOWN
_ABSENT, _NOBODY, _UNREACHABLE = Ending.SWITCHED_OFF, Ending.NOT_IN_SERVICE, Ending.UNREACHABLE

_LIMIT_WORDS = (
    r"\b(cps|calls? per second|concurrent calls?|simultaneous calls?|channels?|call rate|rate)\b.{0,20}"
    r"\b(limit|exceed(ed|s)?|reached)\b|\b(limit|too many)\b.{0,20}\b(calls?|channels?|cps)\b|\bcall limit\b"
)

ANSWERS: tuple[Answer, ...] = (
    *VENDOR_ANSWERS,
    # https://github.com/livekit/sip/pull/703: these come as 4xx and 5xx, and the trunk works.
    Answer(
        "too many calls, in its own words",
        _LIMIT,
        says=_LIMIT_WORDS,
        shown="cps limit exceeded, too many calls, ...",
    ),
    # ATIS-1000099, "603+": the phrase is not Decline, or the Reason's text begins with v=analytics.
    Answer(
        "blocked by analytics (603+)",
        _BLOCKED,
        status="603",
        says=r"network blocked|\bv=analytics",
        shown="Network Blocked, v=analytics...",
    ),
    Answer("unwanted (RFC 8197)", _BLOCKED, protocol="sip", cause=607),
    Answer("rejected by an analytics engine (RFC 8688)", _BLOCKED, protocol="sip", cause=608),
    Answer("the caller's signature is missing or wrong (RFC 9410)", _BLOCKED, protocol="stir"),
    Answer("unwanted (RFC 8197)", _BLOCKED, status="607"),
    Answer("rejected by an analytics engine (RFC 8688)", _BLOCKED, status="608"),
    # RFC 3398 §7.2.4.1: a network that rejects says 403 with 21, a person 603 with 21.
    Answer("rejected by the network", _BLOCKED, status="403", protocol="q.850", cause=21),
    Answer("unallocated number", _NOBODY, protocol="q.850", cause=1),
    Answer("no route to the network", _UNREACHABLE, protocol="q.850", cause=2),
    Answer("no route to the destination", _UNREACHABLE, protocol="q.850", cause=3),
    Answer("user busy", Ending.BUSY, protocol="q.850", cause=17),
    # Mobile networks say 18 when no paging is answered.
    Answer("no user responding", _ABSENT, protocol="q.850", cause=18),
    Answer("no answer from the user", Ending.NO_ANSWER, protocol="q.850", cause=19),
    Answer("subscriber absent", _ABSENT, protocol="q.850", cause=20),
    Answer("call rejected", Ending.DECLINED, protocol="q.850", cause=21),
    Answer("number changed", _NOBODY, protocol="q.850", cause=22),
    Answer("destination out of order", _ABSENT, protocol="q.850", cause=27),
    Answer("invalid number format", _NOBODY, protocol="q.850", cause=28),
    Answer("facility rejected", _UNREACHABLE, protocol="q.850", cause=29),
    Answer("no circuit available", _LIMIT, protocol="q.850", cause=34),
    Answer("network out of order", _DOWN, protocol="q.850", cause=38),
    Answer("temporary failure", _DOWN, protocol="q.850", cause=41),
    Answer("switching equipment congestion", _LIMIT, protocol="q.850", cause=42),
    Answer("requested circuit not available", _LIMIT, protocol="q.850", cause=44),
    Answer("resource unavailable", _DOWN, protocol="q.850", cause=47),
    Answer("outgoing calls barred", _BLOCKED, protocol="q.850", cause=52),
    Answer("incoming calls barred", Ending.SUSPENDED, protocol="q.850", cause=55),
    Answer("bearer capability not authorised", _BLOCKED, protocol="q.850", cause=57),
    Answer("bearer capability not available", _DOWN, protocol="q.850", cause=58),
    Answer("incompatible destination", _UNREACHABLE, protocol="q.850", cause=88),
    Answer("recovery on timer expiry", _DOWN, protocol="q.850", cause=102),
    Answer("protocol error", _DOWN, protocol="q.850", cause=111),
    Answer("it sends the call elsewhere", _UNREACHABLE, status="3xx"),
    Answer("credentials are missing or wrong", _DOWN, status="401"),
    Answer("the carrier wants to be paid", _DOWN, status="402"),
    # Callers that are not ours, countries that are not enabled, and fraud: another carrier may take the call.
    Answer("forbidden", _BLOCKED, status="403"),
    Answer("no such number", _NOBODY, status="404"),
    Answer("it takes no calls by INVITE", _DOWN, status="405"),
    Answer("credentials are missing or wrong", _DOWN, status="407"),
    Answer("nobody answered the network in time", _UNREACHABLE, status="408"),
    Answer("the number is gone", _NOBODY, status="410"),
    Answer("it does not read our SDP", _DOWN, status="415"),
    Answer("it does not take our addresses", _DOWN, status="416"),
    Answer("it does not know an extension", _DOWN, status="420"),
    Answer("it wants an extension that we have not", _DOWN, status="421"),
    Answer("its session timer is too long for us", _DOWN, status="422"),
    Answer("the caller must be signed (RFC 8224)", _BLOCKED, status="428"),
    Answer("it takes no anonymous callers (RFC 5079)", _BLOCKED, status="433"),
    Answer("the caller's signature cannot be read (RFC 8224)", _BLOCKED, status="436"),
    Answer("the caller's certificate is not accepted (RFC 8224)", _BLOCKED, status="437"),
    Answer("the caller's signature is wrong (RFC 8224)", _BLOCKED, status="438"),
    Answer("temporarily unavailable", _ABSENT, status="480"),
    Answer("it does not know the call", _DOWN, status="481"),
    Answer("the number is incomplete", _NOBODY, status="484"),
    Answer("busy", Ending.BUSY, status="486"),
    Answer("ended by the network", _UNREACHABLE, status="487"),
    Answer("no codec that both sides have", _DOWN, status="488"),
    Answer("too much load: it says when to come back", _LIMIT, status="503", wait=True),
    Answer("the network does not work", _DOWN, status="5xx"),
    Answer("busy everywhere", Ending.BUSY, status="600"),
    Answer("declined", Ending.DECLINED, status="603"),
    Answer("no such number anywhere", _NOBODY, status="604"),
    Answer("no codec that the phone has", _UNREACHABLE, status="606"),
    Answer("refused", _UNREACHABLE, status="4xx"),
    Answer("refused everywhere", Ending.DECLINED, status="6xx"),
)
"""docs/carriers/sip.md has this table; a test compares them. Q.850's 16, 31 and 127 say nothing, so they have no row:
the status decides.
"""

_AFTER_RINGING: Mapping[Ending, Ending] = {
    _LIMIT: Ending.CUT_OFF,
    _DOWN: Ending.CUT_OFF,
    _ABSENT: Ending.NO_ANSWER,
    _UNREACHABLE: Ending.NO_ANSWER,
}
"""What an ending is called instead where the phone rang."""


class StatusRule(CarrierSettings, frozen=True, kw_only=True):
    status: Annotated[
        int, Meta(ge=0, le=699, description="The final status of the INVITE, 300 to 699; 0: any.")
    ] = 0
    cause: Annotated[int, Meta(ge=0, le=127, description="The cause of a Q.850 Reason header; 0: any.")] = 0
    header: Annotated[str, Meta(max_length=64, description="The name of a header that must be there.")] = ""
    says: Annotated[
        str,
        Meta(
            max_length=100,
            description="A text, in any case, that its value must hold; without `header` the reason phrase or a "
            "Reason's text.",
        ),
    ] = ""
    ending: Annotated[
        Literal[
            "busy",
            "no answer",
            "declined",
            "voicemail",
            "switched off",
            "unreachable",
            "not in service",
            "suspended",
            "blocked by the carrier",
            "our limit at the carrier",
            "the carrier is down",
        ],
        Meta(description="How the call ended then, as docs/endings.md has it."),
    ]
    words: Annotated[str, Meta(max_length=100, description="What it says to operators.")] = ""


def status_problems(rules: Sequence[StatusRule]) -> Iterator[Problem]:
    """Places are those of the settings."""
    for index, rule in enumerate(rules):
        if 0 < rule.status < 300:
            yield Problem(
                f"statuses[{index}].status", "it is no final status of a call that was not answered"
            )
        if not (rule.status or rule.cause or rule.header or rule.says):
            yield Problem(f"statuses[{index}]", "it needs a status, a cause, a header or what one says")
        if rule.header and not is_header_name(rule.header):
            yield Problem(f"statuses[{index}].header", "it is no name of a header")


def answers_of(rules: Iterable[StatusRule]) -> tuple[Answer, ...]:
    """A carrier's own rows, then the table."""
    own = tuple(
        Answer(
            rule.words or "a row of the carrier's settings",
            Ending(rule.ending),
            status=str(rule.status) if rule.status else "",
            protocol="q.850" if rule.cause else "",
            cause=rule.cause,
            header=rule.header,
            says=re.escape(rule.says),
        )
        for rule in rules
    )
    return (*own, *ANSWERS)


def headers_of(answers: Iterable[Answer]) -> tuple[str, ...]:
    """Names of the headers that some row asks for."""
    return tuple(dict.fromkeys(answer.header for answer in answers if answer.header))


_OTHER = Answer("an answer of its own", _UNREACHABLE)


def meaning_of(ended: CallEnded, answers: Sequence[Answer] = ANSWERS) -> Answer:
    """The row for a call that was refused."""
    return next((answer for answer in answers if _fits(answer, ended)), _OTHER)


def _fits(answer: Answer, ended: CallEnded) -> bool:
    if answer.status and not re.fullmatch(answer.status.replace("x", "[0-9]"), str(ended.status)):
        return False
    if answer.wait and not 0 < ended.retry_after <= OVERLOAD_SECONDS:
        return False
    reasons: Sequence[Reason] = ended.reasons
    if answer.protocol:
        reasons = [
            reason
            for reason in reasons
            if reason.protocol == answer.protocol and answer.cause in (0, reason.cause)
        ]
        if not reasons:
            return False
    if answer.header:
        texts = [value for name, value in ended.headers if name.lower() == answer.header.lower()]
        if not texts:
            return False
    else:
        texts = [ended.phrase, *(reason.text for reason in reasons)]
    return not answer.says or any(re.search(answer.says, text, re.IGNORECASE) for text in texts)


_AFTER_ANSWER = {38, 41, 42, 44, 47, 102, 111}
"""Q.850 causes of a BYE with which the network, and not the person, ended the call."""


def outcome_of(ended: CallEnded, answers: Sequence[Answer] = ANSWERS) -> Outcome:
    """The outcome of an attempt. Whatever the trunk said, what rang may not be tried elsewhere."""
    ending, words = _ended(ended, answers)
    kind = RULES[ending].kind
    if (ended.rang or ended.answered) and kind is OutcomeKind.TEMPORARY:
        ending = _AFTER_RINGING.get(ending, ending)
        kind = OutcomeKind.UNDELIVERED
    return Outcome(
        kind=kind,
        ending=ending,
        detail=_detail(ended, words),
        seconds=ended.talk_seconds,
        call=CallFacts(
            ring_seconds=ended.ring_seconds,
            talk_seconds=ended.talk_seconds,
            keys=ended.keys,
            status=ended.status,
            codec=ended.codec,
            packets_sent=ended.packets_sent,
            packets_received=ended.packets_received,
            packets_lost=ended.packets_lost,
            jitter_ms=ended.jitter_ms,
            trace=ended.trace,
        ),
    )


def _ended(ended: CallEnded, answers: Sequence[Answer]) -> tuple[Ending, str]:
    match ended.how:
        case How.PLAYED:
            return Ending.ANSWERED, ""
        case How.HUNG_UP:
            broken = any(one.protocol == "q.850" and one.cause in _AFTER_ANSWER for one in ended.reasons)
            return (Ending.CUT_OFF, "the network ended it") if broken else (Ending.HUNG_UP, "")
        case How.NO_KEY:
            # A machine presses none; a person who does not may as well not have listened.
            return Ending.VOICEMAIL, "the key before the code was not pressed"
        case How.NO_ANSWER:
            return Ending.NO_ANSWER, ""
        case How.REFUSED:
            found = meaning_of(ended, answers)
            ending = found.ending
            if ended.rang:
                ending = _AFTER_RINGING.get(ending, ending)
            return ending, found.words
        case How.SILENCE:
            return _DOWN, "no answer to the INVITE"
        case How.NOT_SENT:
            return _DOWN, "the INVITE could not be sent"
        case How.BAD_MEDIA | How.LOST | How.STOPPED:
            broke = Ending.CUT_OFF if ended.rang or ended.answered else _DOWN
            return broke, _BROKEN[ended.how]


_NUMBER = re.compile(r"\+?[0-9]{7,}")

_BROKEN = {
    How.BAD_MEDIA: "its SDP fits no call",
    How.LOST: "the far end was lost",
    How.STOPPED: "it was ended from here",
}


def _detail(ended: CallEnded, words: str) -> str:
    """For operators: the answer as it was, without phones' numbers, its reasons, and what was made of it."""
    said = [f"{ended.status} {ended.phrase}".strip()] if ended.status >= 300 else []
    said += [
        f"{one.protocol.upper()} {one.cause or ''}{f' {one.text}' if one.text else ''}".strip()
        for one in ended.reasons
    ]
    said += [f"{name}: {value}" for name, value in ended.headers]
    told = _NUMBER.sub(lambda found: mask(found[0]), "; ".join(said))
    return "; ".join(filter(None, (told, words, ended.detail)))
