from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onema.cli.command import Cli, Commands

if TYPE_CHECKING:
    from onema.cli.session import Session
    from onema.domain.configuration.documents import Guard

app = Commands(help="The guard: what looks like abuse of sending, and what follows from it.")

Name = Annotated[
    str,
    typer.Argument(help="* for the whole installation, an ACCOUNT, or an ACCOUNT/APPLICATION."),
]


@app.command("list")
def show_all(cli: Cli) -> None:
    """List which guards there are, and the mode of each."""
    from onema.cli.changes import shown_fields
    from onema.cli.output import print_json, print_table

    with cli.session() as session:
        guards = _guards(session)
    if cli.json:
        print_json([shown_fields(guard) for guard in guards.values()])
        return
    rows = [
        (
            name,
            guard.mode,
            ", ".join(f"{rule}={mode}" for rule, mode in sorted(guard.rules.items())),
            str(len(guard.limits)),
            str(len(guard.allow)),
        )
        for name, guard in guards.items()
    ]
    print_table(("guard", "mode", "rules of their own", "limits", "allowed"), rows)


@app.command("show")
def show(cli: Cli, name: Name = "*") -> None:
    """Show what each rule does for an account or an application, and which guard says so."""
    from onema.cli.changes import shown_fields
    from onema.cli.output import print_json, print_table, say
    from onema.domain.configuration.guard_rules import REASONS, Rule
    from onema.domain.configuration.guard_view import GuardView

    with cli.session() as session:
        guard = _holding(_guards(session), name)
    modes = GuardView(guard).modes
    if cli.json:
        told = {str(rule): {"mode": str(modes[rule]), "reason": str(REASONS[rule])} for rule in Rule}
        print_json({**shown_fields(guard), "in_force": told})
        return
    say(f"The guard of {name} is {guard.name}.")
    print_table(
        ("rule", "mode", "reason"), [(str(rule), str(modes[rule]), str(REASONS[rule])) for rule in Rule]
    )


@app.command("findings")
def findings(
    cli: Cli,
    account: Annotated[str, typer.Argument(help="Whose messages; all without.", show_default=False)] = "",
    days: Annotated[int, typer.Option(min=1, max=14, help="How many days back.")] = 1,
) -> None:
    """List what each rule found lately, by country and prefix: of messages that went out, and of refused ones."""
    import msgspec

    from onema.administration.requests import ReadFindings
    from onema.cli.output import print_json, print_table
    from onema.domain.values.times import show_time

    with cli.session() as session:
        found = session.answer(ReadFindings(account=account, days=days))
    if cli.json:
        print_json({"since": show_time(found.since), "lines": msgspec.to_builtins(found.lines)})
        return
    print_table(
        ("rule", "mode", "country", "prefix", "went out", "refused"),
        [
            (one.rule, one.mode, one.country, one.prefix, str(one.went_out), str(one.refused))
            for one in found.lines
        ],
    )


@app.command("set")
def put(
    cli: Cli,
    name: Name = "*",
    mode: Annotated[str, typer.Option(help="off, record, challenge or block; for every rule.")] = "",
    rule: Annotated[
        list[str] | None,
        typer.Option(
            help="What one rule does instead: conversion=block; conversion= takes it back. May repeat."
        ),
    ] = None,
    country: Annotated[
        list[str] | None, typer.Option(help="A country that may be sent to, and no other. May repeat.")
    ] = None,
    price_ceiling: Annotated[
        str | None, typer.Option(help="What a message may cost; empty: any price.")
    ] = None,
) -> None:
    """Change a guard, or make one that begins as a copy of the one that held so far."""
    import msgspec

    from onema.administration.requests import PutDocuments
    from onema.cli.changes import made, print_changes

    with cli.session(creates=True) as session:
        guard = _holding(_guards(session, reveal=True), name)
        rules: dict[str, str] = dict(guard.rules)
        for text in rule or ():
            which, _, what = text.partition("=")
            rules.pop(which, None)
            if what:
                rules[which] = what
        fields = msgspec.to_builtins(guard) | {"name": name, "rules": rules}
        fields |= {"mode": mode} if mode else {}
        fields |= {"countries": country} if country is not None else {}
        fields |= {"price_ceiling": price_ceiling} if price_ceiling is not None else {}
        fields.pop("kind", None)
        changes = session.answer(PutDocuments(documents=(made(type(guard), **fields),)))
    print_changes(cli, changes)


@app.command("allow")
def allow(
    cli: Cli,
    entry: Annotated[
        list[str],
        typer.Argument(help="A number, a block of a thousand (+84901234xxx), a network, or a country (VN)."),
    ],
    name: Annotated[str, typer.Option(help="Whose guard: *, an ACCOUNT or an ACCOUNT/APPLICATION.")] = "*",
    remove: Annotated[bool, typer.Option("--remove", help="Take them off the list instead.")] = False,
) -> None:
    """Let through what no rule of the guard shall look at."""
    import msgspec

    from onema.administration.requests import PutDocuments
    from onema.cli.changes import print_changes
    from onema.cli.output import CliError

    with cli.session(creates=True) as session:
        guard = _holding(_guards(session, reveal=True), name)
        missing = [one for one in entry if one not in guard.allow]
        if remove and missing:
            raise CliError(f"The guard {guard.name!r} does not allow {missing[0]!r}.")
        kept = tuple(one for one in guard.allow if one not in entry)
        allowed = kept if remove else (*guard.allow, *dict.fromkeys(missing))
        changed = msgspec.structs.replace(guard, name=name, allow=allowed)
        changes = session.answer(PutDocuments(documents=(changed,)))
    print_changes(cli, changes)


@app.command("update-ip")
def update_addresses(
    cli: Cli,
    file: Annotated[Path, typer.Argument(help="A list in MaxMind's format, such as iptoasn-country.mmdb.")],
) -> None:
    """Load which country an address is in, for this machine; servers that run here take it up within a second."""
    from onema.administration.data_folder import ADDRESS_COUNTRIES
    from onema.cli.output import CliError, print_json, say
    from onema.domain.values.times import show_time
    from onema.engine.address_countries import AddressCountriesError, put_in_place

    kept = cli.settings().data / ADDRESS_COUNTRIES
    try:
        built = show_time(put_in_place(file, kept))
    except AddressCountriesError as error:
        raise CliError(str(error)) from error
    if cli.json:
        print_json({"file": str(kept), "built_at": built})
    else:
        say(f"The list of {built} is in use: {kept}.")


@app.command("remove")
def remove(cli: Cli, name: Name) -> None:
    """Remove a guard; the installation's, or the built-in one, holds again."""
    from onema.cli import changes
    from onema.domain.configuration import documents as doc

    changes.remove(cli, doc.Guard, name)


def _guards(session: "Session", *, reveal: bool = False) -> dict[str, "Guard"]:
    """By name; the installation's as it is built in where nobody has changed it. What is stored again takes secrets
    that are not masked.
    """
    from onema.administration.requests import ReadDocuments
    from onema.domain.configuration import documents as doc
    from onema.domain.configuration.guard_view import EVERYWHERE

    documents = session.answer(ReadDocuments(kind="guard", reveal=reveal)).documents
    stored = [one for one in documents if isinstance(one, doc.Guard)]
    return {EVERYWHERE: doc.Guard(name=EVERYWHERE)} | {one.name: one for one in stored}


def _holding(guards: dict[str, "Guard"], name: str) -> "Guard":
    """The guard of an account or an application."""
    from onema.domain.configuration.guard_view import EVERYWHERE

    return guards.get(name) or guards.get(name.partition("/")[0]) or guards[EVERYWHERE]
