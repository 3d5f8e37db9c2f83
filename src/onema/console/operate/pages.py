"""The pages of the console. Each asks the server what the command line would ask, and says how."""

import contextlib
import itertools
from collections.abc import Callable, Sequence
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from onema.administration import requests as ask
from onema.administration.calls import call_as_json, in_words, steps
from onema.administration.carriers_together import all_together
from onema.administration.spelled_phones import spelled_phones
from onema.administration.story import moments, verification_state
from onema.console.operate.frame import Frame, Visit
from onema.console.operate.viewer import NotForThem
from onema.domain.configuration.documents import Account
from onema.domain.ids import LARGEST_ID, MessageId, time_of_id
from onema.domain.records import Call, Message, MessageState
from onema.domain.values.money import format_amount
from onema.domain.values.times import show_time
from onema.protocols.sip.ladder import ladder
from onema.protocols.sip.pcap import pcap
from onema.protocols.sip.trace import BadTrace, read_trace

PAGE = 50
"""Messages, or other lines, of a page."""
SCANNED = 5_000
"""So many of an account's messages are looked through for a number or a state; the page says where it stopped."""
_AT_ONCE = 500


class Pages:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def routes(self) -> list[Route]:
        pages = {
            "/console": self.overview,
            "/console/messages": self.messages,
            "/console/messages/{id:int}": self.message,
            "/console/messages/{id:int}/{attempt:int}.pcap": self.capture,
            "/console/calls": self.calls,
            "/console/callbacks": self.callbacks,
            "/console/refusals": self.refusals,
            "/console/money": self.money,
            "/console/carriers": self.carriers,
            "/console/system": self.system,
        }
        return [Route(path, self._frame.endpoint(page)) for path, page in pages.items()]

    async def overview(self, visit: Visit) -> Response:
        accounts = await visit.accounts()
        balances = [await visit.ask(ask.ReadBalance(account=one.name)) for one in accounts[:PAGE]]
        carriers = [] if visit.viewer.account else all_together(await visit.ask(ask.ReadCarriers()))
        newest: list[tuple[str, Message]] = []
        for one in accounts[:PAGE]:
            found = await visit.ask(ask.ReadMessages(account=one.name, limit=8))
            newest += [(one.name, message) for message in found]
        newest.sort(key=lambda pair: pair[1].id, reverse=True)
        return self._frame.render(
            visit,
            "overview.html",
            "",
            accounts=[
                (one, format_amount(balance.balance))
                for one, balance in zip(accounts, balances, strict=False)
            ],
            carriers=carriers,
            messages=[_line(visit, account, message) for account, message in newest[:8]],
            command="onema account list",
        )

    async def messages(self, visit: Visit) -> Response:
        accounts = await visit.accounts()
        account = _chosen(visit, accounts)
        asked, state = visit.told("phone"), visit.told("state")
        phones = spelled_phones(asked, (account,) if account else ()) if asked else None

        def wanted(message: Message) -> bool:
            return (phones is None or message.phone in phones) and state in ("", message.state)

        found, older = list[Message](), 0
        if account is not None:
            before = _number(visit.told("before"))
            at_once = _AT_ONCE if asked or state else PAGE + 1
            found, older = await _search(visit, account.name, before, at_once, wanted)
        name = account.name if account else ""
        return self._frame.render(
            visit,
            "messages.html",
            "messages",
            accounts=accounts,
            account=account,
            asked=asked,
            unreadable=bool(asked) and not phones,
            state=state,
            states=[str(one) for one in MessageState],
            messages=[_line(visit, name, one) for one in found],
            older=older,
            scanned=SCANNED,
            command=f"onema message list {name}"
            + (f" --phone {asked}" if asked else "")
            + (f" --state {state}" if state else ""),
        )

    async def message(self, visit: Visit) -> Response:
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
        return self._frame.render(
            visit,
            "message.html",
            "messages",
            message=_line(visit, found.account, message),
            found=found,
            verification=str(state) if state else "",
            expires_at=show_time(message.code_expires_at),
            charged=format_amount(message.charged),
            held=format_amount(message.held),
            calls=[_call(visit, one) for one in story.calls],
            lines=lines,
            command=f"onema message show {identifier}",
        )

    async def capture(self, visit: Visit) -> Response:
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

    async def calls(self, visit: Visit) -> Response:
        accounts = await visit.accounts()
        account = _chosen(visit, accounts)
        before = _number(visit.told("before"))
        found = (
            await visit.ask(ask.ReadCalls(account=account.name, before=before, limit=PAGE + 1))
            if account
            else ()
        )
        return self._frame.render(
            visit,
            "calls.html",
            "calls",
            accounts=accounts,
            account=account,
            calls=[(visit.phone(one.phone), one.caller, _call(visit, one.call)) for one in found[:PAGE]],
            older=found[PAGE - 1].call.message if len(found) > PAGE else 0,
            command=f"onema call list {account.name if account else ''}",
        )

    async def callbacks(self, visit: Visit) -> Response:
        accounts = await visit.accounts()
        account = _chosen(visit, accounts)
        page = await visit.ask(ask.ReadCallbacks(account=account.name)) if account else None
        return self._frame.render(
            visit,
            "callbacks.html",
            "callbacks",
            accounts=accounts,
            account=account,
            tries=[
                {"message": one.message, "at": show_time(one.at), "tried": one.tried}
                for one in itertools.islice(page.tries if page else (), PAGE)
            ],
            command=f"onema callback list {account.name if account else ''}",
        )

    async def refusals(self, visit: Visit) -> Response:
        accounts = await visit.accounts()
        account = _chosen(visit, accounts)
        strangers = visit.told("account") == "-" and not visit.viewer.account
        name = "" if strangers or account is None else account.name
        found = await visit.ask(ask.ReadRefusals(account=name))
        return self._frame.render(
            visit,
            "refusals.html",
            "refusals",
            accounts=accounts,
            account=None if strangers else account,
            strangers=strangers,
            total=found.total,
            entries=[{"at": show_time(one.at), "entry": one} for one in reversed(found.entries)],
            command=f"onema account show {name}" if name else "onema refusals",
        )

    async def money(self, visit: Visit) -> Response:
        accounts = await visit.accounts()
        account = _chosen(visit, accounts)
        balance = await visit.ask(ask.ReadBalance(account=account.name)) if account else None
        entries = await visit.ask(ask.ReadLedger(account=account.name, limit=PAGE)) if account else ()
        return self._frame.render(
            visit,
            "money.html",
            "money",
            accounts=accounts,
            account=account,
            balance=format_amount(balance.balance) if balance else "",
            lowest=format_amount(balance.lowest) if balance and balance.lowest is not None else "",
            expires_at=show_time(balance.expires_at) if balance else "",
            entries=[
                {"at": show_time(one.at), "entry": one, "amount": format_amount(one.amount)}
                for one in entries
            ],
            command=f"onema wallet show {account.name if account else ''}",
        )

    async def carriers(self, visit: Visit) -> Response:
        carriers = all_together(await visit.ask(ask.ReadCarriers()))
        receipts = await visit.ask(ask.ReadReceipts(limit=PAGE))
        return self._frame.render(
            visit,
            "carriers.html",
            "carriers",
            carriers=carriers,
            receipts=[{"at": show_time(one.received_at), "receipt": one} for one in receipts],
            command="onema carrier status",
        )

    async def system(self, visit: Visit) -> Response:
        status = await visit.ask(ask.Status())
        dead = await visit.ask(ask.ReadDeadJobs(limit=PAGE))
        settings = await visit.ask(ask.ReadSettings())
        return self._frame.render(
            visit,
            "system.html",
            "system",
            status=status,
            now=show_time(status.now),
            dead=[{"at": show_time(time_of_id(one.id)), "job": one} for one in dead],
            settings=sorted(settings.items()),
            command="onema settings",
        )


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


def _chosen(visit: Visit, accounts: Sequence[Account]) -> Account | None:
    """The account that the address names, else the first one."""
    named = visit.told("account")
    return next((one for one in accounts if one.name == named), accounts[0] if accounts else None)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and int(text) <= LARGEST_ID else 0


def _call(visit: Visit, call: Call) -> dict[str, Any]:
    drawn = ""
    if call.trace and visit.viewer.sees_signalling:
        with contextlib.suppress(BadTrace):
            drawn = ladder(read_trace(call.trace))
    return {
        **call_as_json(call),
        "at": show_time(call.started_at),
        "words": in_words(call),
        "steps": [(show_time(at), what) for at, what in steps(call)],
        "ladder": drawn,
    }


def _line(visit: Visit, account: str, message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "at": show_time(time_of_id(message.id)),
        "account": account,
        "channel": str(message.channel),
        "phone": visit.phone(message.phone),
        "sender": message.sender,
        "state": str(message.state),
        "ending": message.ending or message.reason,
        "charged": format_amount(message.charged),
        "dialect": message.dialect,
        "application": message.application,
        "reference": message.reference,
        "segments": message.segments,
    }
