from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from onema.cli.command import Cli, Commands

if TYPE_CHECKING:
    from onema.administration.requests import SearchMessages
    from onema.cli.session import Session
    from onema.domain.records import Message

app = Commands(help="Messages and their stories.")

LONGEST_LIST = 10_000
PAGE = 500
MOST_ROUNDS = 25
"""So often the server is asked to go on where neither a name nor a time ends the search: it looks through some 20,000
messages each time.
"""


@app.command("list")
def show_all(
    cli: Cli,
    account: Annotated[str | None, typer.Argument(help="Only this account's.")] = None,
    phone: Annotated[str | None, typer.Option(help="Only to this number, in any spelling.")] = None,
    state: Annotated[str | None, typer.Option(help="Only in this state, such as failed.")] = None,
    reference: Annotated[str | None, typer.Option(help="Only with this contact_id.")] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Only those since 90m, 36h, 7d ago or an ISO 8601 time."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=LONGEST_LIST, help="How many per account.")] = 20,
    before: Annotated[str, typer.Option(help="Only those older than this message.")] = "",
) -> None:
    """List messages, newest first."""
    from onema.administration.requests import SearchMessages
    from onema.administration.story import message_as_json
    from onema.cli.message_search import known_state, message_id, parse_since, spelled_phone
    from onema.cli.output import CliError, complain, print_json, print_table
    from onema.domain.configuration import documents as doc
    from onema.domain.ids import MessageId, first_id_at, time_of_id
    from onema.domain.values.times import show_time
    from onema.engine.ports import SystemClock

    oldest = message_id(before) if before else 0
    wanted_state = known_state(state) if state else None
    earliest = parse_since(since, SystemClock().now()) if since else None
    found = []
    with cli.session() as session:
        accounts = [one for one in session.of_kind(doc.Account) if account in (None, one.name)]
        if account and not accounts:
            raise CliError(f"There is no account {account!r}.", "conflict")
        phones = spelled_phone(phone, accounts) if phone else frozenset[str]()
        wanted = SearchMessages(
            account="",
            phones=tuple(sorted(phones)),
            reference="" if phones else reference or "",
            state=wanted_state or "",
            since=first_id_at(earliest) if earliest else 0,
            before=oldest,
            limit=limit,
        )
        for name in (one.name for one in accounts):
            of_account = msgspec.structs.replace(wanted, account=name)
            matches, last = matching(session, of_account, reference or "" if phones else "")
            found += [{"account": name, **message_as_json(message)} for message in matches]
            if last:
                complain(
                    f"onema: of {name} the messages after {show_time(time_of_id(MessageId(last)))} were searched; "
                    f"go on with --before {last}, or say --since"
                )
    found.sort(key=lambda message: int(message["id"]), reverse=True)
    if cli.json:
        print_json(found)
        return
    columns = ("id", "at", "account", "channel", "phone", "sender", "state", "charged")
    print_table(columns, [[message[column] for column in columns] for message in found])


@app.command("show")
def show(
    cli: Cli,
    message: Annotated[
        str, typer.Argument(help="Its number, or the SMSID or requestId that the client was told.")
    ],
    account: Annotated[str, typer.Option(help="Look only here.")] = "",
) -> None:
    """Tell a message's whole story: request, decision, attempts, receipts, checks, money."""
    from onema.administration.requests import ReadStory
    from onema.administration.story import as_json
    from onema.cli.message_search import message_id
    from onema.cli.output import CliError, print_json, say
    from onema.cli.refused_text import as_lines as lines_of_why
    from onema.cli.refused_text import why_refused
    from onema.cli.story import as_lines
    from onema.domain.configuration import documents as doc

    with cli.session() as session:
        found = session.answer(ReadStory(message=message_id(message), account=account))
        if found is None:
            raise CliError(
                f"There is no message {message!r}. "
                f"A contact_id is found with `onema message list --reference {message}`."
            )
        refused, why, sender = found.refused_text, None, found.story.message.sender
        if refused is not None:
            templates = session.of_kind(doc.Template, found.account)
            why = why_refused(
                refused.text, refused.code_length, (one for one in templates if one.brandname == sender)
            )
    if cli.json:
        print_json({**as_json(found), "refused_text": why})
        return
    for line in as_lines(found):
        say(line)
    if why is not None:
        say()
        for line in lines_of_why(why, found.account, sender):
            say(line)


def matching(session: "Session", wanted: "SearchMessages", also: str = "") -> "tuple[list[Message], int]":
    """The newest messages that are wanted, of the reference `also` where one is said, and under which id the search
    goes on when it looked through enough and did not come to its end.
    """
    found: list[Message] = []
    limit, before, rounds = wanted.limit, wanted.before, 0
    has_end = bool(wanted.phones or wanted.reference or wanted.since)
    while has_end or rounds < MOST_ROUNDS:
        asked = msgspec.structs.replace(wanted, before=before, limit=min(PAGE, limit))
        page = session.answer(asked)
        found += [one for one in page.messages if also in ("", one.reference)]
        before, rounds = page.before, rounds + 1
        if len(found) >= limit or not before:
            return found[:limit], 0
    return found, before
