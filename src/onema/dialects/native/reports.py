"""What an account reads of its traffic and its money, page by page."""

from typing import Any

import msgspec

from onema.administration import customer_requests as theirs
from onema.administration import requests as ask
from onema.administration.calls import call_as_json
from onema.administration.guard_requests import MOST_DAYS
from onema.administration.permissions import NotPermitted
from onema.administration.spelled_phones import spelled_phones
from onema.administration.story import moments
from onema.dialects.native.desk import Asked, Methods, answered, page
from onema.dialects.native.errors import KEY_REUSED, Invalid
from onema.dialects.native.statistics import statistics
from onema.dialects.native.wire import read, request_digest, request_name, verification_of
from onema.domain.ids import MessageId, time_of_id
from onema.domain.records import Message, MessageState
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.money import format_amount
from onema.domain.values.times import show_time
from onema.http.messages import Response
from onema.storage.contract import NEWEST_ENTRY

CALLS_OF_A_MESSAGE = 16
"""More calls than a message has attempts."""
_NEWEST = (2**63 - 1, 2**63 - 1)


def reports_at(path: list[str]) -> Methods:
    """What answers a path of this part; nothing for one that is not."""
    match path:
        case ["messages"]:
            return {"GET": messages}
        case ["messages", text] if identifier := verification_of(text):
            return {"GET": lambda asked: message(asked, identifier)}
        case ["calls"]:
            return {"GET": calls}
        case ["ledger"]:
            return {"GET": ledger}
        case ["prices"]:
            return {"GET": prices}
        case ["statistics"]:
            return {"GET": statistics}
        case ["refusals"]:
            return {"GET": refusals}
        case ["guard"]:
            return {"GET": guard}
        case ["guard", "findings"]:
            return {"GET": findings}
        case ["callbacks"]:
            return {"GET": callbacks}
        case ["callbacks", "replay"]:
            return {"POST": replay}
        case ["callbacks", "addresses"]:
            return {"GET": addresses}
        case ["callbacks", "addresses", "online"]:
            return {"POST": put_online}
        case ["audit"]:
            return {"GET": audit}
    return {}


async def messages(asked: Asked) -> Response:
    query = asked.query
    state = query.get("status", "")
    if state and state not in set(MessageState):
        raise Invalid("/status", f"it is one of {', '.join(MessageState)}")
    found = await asked.ask(
        ask.SearchMessages(
            account=asked.account,
            phones=_phones(asked),
            reference=query.get("reference", ""),
            state=state,
            before=asked.cursor(int) or 0,
            limit=asked.limit,
        )
    )
    currency = asked.caller.account.document.currency
    return page([_message(one, currency) for one in found.messages], found.before or None)


def _phones(asked: Asked) -> tuple[str, ...]:
    """The numbers that somebody may mean; none where none is asked for."""
    spelled = asked.query.get("to", "")
    if not spelled:
        return ()
    phones = spelled_phones(spelled, (asked.caller.account.document,))
    if not phones:
        raise Invalid("/to", "it is no phone number")
    return tuple(phones)


async def message(asked: Asked, identifier: MessageId) -> Response:
    found = await asked.ask(ask.ReadStory(message=identifier, account=asked.account))
    if found is None:
        raise NotPermitted
    story = found.story
    return answered(
        {
            **_message(story.message, found.currency),
            "calls": [_call(call_as_json(call)) for call in story.calls],
            "timeline": [
                {"at": show_time(one.at), "event": one.what, "detail": one.detail} for one in moments(story)
            ],
        }
    )


def _message(one: Message, currency: str) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "channel": one.channel,
        "to": one.phone,
        "sender": one.sender,
        "application": one.application,
        "reference": one.reference,
        "api": one.dialect,
        "segments": one.segments,
        "status": one.state,
        "reason": one.reason,
        "ending": one.ending,
        "created_at": show_time(time_of_id(one.id)),
        "ended_at": show_time(one.ended_at) if one.ended_at else None,
        "verification": str(one.verification) if one.verification else None,
        "cost": {
            "currency": currency,
            "held": format_amount(one.held),
            "charged": format_amount(one.charged),
        },
    }


async def calls(asked: Asked) -> Response:
    limit, before = asked.limit, asked.cursor(int) or 0
    read = await asked.ask(
        ask.ReadCalls(account=asked.account, before=before, limit=limit + CALLS_OF_A_MESSAGE)
    )
    # The calls of one message are not parted: the next page begins behind them.
    whole = [n for n in range(limit, len(read)) if read[n].call.message != read[n - 1].call.message]
    found = read[: whole[0]] if whole else read
    following = found[-1].call.message if len(found) < len(read) else None
    lines = [
        {
            **_call(call_as_json(one.call)),
            "to": one.phone,
            "caller": one.caller,
            "reference": one.reference,
            "application": one.application,
        }
        for one in found
    ]
    return page(lines, following)


def _call(told: dict[str, Any]) -> dict[str, Any]:
    times = ("started_at", "ringing_at", "answered_at", "ended_at")
    return {name: (value or None) if name in times else value for name, value in told.items()}


async def ledger(asked: Asked) -> Response:
    limit, before = asked.limit, asked.cursor(tuple[int, str]) or NEWEST_ENTRY
    found = await asked.ask(ask.ReadLedger(account=asked.account, before=before, limit=limit))
    last = found[-1] if len(found) == limit else None
    lines = [
        {
            "subject": str(one.subject),
            "kind": one.kind,
            "amount": format_amount(one.amount),
            "at": show_time(one.at),
            "note": one.note,
        }
        for one in found
    ]
    return page(lines, (last.subject, last.kind) if last else None)


async def prices(asked: Asked) -> Response:
    found = await asked.ask(theirs.ReadPrices(account=asked.account))
    rates = [
        {"channel": one.channel, "prefix": one.prefix, "price": one.price, "period": one.period}
        for one in found.rates
    ]
    return answered({"currency": found.currency, "rates": rates})


async def refusals(asked: Asked) -> Response:
    found = await asked.ask(ask.ReadRefusals(account=asked.account))
    lines = [
        {
            "at": show_time(one.at),
            "since": show_time(one.since),
            "times": one.times,
            "api": one.dialect,
            "reason": one.reason,
            "to": one.phone,
            "client": one.client,
            "application": one.application,
            "detail": one.detail,
        }
        for one in reversed(found.entries)
    ]
    return answered({"total": found.total, "items": lines})


async def guard(asked: Asked) -> Response:
    found = await asked.ask(ask.ReadGuards(account=asked.account))
    lines = [
        {
            "of": one.of,
            "guard": one.guard,
            "rules": one.rules,
            "limits": [msgspec.structs.asdict(limit) for limit in one.limits],
            "allow": one.allow,
        }
        for one in found
    ]
    return answered({"items": lines})


async def findings(asked: Asked) -> Response:
    told = asked.query.get("days", "1")
    if not (told.isascii() and told.isdigit() and len(told) <= 2 and 1 <= int(told) <= MOST_DAYS):
        raise Invalid("/days", f"it is a whole number from 1 to {MOST_DAYS}")
    found = await asked.ask(ask.ReadFindings(account=asked.account, days=int(told)))
    lines = [msgspec.structs.asdict(one) for one in found.lines]
    return answered({"since": show_time(found.since), "items": lines})


async def callbacks(asked: Asked) -> Response:
    before = asked.cursor(tuple[int, int]) or _NEWEST
    found = await asked.ask(ask.ReadCallbacks(account=asked.account, before=before, limit=asked.limit))
    lines = [
        {
            "message": str(one.message),
            "at": show_time(one.at),
            "about": one.tried.about,
            "host": one.tried.host,
            "status": one.tried.status,
            "took_ms": one.tried.took_ms,
            "problem": one.tried.problem,
            "then": one.tried.then,
        }
        for one in found.tries
    ]
    return page(lines, found.next)


class ReplayRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    messages: tuple[str, ...]


REPLAYED_AT_ONCE = 100


async def replay(asked: Asked) -> Response:
    wanted = read(asked.request.body, ReplayRequest).messages
    identifiers = [verification_of(text) for text in wanted]
    if not 0 < len(wanted) <= REPLAYED_AT_ONCE or None in identifiers:
        raise Invalid("/messages", f"it is 1 to {REPLAYED_AT_ONCE} ids of messages")
    name = request_name(asked.request)
    order = ask.ReplayCallbacks(
        account=asked.account,
        messages=tuple(filter(None, identifiers)),
        told_only=True,
        # No key of a code has a tab in it.
        name=f"replay\t{name}" if name else "",
        digest=request_digest(asked.request),
    )
    try:
        return answered({"replayed": await asked.ask(order)}, 202)
    except Refused as refused:
        if refused.refusal is Refusal.DUPLICATE:
            return KEY_REUSED
        raise


async def addresses(asked: Asked) -> Response:
    found = await asked.ask(theirs.ReadAddresses(account=asked.account))
    lines = [
        {
            "application": one.application,
            "host": one.host,
            "status": "gone" if one.gone_at else "online",
            "gone_at": show_time(one.gone_at) if one.gone_at else None,
        }
        for one in found
    ]
    return answered({"items": lines})


class AddressRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    application: str = ""


async def put_online(asked: Asked) -> Response:
    wanted = read(asked.request.body, AddressRequest)
    order = theirs.PutAddressOnline(account=asked.account, application=wanted.application)
    try:
        return answered({"was_gone": await asked.ask(order)})
    except Refused as refused:
        if refused.refusal is not Refusal.CONFLICT:
            raise
        raise NotPermitted from refused  # There is no such address.


async def audit(asked: Asked) -> Response:
    before = asked.cursor(tuple[int, int]) or _NEWEST
    found = await asked.ask(ask.ReadAudit(account=asked.account, before=before, limit=asked.limit))
    lines = [
        {
            "id": f"{one.id}-{one.part}",
            "at": show_time(one.at),
            "actor": one.actor,
            "how": one.how,
            "role": one.role,
            "address": one.address,
            "what": one.what,
            "subject": one.subject,
            "before": msgspec.Raw(one.before),
            "after": msgspec.Raw(one.after),
        }
        for one in found.entries
    ]
    return page(lines, found.next)
