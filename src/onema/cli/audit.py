from typing import TYPE_CHECKING, Annotated, Any

import typer

from onema.cli.command import Cli, Commands

if TYPE_CHECKING:
    from onema.domain.audit import AuditEntry

app = Commands(help="Who changed what by hand.")

MOST = 100_000


@app.command("list")
def show_all(
    cli: Cli,
    account: Annotated[str, typer.Argument(help="Only what concerns this account.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="How many at most.")] = 20,
) -> None:
    """List changes by people and programs, newest first: who, how and from where, what, and what was there before."""
    from onema.administration.requests import ReadAudit
    from onema.cli.output import print_json, print_table

    found: list[AuditEntry] = []
    with cli.session() as session:
        asked = ReadAudit(account=account, limit=limit)
        while len(found) < limit:
            page = session.answer(asked)
            found += page.entries
            if page.next is None:
                break
            asked = ReadAudit(account=account, limit=limit - len(found), before=page.next)
    told = [as_json(one) for one in found]
    if cli.json:
        print_json(told)
        return
    columns = ("at", "actor", "how", "address", "account", "what", "subject")
    print_table(
        (*columns, "changed"),
        [[*(one[column] for column in columns), _in_words(one["before"], one["after"])] for one in told],
    )


def as_json(entry: "AuditEntry") -> dict[str, Any]:
    import json

    from onema.domain.values.times import show_time

    return {
        "id": f"{entry.id}-{entry.part}",
        "at": show_time(entry.at),
        "actor": entry.actor,
        "how": entry.how,
        "role": entry.role,
        "address": entry.address,
        "account": entry.account,
        "what": entry.what,
        "subject": entry.subject,
        "before": json.loads(entry.before),
        "after": json.loads(entry.after),
    }


def _in_words(before: dict[str, Any], after: dict[str, Any]) -> str:
    import json

    def say(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    return ", ".join(
        f"{name}: {say(before[name])} -> {say(after[name]) if name in after else 'gone'}"
        if name in before
        else f"{name}: {say(after[name])}"
        for name in sorted({*before, *after})
    )
