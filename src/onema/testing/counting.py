"""Counting messages that are alike, as MemoryStorage does: what the stores' SQL must come to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from onema.domain.codes.channel_plan import NEXT_CHANNEL, SENT_AGAIN
from onema.domain.codes.send_in_sandbox import SANDBOX
from onema.domain.delivery.message_progress import OPERATORS_OWN
from onema.domain.delivery.outcome import network_told
from onema.domain.erase_phone import ERASED
from onema.domain.guard.judge import GUARD
from onema.domain.ids import AccountId
from onema.domain.records import Attempt, AttemptState, Event, Message, MessageState
from onema.domain.statistics import WITHIN_SECONDS, FirstAttempt, MessagesAlike, prefix_of
from onema.domain.values.phone import Phone

_NOT_SENT = (MessageState.ACCEPTED, MessageState.FAILED)
_TOLD = (AttemptState.DELIVERED, AttemptState.UNDELIVERED)

_Likeness = tuple[AccountId, str, str, str, str, str, str]


class _Seen(NamedTuple):
    message: Message
    attempts: Sequence[Attempt]
    verified: bool
    guarded: bool

    @property
    def likeness(self) -> _Likeness:
        one, last = self.message, self.attempts[-1] if self.attempts else None
        network = network_told(last.network) if last else {}
        prefix = prefix_of(one.phone)
        named = network.get("operator") or network.get("mccmnc") or ""
        first = self.attempts[0].carrier if self.attempts else ""
        return (
            AccountId(one.account),
            one.channel,
            one.template,
            prefix,
            last.carrier if last else "",
            named,
            first,
        )

    @property
    def begins(self) -> bool:
        return self.message.verification == self.message.id

    @property
    def tried(self) -> bool:
        return bool(self.attempts) and not self.guarded


def count_alike(
    messages: Iterable[Message], attempts: Sequence[Attempt], events: Sequence[Event], now: int
) -> list[MessagesAlike]:
    groups = defaultdict[_Likeness, list[_Seen]](list)
    for seen in _seen(messages, attempts, events):
        groups[seen.likeness].append(seen)
    return [_alike(likeness, group, now) for likeness, group in groups.items()]


def first_attempts(
    messages: Iterable[Message], attempts: Sequence[Attempt], events: Sequence[Event]
) -> list[FirstAttempt]:
    """In the order of the messages."""
    return [
        FirstAttempt(
            one.message.id,
            one.message.channel,
            one.message.phone,
            one.attempts[0].carrier,
            one.attempts[0].why,
            one.verified and len(one.attempts) == 1,
        )
        for one in _seen(messages, attempts, events)
        if one.tried and one.begins and one.message.phone != ERASED
    ]


def _seen(
    messages: Iterable[Message], attempts: Sequence[Attempt], events: Sequence[Event]
) -> Iterator[_Seen]:
    for one in messages:
        left_out = one.state == MessageState.REFUSED or one.reason == SANDBOX or one.dialect == OPERATORS_OWN
        if not left_out:
            yield _Seen(
                one,
                sorted(
                    (row for row in attempts if (row.account, row.message) == (one.account, one.id)),
                    key=lambda row: row.number,
                ),
                _is_verified(one, events),
                any((row.account, row.subject, row.kind) == (one.account, one.id, GUARD) for row in events),
            )


def _is_verified(message: Message, events: Sequence[Event]) -> bool:
    """Whether its code was typed in after it, and no other message of the verification came between."""
    mine = [row for row in events if (row.account, row.subject) == (message.account, message.verification)]
    at = min((row.id for row in mine if row.kind == "verified"), default=0)
    between = (row for row in mine if message.id < row.id < at)
    return (
        bool(message.verification)
        and at > message.id
        and not any(row.kind in (NEXT_CHANNEL, SENT_AGAIN) for row in between)
    )


def _alike(likeness: _Likeness, group: Sequence[_Seen], now: int) -> MessagesAlike:
    account, channel, template, prefix, carrier, network, first_carrier = likeness
    messages = [one.message for one in group]
    firsts = [one.attempts[0] for one in group if one.tried]
    times = [row.ended_at - row.started_at for row in firsts if row.state == AttemptState.DELIVERED]
    return MessagesAlike(
        account=account,
        channel=channel,
        template=template,
        prefix=prefix,
        phone=Phone(min(one.phone for one in messages)),
        carrier=carrier,
        network=network,
        first_carrier=first_carrier,
        messages=len(group),
        unsettled=sum(not one.ended_at or one.code_expires_at > now for one in messages),
        sent=sum(one.state not in _NOT_SENT for one in messages),
        delivered=sum(one.state == MessageState.DELIVERED for one in messages),
        codes=sum(one.begins for one in group),
        verified=sum(one.verified for one in group),
        charged=sum(one.charged for one in messages),
        code_charged=sum(one.charged for one in messages if one.verification),
        tried=len(firsts),
        tried_codes=sum(one.tried and one.begins for one in group),
        tried_verified=sum(
            one.tried and one.begins and one.verified and len(one.attempts) == 1 for one in group
        ),
        told=sum(row.state in _TOLD for row in firsts),
        arrived=len(times),
        within=tuple(sum(ms < 1_000 * seconds for ms in times) for seconds in WITHIN_SECONDS),
    )
