from typing import Annotated, Any

import typer

from onema.cli.carrier_quality import quality
from onema.cli.command import Cli, Commands
from onema.cli.registered import Registered

Capacity = Annotated[
    int | None,
    typer.Option(help="So many binds or calls at once, over all processes; 0: no total.", show_default=False),
]
PerSecond = Annotated[
    int | None,
    typer.Option(
        help="So many segments of SMS, or calls, a second, over all processes; 0: no limit.",
        show_default=False,
    ),
]

app = Commands(help="Configured ways out. The built-in one is of type handset.")
app.command("quality")(quality)

Name = Annotated[str, typer.Argument(help="The carrier's name.")]
Setting = Annotated[
    list[str],
    typer.Option(
        help="host=smsc.example.com, or tls.verify=false inside a table; a list of several is written as JSON. "
        "May repeat. `onema carrier types` says which there are.",
    ),
]
Needs = Annotated[
    str | None,
    typer.Option(
        help="Facts without which it takes no message, such as +86:signature; empty: what its settings ask for.",
        show_default=False,
    ),
]
FromStdin = Annotated[
    str | None,
    typer.Option(
        "--setting-stdin",
        metavar="NAME",
        help="Read this setting from stdin, so that no list of processes shows it.",
        show_default=False,
    ),
]


@app.command("add")
def add(
    cli: Cli,
    name: Annotated[str, typer.Argument(help="The carrier's name; its type and then its name do, too.")],
    second: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Its name, after its type.", show_default=False)
    ] = None,
    type_: Annotated[
        str | None, typer.Option("--type", help="What it speaks, such as handset.", show_default=False)
    ] = None,
    setting: Setting = [],  # noqa: B006  # typer needs a list, and nobody changes it
    setting_stdin: FromStdin = None,
    capacity: Capacity = None,
    per_second: PerSecond = None,
    own_codes: Annotated[
        bool,
        typer.Option("--own-codes", help="It sends codes and words of its own: needed for types that do."),
    ] = False,
    needs: Needs = None,
    registered: Registered = [],  # noqa: B006  # typer needs a list, and nobody changes it
) -> None:
    """Add a carrier: `add smpp NAME`, or `add NAME --type smpp`. It sends once a route names it."""
    from onema.cli.carrier_options import put_settings, told
    from onema.cli.changes import comma_list, create
    from onema.cli.output import CliError
    from onema.cli.registered import told_facts, with_facts
    from onema.domain.configuration import documents as doc

    if (second is None) == (type_ is None):
        raise CliError(
            "Name its type and its name: `onema carrier add smpp NAME`, or `add NAME --type smpp`."
        )
    document = doc.Carrier(
        name=second or name,
        type=type_ or name,
        capacity=capacity or 0,
        per_second=per_second or 0,
        own_codes=own_codes,
        needs=comma_list(needs) or (),
        registered=with_facts({}, told_facts(registered)),
    )
    create(cli, put_settings(document, told(setting, setting_stdin)))


@app.command("set")
def change(
    cli: Cli,
    name: Name,
    setting: Setting = [],  # noqa: B006  # typer needs a list, and nobody changes it
    setting_stdin: FromStdin = None,
    unset: Annotated[
        list[str], typer.Option(help="Take this setting away, so that its default holds. May repeat.")
    ] = [],  # noqa: B006  # typer needs a list, and nobody changes it
    capacity: Capacity = None,
    per_second: PerSecond = None,
    needs: Needs = None,
    registered: Registered = [],  # noqa: B006  # typer needs a list, and nobody changes it
    active: Annotated[bool | None, typer.Option(help="Whether it may send.", show_default=False)] = None,
) -> None:
    """Change its state, its totals, or the settings and facts that are named; the others stay."""
    from onema.cli.carrier_options import put_settings, take_settings, told
    from onema.cli.changes import comma_list, edit_document, given, state_of
    from onema.cli.registered import told_facts, with_facts
    from onema.domain.configuration import documents as doc

    fields = given(
        state=state_of(active),
        draining=None if active is None else False,
        capacity=capacity,
        per_second=per_second,
        needs=comma_list(needs),
    )
    named, facts = told(setting, setting_stdin), told_facts(registered)

    def changed(carrier: doc.Carrier) -> dict[str, Any]:
        changes = dict(fields)
        if facts:
            changes["registered"] = with_facts(carrier.registered, facts)
        if named or unset:
            changes["settings"] = put_settings(take_settings(carrier, unset), named).settings
        return changes

    edit_document(cli, doc.Carrier, name, changed, nothing=not (fields or facts or named or unset))


@app.command("types")
def show_types(
    cli: Cli,
    type_: Annotated[
        str | None, typer.Argument(metavar="TYPE", help="Only of this type.", show_default="all")
    ] = None,
) -> None:
    """Show which types of carriers there are, and what settings each has."""
    from onema.cli.output import CliError, print_json, print_table, say
    from onema.domain.configuration.carrier_settings import described
    from onema.wiring.carriers import CARRIER_TYPES

    if type_ is not None and type_ not in CARRIER_TYPES:
        raise CliError(f"There is no type {type_!r}; there are: {', '.join(CARRIER_TYPES)}.")
    found = {
        name: list(described(one.settings)) for name, one in CARRIER_TYPES.items() if type_ in (None, name)
    }
    if cli.json:
        print_json({name: [setting._asdict() for setting in settings] for name, settings in found.items()})
        return
    for name, settings in found.items():
        say(f"{name}{'' if settings else ' (no settings)'}")
        if settings:
            print_table(("setting", "type", "default", "meaning"), settings)


@app.command("remove")
def remove(cli: Cli, name: Name) -> None:
    """Remove a carrier that no route names."""
    from onema.cli import changes
    from onema.domain.configuration import documents as doc

    changes.remove(cli, doc.Carrier, name)


@app.command("list")
def show_all(cli: Cli) -> None:
    """List carriers."""
    from onema.cli.changes import print_documents
    from onema.domain.configuration import documents as doc

    with cli.session() as session:
        found = session.of_kind(doc.Carrier)
    print_documents(cli, found, ("name", "type", "state", "capacity", "per_second"))


@app.command("capacity")
def show_capacity(
    cli: Cli,
    name: Annotated[str | None, typer.Argument(help="The carrier's name.", show_default="all")] = None,
) -> None:
    """Show which processes hold the capacity of carriers with a total. One that died is shown until others notice."""
    from datetime import UTC, datetime

    import msgspec

    from onema.administration.requests import ReadCapacity
    from onema.cli.output import print_json, print_table

    with cli.session() as session:
        found = [one for one in session.answer(ReadCapacity()) if name in (None, one.carrier)]
    if cli.json:
        print_json([msgspec.to_builtins(one) for one in found])
        return
    columns = ("carrier", "total", "process", "capacity", "renewed")
    rows = [
        (
            one.carrier,
            str(one.total),
            one.process,
            str(one.capacity),
            f"{datetime.fromtimestamp(one.renewed_at / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}",
        )
        for one in found
    ]
    print_table(columns, rows)


@app.command("status")
def show_status(
    cli: Cli,
    name: Annotated[str | None, typer.Argument(help="The carrier's name.", show_default="all")] = None,
    processes: Annotated[bool, typer.Option("--processes", help="Each process by itself.")] = False,
) -> None:
    """Show how carriers are: ready, binds, window, rate, pace, breaker, receipts, calls, the last error."""
    from onema.administration.carriers_together import all_together
    from onema.administration.requests import ReadCarriers
    from onema.cli.carrier_status import COLUMNS, PROCESS_COLUMNS, process_rows, row
    from onema.cli.output import print_json, print_table

    with cli.session() as session:
        found = all_together(one for one in session.answer(ReadCarriers()) if name in (None, one.name))
    if cli.json:
        print_json(found)
    elif processes:
        print_table(PROCESS_COLUMNS, process_rows(found))
    else:
        print_table(COLUMNS, [row(one) for one in found])


@app.command("test")
def try_one(
    cli: Cli,
    name: Name,
    phone: Annotated[str, typer.Argument(help="Whose phone shows the text.")],
    text: Annotated[str, typer.Option(help="What is sent.")] = "A test of this carrier by onema.",
    sender: Annotated[
        str | None, typer.Option(help="Who it is from.", show_default="the account's first brandname")
    ] = None,
    account: Annotated[
        str | None, typer.Option(help="Whose message it is.", show_default="the only one")
    ] = None,
    seconds: Annotated[int, typer.Option(min=1, max=600, help="How long a receipt is waited for.")] = 30,
) -> None:
    """Send a real text to a phone through exactly this carrier, free of charge, and tell what comes of it."""
    import time

    from onema.administration.carriers_together import all_together
    from onema.administration.requests import ReadCarriers, ReadStory, TestCarrier
    from onema.administration.story import as_json
    from onema.cli.output import CliError, print_json, say
    from onema.cli.story import as_lines
    from onema.domain.records import MessageState

    with cli.session() as session:
        message = session.answer(
            TestCarrier(
                carrier=name,
                phone=phone,
                text=text,
                seconds=seconds,
                sender=sender or "",
                account=account or "",
            )
        )
        deadline = time.monotonic() + seconds
        under_way = (MessageState.ACCEPTED, MessageState.SENT, MessageState.UNKNOWN)
        while True:
            found = session.answer(ReadStory(message=message))
            if found is None:
                raise CliError(f"The message {message} is gone.")
            if found.story.message.state not in under_way or time.monotonic() >= deadline:
                break
            time.sleep(0.2)
        (carrier,) = (one for one in all_together(session.answer(ReadCarriers())) if one["name"] == name)
    if cli.json:
        print_json(as_json(found))
    else:
        for line in as_lines(found):
            say(line)
        if found.story.message.state == MessageState.ACCEPTED and not carrier["ready"]:
            why = carrier["last_error"] or "no server that delivers runs it"
            say(f"Nothing was sent: {name} is not ready ({why}).")
    if found.story.message.state not in (MessageState.SENT, MessageState.DELIVERED):
        raise typer.Exit(1)


@app.command("drain")
def drain(
    cli: Cli,
    name: Name,
    wait: Annotated[
        int, typer.Option(min=0, help="So many seconds at most until nothing is under way any more.")
    ] = 0,
) -> None:
    """Give it no new messages; it ends what is under way and hears receipts. `set --active` undoes it."""
    import time

    from onema.administration.carriers_together import all_together
    from onema.administration.requests import ReadCarriers
    from onema.cli.changes import edit_document
    from onema.cli.output import CliError
    from onema.domain.configuration import documents as doc

    def drained(carrier: doc.Carrier) -> dict[str, Any]:
        if carrier.state != "active":
            raise CliError(f"The carrier {name!r} is not active, so that there is nothing to drain.")
        return {"draining": True}

    edit_document(cli, doc.Carrier, name, drained)
    deadline = time.monotonic() + wait
    while wait:
        with cli.session() as session:
            (found,) = all_together(one for one in session.answer(ReadCarriers()) if one.name == name)
        # A process that has not heard of it yet may begin another attempt.
        if {one["state"] for one in found["processes"]} <= {"draining"} and not found["in_flight"]:
            return
        if time.monotonic() >= deadline:
            raise CliError(f"{found['in_flight']} attempts are still under way.")
        time.sleep(1)


@app.command("close")
def close(cli: Cli, name: Name) -> None:
    """Close its breaker in all processes: it works again, and gets messages at once. `drain` keeps them from it."""
    from onema.cli.changes import edit_document
    from onema.domain.configuration import documents as doc

    edit_document(cli, doc.Carrier, name, lambda carrier: {"breaker_closed": carrier.breaker_closed + 1})


@app.command("receipts")
def show_receipts(
    cli: Cli,
    name: Annotated[str, typer.Argument(help="The carrier's name.", show_default="all")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 100,
) -> None:
    """Show receipts that match nothing that was sent, newest first. They are kept for a day."""
    import msgspec

    from onema.administration.requests import ReadReceipts
    from onema.cli.output import print_json, print_table
    from onema.domain.values.times import show_time

    with cli.session() as session:
        found = session.answer(ReadReceipts(carrier=name, limit=limit))
    if cli.json:
        print_json([{**msgspec.to_builtins(one), "received_at": show_time(one.received_at)} for one in found])
        return
    columns = ("received", "carrier", "reference", "says", "reason")
    rows = [
        (show_time(one.received_at), one.carrier, one.reference, one.outcome, one.reason or one.detail)
        for one in found
    ]
    print_table(columns, rows)
