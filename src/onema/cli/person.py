from typing import TYPE_CHECKING, Annotated, Any

import typer

from onema.cli.command import Cli, Commands

if TYPE_CHECKING:
    from onema.administration.person_requests import KnownOfPerson

app = Commands(help="All that is known of a person's number, and forgetting it.")

Number = Annotated[
    str, typer.Argument(help="The number, as +84901888484 or as national numbers are written.")
]
Account = Annotated[str, typer.Option(help="Only what this account knows.")]


@app.command("export")
def export(cli: Cli, number: Number, account: Account = "") -> None:
    """Write all that is known of a number as JSON: what a person may ask for by law."""
    from onema.administration.person_requests import ExportPerson
    from onema.cli.output import print_json

    with cli.session() as session:
        known = session.answer(ExportPerson(phone=number, account=account))
    print_json([as_json(one) for one in known])


@app.command("erase")
def erase(
    cli: Cli,
    number: Number,
    account: Account = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Forget a number: it and what tells of its person goes out of every table; money and figures stay."""
    from onema.administration.person_requests import ErasePerson
    from onema.cli.output import print_json, say

    if not yes:
        typer.confirm("This cannot be taken back. Forget this number?", abort=True)
    with cli.session() as session:
        erased = dict(session.answer(ErasePerson(phone=number, account=account)))
    if cli.json:
        print_json(erased)
        return
    under_way = erased.pop("under way", 0)
    for table, rows in sorted(erased.items()):
        say(f"{table}: {rows}")
    if not erased and not under_way:
        say("Nothing was known of it.")
    if under_way:
        say(
            f"{under_way} messages are still under way and keep the number: erase it again when they are over."
        )


def as_json(known: "KnownOfPerson") -> dict[str, Any]:
    from onema.administration.requests import FoundStory
    from onema.administration.story import as_json as story_as_json
    from onema.domain.values.times import show_time

    stories = (FoundStory(known.account, known.currency, story, known.now, None) for story in known.stories)
    return {
        "account": known.account,
        "phone": known.phone,
        "messages": [story_as_json(one) for one in stories],
        "codes": [
            {
                "purpose": one.purpose,
                "verification": str(one.verification),
                "expires_at": show_time(one.expires_at),
            }
            for one in known.codes
        ],
        "windows": [
            {"scope": one.scope, "counters": one.counters, "expires_at": show_time(one.expires_at)}
            for one in known.windows
        ],
        "guard": [{"counts": one.subject, "expires_at": show_time(one.expires_at)} for one in known.guarded],
    }
