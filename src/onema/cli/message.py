from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from onema.cli.command import Cli, Commands

if TYPE_CHECKING:
    from onema.cli.session import Session
    from onema.domain.records import Message

app = Commands(help="Messages and their stories.")

SCAN_LIMIT = 10_000
PAGE = 500


@app.command("list")
def show_all(
    cli: Cli,
    account: Annotated[str | None, typer.Argument(help="Only this account's.")] = None,
    phone: Annotated[
        str | None, typer.Option(help="Only to this number, in E.164 (among the newest 10,000).")
    ] = None,
    state: Annotated[
        str | None, typer.Option(help="Only in this state, such as failed (among the newest 10,000).")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="Only with this contact_id (among the newest 10,000).")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=SCAN_LIMIT, help="How many per account.")] = 20,
    before: Annotated[str, typer.Option(help="Only those older than this message.")] = "",
) -> None:
    """List messages, newest first."""
    from onema.cli.output import print_json, print_table
    from onema.cli.story import message_as_json
    from onema.domain import documents as doc

    def wanted(message: "Message") -> bool:
        return (
            phone in (None, message.phone)
            and state in (None, str(message.state))
            and reference in (None, message.reference)
        )

    oldest = _message_id(before) if before else 0
    with cli.session() as session:
        names = [account] if account else [found.name for found in session.of_kind(doc.Account)]
        found = [
            {"account": name, **message_as_json(message)}
            for name in names
            for message in _matching(session, name, wanted, limit, oldest)
        ]
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
    from onema.cli.output import CliError, print_json, say
    from onema.cli.story import as_json, as_lines
    from onema.engine.control_requests import ReadStory

    with cli.session() as session:
        found = session.answer(ReadStory(message=_message_id(message), account=account))
    if found is None:
        raise CliError(f"There is no message {message!r}.")
    if cli.json:
        print_json(as_json(found))
    else:
        for line in as_lines(found):
            say(line)


def _message_id(text: str) -> int:
    from onema.cli.output import CliError
    from onema.cli.story import parse_message_id

    try:
        return parse_message_id(text)
    except ValueError as error:
        raise CliError(
            f"{text!r} is not a message's id: it has 19 digits, 29 (requestId), or 32 hex digits (SMSID)."
        ) from error


def _matching(
    session: "Session", account: str, wanted: Callable[["Message"], bool], limit: int, before: int
) -> "list[Message]":
    """The newest messages that match, looking through pages of them."""
    from onema.engine.control_requests import ReadMessages

    found: list[Message] = []
    for _ in range(0, SCAN_LIMIT, PAGE):
        page = session.answer(ReadMessages(account=account, before=before, limit=PAGE))
        found += filter(wanted, page)
        if len(found) >= limit or len(page) < PAGE:
            break
        before = page[-1].id
    return found[:limit]
