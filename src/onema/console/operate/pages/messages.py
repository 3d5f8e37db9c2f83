"""The messages of an account, and the story of each."""

from collections.abc import Callable

from starlette.responses import Response

from onema.administration import requests as ask
from onema.administration.spelled_phones import spelled_phones
from onema.administration.story import moments, verification_state
from onema.console.operate.frame import Section, Visit
from onema.console.operate.pages.shown import PAGE, shown_call, shown_message
from onema.console.operate.viewer import NotForThem
from onema.domain.ids import LARGEST_ID, MessageId
from onema.domain.records import Message, MessageState
from onema.domain.values.money import format_amount
from onema.domain.values.times import show_time
from onema.protocols.sip.pcap import pcap
from onema.protocols.sip.trace import read_trace

SCANNED = 5_000
"""So many of an account's messages are looked through for a number or a state; the page says where it stopped."""
_AT_ONCE = 500


async def messages(visit: Visit) -> Response:
    accounts = await visit.accounts()
    account = visit.chosen(accounts)
    asked, state = visit.told("phone"), visit.told("state")
    phones = spelled_phones(asked, (account,) if account else ()) if asked else None

    def wanted(message: Message) -> bool:
        return (phones is None or message.phone in phones) and state in ("", message.state)

    found, older = list[Message](), 0
    if account is not None:
        before = visit.told_id("before")
        at_once = _AT_ONCE if asked or state else PAGE + 1
        found, older = await _search(visit, account.name, before, at_once, wanted)
    name = account.name if account else ""
    return visit.render(
        "messages.html",
        accounts=accounts,
        account=account,
        asked=asked,
        unreadable=bool(asked) and not phones,
        state=state,
        states=[str(one) for one in MessageState],
        messages=[shown_message(visit, name, one) for one in found],
        older=older,
        scanned=SCANNED,
        command=f"onema message list {name}"
        + (f" --phone {asked}" if asked else "")
        + (f" --state {state}" if state else ""),
    )


async def message(visit: Visit) -> Response:
    identifier = visit.request.path_params["id"]
    if not 0 < identifier <= LARGEST_ID:
        raise NotForThem
    found = await visit.ask(ask.ReadStory(message=MessageId(identifier)))
    if found is None:
        raise NotForThem
    story, message = found.story, found.story.message
    state = verification_state(story, found.now)
    hidden = message.phone if not visit.viewer.sees_numbers else ""
    lines = [
        {
            "at": show_time(one.at),
            "event": one.what,
            "detail": one.detail.replace(hidden, visit.phone(hidden)) if hidden else one.detail,
        }
        for one in moments(story)
    ]
    return visit.render(
        "message.html",
        message=shown_message(visit, found.account, message),
        found=found,
        verification=str(state) if state else "",
        expires_at=show_time(message.code_expires_at),
        charged=format_amount(message.charged),
        held=format_amount(message.held),
        calls=[shown_call(visit, one) for one in story.calls],
        lines=lines,
        command=f"onema message show {identifier}",
    )


async def capture(visit: Visit) -> Response:
    """The signalling of a call as a capture file, for Wireshark."""
    parameters = visit.request.path_params
    found = await visit.ask(ask.ReadStory(message=MessageId(min(parameters["id"], LARGEST_ID))))
    calls = found.story.calls if found is not None and visit.viewer.sees_signalling else ()
    trace = next((one.trace for one in calls if one.attempt == parameters["attempt"]), b"")
    if not trace:
        raise NotForThem
    name = f"onema-{parameters['id']}-{parameters['attempt']}.pcap"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(pcap(read_trace(trace)), media_type="application/vnd.tcpdump.pcap", headers=headers)


async def _search(
    visit: Visit, account: str, before: int, at_once: int, wanted: Callable[[Message], bool]
) -> tuple[list[Message], int]:
    """A page of the messages under `before` that are wanted, and under which id to go on; 0 for the last page."""
    found, looked = list[Message](), 0
    while looked < SCANNED:
        several = await visit.ask(ask.ReadMessages(account=account, before=before, limit=at_once))
        found += filter(wanted, several)
        looked += len(several)
        if len(found) > PAGE:
            return found[:PAGE], found[PAGE - 1].id
        if len(several) < at_once:
            return found, 0
        before = several[-1].id
    return found, before


SECTION = Section(
    "messages",
    "Messages",
    {"": messages, "/{id:int}": message, "/{id:int}/{attempt:int}.pcap": capture},
)
