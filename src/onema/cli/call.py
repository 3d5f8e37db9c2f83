import contextlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onema.cli.command import Cli, Commands

if TYPE_CHECKING:
    from onema.administration.requests import FoundStory, PlacedCall
    from onema.cli.session import Session
    from onema.domain.records import Call

app = Commands(help="Calls: how far each is, how it went, and its signalling.")

SCAN_LIMIT = 10_000
PAGE = 500


@app.command("list")
def show_all(
    cli: Cli,
    account: Annotated[str | None, typer.Argument(help="Only this account's.")] = None,
    phone: Annotated[str | None, typer.Option(help="Only to this number, in any spelling.")] = None,
    reference: Annotated[str | None, typer.Option(help="Only with this contact_id.")] = None,
    ending: Annotated[str | None, typer.Option(help="Only those that ended so, such as busy.")] = None,
    carrier: Annotated[str | None, typer.Option(help="Only over this one.")] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Search all since 90m, 36h, 7d ago or an ISO 8601 time; else the newest 10,000."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=SCAN_LIMIT, help="How many per account.")] = 20,
) -> None:
    """List calls, those of the newest message first; one for each attempt of which anything was heard."""
    from onema.administration.calls import call_as_json
    from onema.cli.message_search import parse_since, spelled_phone
    from onema.cli.output import CliError, complain, print_json, print_table
    from onema.domain.configuration import documents as doc
    from onema.engine.ports import SystemClock

    earliest = parse_since(since, SystemClock().now()) if since else None
    found: list[dict[str, Any]] = []
    with cli.session() as session:
        accounts = [one for one in session.of_kind(doc.Account) if account in (None, one.name)]
        if account and not accounts:
            raise CliError(f"There is no account {account!r}.", "conflict")
        phones = spelled_phone(phone, accounts) if phone else None

        def wanted(one: "PlacedCall") -> bool:
            return (
                (phones is None or one.phone in phones)
                and reference in (None, one.reference)
                and ending in (None, one.call.ending)
                and carrier in (None, one.call.carrier)
            )

        for name in (one.name for one in accounts):
            calls = _Calls(session, name, earliest)
            matches = list(islice(filter(wanted, calls), limit))
            found += [{"account": name, "phone": one.phone, **call_as_json(one.call)} for one in matches]
            if calls.cut_off and len(matches) < limit:
                complain(f"onema: of {name} the newest {SCAN_LIMIT:,} calls were searched; say --since")
    found.sort(key=lambda one: (-int(one["message"]), one["attempt"]))
    if cli.json:
        print_json(found)
        return
    columns = ("message", "attempt", "started_at", "account", "phone", "carrier", "state", "ending")
    numbers = ("ring_seconds", "talk_seconds", "status")
    print_table(
        (*columns, *numbers), [[str(one[column]) for column in (*columns, *numbers)] for one in found]
    )


@app.command("show")
def show(
    cli: Cli,
    call: Annotated[
        str,
        typer.Argument(
            help="Its message's number, or the requestId, SMSID or contact_id that the client knows, or the "
            "phone that was called last."
        ),
    ],
    account: Annotated[str, typer.Option(help="Look only here.")] = "",
    attempt: Annotated[int, typer.Option(min=0, help="Only this one; 0: all.")] = 0,
    pcap: Annotated[
        Path | None,
        typer.Option(help="Write the signalling of the last one shown to this file, for Wireshark."),
    ] = None,
) -> None:
    """Tell how a message's calls went: states, figures, and the signalling as a ladder. Neither has a code in it."""
    from onema.administration.calls import call_as_json
    from onema.cli.output import CliError, print_json, say

    with cli.session() as session:
        found = _story(session, call, account)
    calls = [one for one in found.story.calls if attempt in (0, one.attempt)]
    if not calls:
        raise CliError(f"Nothing was heard of a call of message {found.story.message.id}.", "conflict")
    if pcap is not None:
        _write_capture(calls[-1], pcap)
    if cli.json:
        print_json([call_as_json(one) for one in calls])
        return
    for one in calls:
        for line in _lines(found, one):
            say(line)


def _lines(found: "FoundStory", call: "Call") -> Iterator[str]:
    from onema.administration.calls import in_words, steps
    from onema.domain.values.times import show_time

    message = found.story.message
    caller = f" from {message.sender}" if message.sender else ""
    yield f"message {message.id} of {found.account}: attempt {call.attempt} via {call.carrier}"
    yield f"a call to {message.phone}{caller}"
    yield ""
    for at, what in steps(call):
        yield f"{show_time(at)}  {what}"
    if words := in_words(call):
        yield ""
        yield words
    yield ""
    yield from _ladder(call)


def _ladder(call: "Call") -> Iterator[str]:
    from onema.protocols.sip.ladder import ladder
    from onema.protocols.sip.trace import BadTrace, read_trace

    if not call.trace:
        yield "(no signalling was kept)"
        return
    try:
        yield from ladder(read_trace(call.trace)).splitlines()
    except BadTrace as error:
        yield f"(the signalling cannot be shown: {error})"


def _write_capture(call: "Call", file: Path) -> None:
    from onema.cli.output import CliError, complain
    from onema.protocols.sip.pcap import pcap
    from onema.protocols.sip.trace import BadTrace, read_trace

    try:
        file.write_bytes(pcap(read_trace(call.trace)))
    except BadTrace as error:
        raise CliError(f"There is no signalling to write: {error}.") from error
    except OSError as error:
        raise CliError(f"{file} cannot be written: {error.strerror}.") from error
    complain(f"onema: {file} has phone numbers in it")


def _story(session: "Session", text: str, account: str) -> "FoundStory":
    """The message that `text` names in any of the ways in which people know it. Raises CliError."""
    from onema.administration.requests import ReadStory
    from onema.cli.message_search import message_id
    from onema.cli.output import CliError

    with contextlib.suppress(CliError):
        found = session.answer(ReadStory(message=message_id(text), account=account))
        if found is not None:
            return found
    # A national number is digits, as a message's number is.
    message = _newest_called(session, text, account)
    found = session.answer(ReadStory(message=message, account=account))
    if found is None:
        raise CliError(f"There is no message {text!r}.")
    return found


def _newest_called(session: "Session", text: str, account: str) -> Any:
    """The newest message with a call to this phone, or that its client calls so. Raises CliError."""
    from onema.cli.message_search import spelled_phone
    from onema.cli.output import CliError
    from onema.domain.configuration import documents as doc

    accounts = [one for one in session.of_kind(doc.Account) if account in ("", one.name)]
    try:
        phones = spelled_phone(text, accounts)
    except CliError:
        phones = frozenset()
    found = [
        one.call.message
        for name in (one.name for one in accounts)
        for one in islice(
            (one for one in _Calls(session, name, None) if one.reference == text or one.phone in phones), 1
        )
    ]
    if not found:
        raise CliError(f"There is no call that {text!r} names.", "conflict")
    return max(found)


class _Calls:
    """An account's calls, those of the newest message first, as far back as anybody looks: all since `earliest`, else
    so many.
    """

    def __init__(self, session: "Session", account: str, earliest: int | None) -> None:
        self._session = session
        self._account = account
        self._earliest = earliest
        self.cut_off = False
        """Whether there are more than were looked through."""

    def __iter__(self) -> "Iterator[PlacedCall]":
        from onema.administration.requests import ReadCalls
        from onema.domain.ids import first_id_at

        oldest = 0 if self._earliest is None else first_id_at(self._earliest)
        before, searched = 0, 0
        while True:
            page = self._session.answer(ReadCalls(account=self._account, before=before, limit=PAGE))
            is_last = len(page) < PAGE
            # Of the last message there may be more: it comes again with the next page.
            last = 0 if is_last else page[-1].call.message
            yield from (one for one in page if one.call.message >= oldest and one.call.message != last)
            searched += len(page)
            if is_last or last < oldest:
                return
            if self._earliest is None and searched >= SCAN_LIMIT:
                self.cut_off = True
                return
            before = last + 1
