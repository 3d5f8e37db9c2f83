import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onema.cli.command import Cli, Commands

if TYPE_CHECKING:
    from onema.administration.requests import KeptTry
    from onema.cli.session import Session

app = Commands(help="What integrators were told of their messages.")

SCAN_LIMIT = 10_000
PAGE = 500

Since = Annotated[
    str | None,
    typer.Option(help="Only of messages that were asked for since 90m, 36h, 7d ago or an ISO 8601 time."),
]


@app.command("list")
def show_all(
    cli: Cli,
    account: Annotated[str | None, typer.Argument(help="Only this account's.")] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only tries that the receiver did not take.")
    ] = False,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, max=SCAN_LIMIT, help="How many per account.")] = 20,
) -> None:
    """List tries to tell integrators how their messages ended, those of the newest message first."""
    from onema.cli.message_search import parse_since
    from onema.cli.output import complain, print_json, print_table
    from onema.engine.ports import SystemClock

    earliest = parse_since(since, SystemClock().now()) if since else None
    found = []
    with cli.session() as session:
        for name in _accounts(session, account):
            tries = _Tries(session, name, earliest)
            wanted = (one for one in tries if one.tried.failed or not failed)
            matches = list(itertools.islice(wanted, limit))
            found += [{"account": name, **_as_json(one)} for one in matches]
            if tries.cut_off and len(matches) < limit:
                complain(f"onema: of {name} the newest {SCAN_LIMIT:,} events were searched; say --since")
    found.sort(key=lambda one: (int(one["message"]), one["at"]), reverse=True)
    if cli.json:
        print_json(found)
        return
    columns = ("message", "at", "account", "about", "host", "status", "took_ms", "result")
    print_table(columns, [[one[column] for column in columns] for one in found])


@app.command("show")
def show(
    cli: Cli,
    message: Annotated[
        str, typer.Argument(help="Its number, or the SMSID or requestId that the client was told.")
    ],
    account: Annotated[str, typer.Option(help="Only of this account.")] = "",
) -> None:
    """Tell how the integrator was told of one message: each try, when, which host, what it answered and how soon."""
    from onema.administration.requests import ReadStory
    from onema.administration.story import tries_of
    from onema.cli.message_search import message_id
    from onema.cli.output import CliError, print_json, print_table

    with cli.session() as session:
        found = session.answer(ReadStory(message=message_id(message), account=account))
    if found is None:
        raise CliError(f"There is no message {message!r}.")
    tries = [_as_json(one) for one in tries_of(found.story)]
    if cli.json:
        print_json(tries)
        return
    columns = ("at", "about", "host", "status", "took_ms", "result")
    print_table(columns, [[one[column] for column in columns] for one in tries])


@app.command("test")
def try_out(
    cli: Cli,
    account: Annotated[str, typer.Argument(help="Whose callback address is tried.")],
    application: Annotated[str, typer.Argument(help="The application whose address comes before it.")] = "",
) -> None:
    """Tell an integrator of a message that never was, and say what their address answered."""
    import msgspec

    from onema.administration.customer_requests import TryCallback
    from onema.cli.output import print_json, say

    with cli.session() as session:
        tried = session.answer(TryCallback(account=account, application=application))
    if cli.json:
        print_json(msgspec.to_builtins(tried))
    else:
        answered = f"{tried.host} answered {tried.status} after {tried.took_ms} ms" if tried.status else ""
        for line in filter(None, (answered, tried.problem, tried.said)):
            say(line)
    if tried.problem:
        raise typer.Exit(1)


@app.command("addresses")
def addresses(
    cli: Cli,
    account: Annotated[str, typer.Argument(help="Whose addresses are shown.")],
) -> None:
    """List where an account and its applications are told of messages, and which address has answered 410 (Gone)."""
    from onema.administration.customer_requests import ReadAddresses
    from onema.cli.output import print_json, print_table
    from onema.domain.values.times import show_time

    with cli.session() as session:
        found = [
            {
                "application": one.application,
                "host": one.host,
                "status": "gone" if one.gone_at else "online",
                "gone_at": show_time(one.gone_at) if one.gone_at else "",
            }
            for one in session.answer(ReadAddresses(account=account))
        ]
    if cli.json:
        print_json(found)
        return
    columns = ("application", "host", "status", "gone_at")
    print_table(columns, [[one[column] for column in columns] for one in found])


@app.command("online")
def put_online(
    cli: Cli,
    account: Annotated[str, typer.Argument(help="Whose address listens again.")],
    application: Annotated[str, typer.Argument(help="The application whose own address it is.")] = "",
) -> None:
    """Tell an address of events again that answered 410 (Gone)."""
    from onema.administration.customer_requests import PutAddressOnline
    from onema.cli.output import say

    with cli.session() as session:
        was_gone = session.answer(PutAddressOnline(account=account, application=application))
    say("Its address is told of events again." if was_gone else "Its address was online.")


@app.command("replay")
def replay(
    cli: Cli,
    message: Annotated[
        str | None, typer.Argument(help="The message that the integrator is told of again.")
    ] = None,
    since: Since = None,
    failed: Annotated[bool, typer.Option("--failed", help="All callbacks that were given up.")] = False,
    account: Annotated[str, typer.Option(help="Only of this account.")] = "",
) -> None:
    """Tell integrators again how messages ended: one, all since some time, or those of which they were not told.

    They may hear the same twice, as of any callback.
    """
    from onema.administration.requests import ReplayCallbacks
    from onema.cli.message_search import message_id, parse_since
    from onema.cli.output import CliError, say
    from onema.engine.ports import SystemClock

    if bool(message) == bool(since or failed):
        raise CliError("Name a message, or say --since or --failed.")
    earliest = parse_since(since, SystemClock().now()) if since else None
    with cli.session() as session:
        if message:
            count = session.answer(ReplayCallbacks(messages=(message_id(message),), account=account))
        elif failed:
            count = _requeue_given_up(session, account, earliest)
        else:
            names = _accounts(session, account or None)
            count = sum(_replay_since(session, name, earliest or 0) for name in names)
    say(f"{count} callback{'' if count == 1 else 's'} will be sent again.")


def _accounts(session: "Session", account: str | None) -> list[str]:
    from onema.cli.output import CliError
    from onema.domain.configuration import documents as doc

    names = [one.name for one in session.of_kind(doc.Account) if account in (None, one.name)]
    if account and not names:
        raise CliError(f"There is no account {account!r}.", "conflict")
    return names


class _Tries:
    """An account's tries, newest first, as far back as anybody looks: all since `earliest`, else so many events."""

    def __init__(self, session: "Session", account: str, earliest: int | None) -> None:
        self._session = session
        self._account = account
        self._earliest = earliest
        self.cut_off = False
        """Whether there are more than were looked through."""

    def __iter__(self) -> "Iterator[KeptTry]":
        from onema.administration.requests import ReadCallbacks
        from onema.domain.ids import first_id_at

        oldest = 0 if self._earliest is None else first_id_at(self._earliest)
        page = self._session.answer(ReadCallbacks(account=self._account, limit=PAGE))
        searched = PAGE
        while True:
            yield from (one for one in page.tries if one.message >= oldest)
            if page.next is None or page.next[0] < oldest:
                return
            if self._earliest is None and searched >= SCAN_LIMIT:
                self.cut_off = True
                return
            page = self._session.answer(ReadCallbacks(account=self._account, before=page.next, limit=PAGE))
            searched += PAGE


def _replay_since(session: "Session", account: str, earliest: int) -> int:
    from onema.administration.requests import ReadMessages, ReplayCallbacks
    from onema.domain.ids import first_id_at

    oldest, before, count = first_id_at(earliest), 0, 0
    while True:
        page = session.answer(ReadMessages(account=account, before=before, limit=PAGE))
        wanted = tuple(message.id for message in page if message.id >= oldest)
        count += session.answer(ReplayCallbacks(messages=wanted, account=account, told_only=True))
        if len(wanted) < PAGE:
            return count
        before = page[-1].id


def _requeue_given_up(session: "Session", account: str, earliest: int | None) -> int:
    """Each job that was given up becomes one again, so that nobody counts it as given up any more."""
    from onema.administration.requests import ReadDeadJobs, RequeueJob
    from onema.domain.configuration import documents as doc
    from onema.domain.ids import time_of_id
    from onema.domain.records import JobKind

    numbers = {one.number for one in session.of_kind(doc.Account) if account in ("", one.name)}
    before, count = 0, 0
    while True:
        page = session.answer(ReadDeadJobs(before=before, limit=PAGE))
        for job in page:
            if earliest is not None and time_of_id(job.message) < earliest:
                continue
            if job.kind == JobKind.CALLBACK and job.account in numbers:
                session.answer(RequeueJob(dead=job.id))
                count += 1
        if len(page) < PAGE:
            return count
        before = page[-1].id


def _as_json(one: "KeptTry") -> dict[str, Any]:
    from onema.domain.values.times import show_time

    tried = one.tried
    return {
        "message": str(one.message),
        "at": show_time(one.at),
        "about": tried.about or "end",
        "host": tried.host,
        "status": str(tried.status or ""),
        "took_ms": str(tried.took_ms) if tried.host else "",
        "result": tried.result,
    }
