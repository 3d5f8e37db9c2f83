from typing import Annotated, Any

import typer

from onema.cli.command import Cli, Commands
from onema.cli.registered import Registered

app = Commands(help="Customers: each has credentials, one wallet, applications, brandnames and templates.")

Name = Annotated[str, typer.Argument(help="The account's name.")]
Tariff = Annotated[str | None, typer.Option(help="Its price list.")]
Country = Annotated[
    str | None, typer.Option(help="Where national numbers belong, such as VN; empty: the dialect's own.")
]
Countries = Annotated[
    str | None, typer.Option(help="Where it may send to: VN,LA, or * for anywhere; empty: its own country.")
]
Destinations = Annotated[
    str | None,
    typer.Option(
        help="Types of numbers it may send to besides phones, such as fixed_line,voip (docs/limits.md)."
    ),
]
AllowedIps = Annotated[str | None, typer.Option(help="Networks that may call, comma-separated; empty: all.")]
Windows = Annotated[
    str | None,
    typer.Option(
        help="Sends per window: phone:600=5,client_ip:60=100,account:60=1000; `none`, or `default`."
    ),
]
CaptureOn = Annotated[str | None, typer.Option(help="When SMS are charged: submitted or delivered.")]
FixedNumber = Annotated[
    str | None, typer.Option(help="The number of its texts without a brandname; empty: it sends none.")
]
CallbackUrl = Annotated[str | None, typer.Option(help="Where delivery is reported; empty: nowhere.")]


@app.command("add")
def add(
    cli: Cli,
    name: Name,
    wallet: Annotated[
        str, typer.Option(help="prepaid or postpaid; more with `onema wallet terms`.")
    ] = "prepaid",
    currency: Annotated[str, typer.Option(help="What its amounts are in.")] = "VND",
    tariff: Annotated[str | None, typer.Option(help="Its price list.", show_default="default")] = None,
    country: Country = None,
    countries: Countries = None,
    destinations: Destinations = None,
    allowed_ips: AllowedIps = None,
    windows: Windows = None,
    capture_on: CaptureOn = None,
    callback_url: CallbackUrl = None,
    fixed_number: FixedNumber = None,
    registered: Registered = [],  # noqa: B006  # typer needs a list, and nobody changes it
) -> None:
    """Add an account. Its tariff must exist."""
    from onema.cli.changes import create, made
    from onema.cli.registered import told_facts, with_facts
    from onema.domain.configuration import documents as doc

    fields = _fields(
        tariff, country, countries, destinations, allowed_ips, windows, capture_on, callback_url, fixed_number
    )
    fields["registered"] = with_facts({}, told_facts(registered))
    create(cli, made(doc.Account, name=name, wallet=wallet, currency=currency, **fields))


@app.command("set")
def change(
    cli: Cli,
    name: Name,
    tariff: Tariff = None,
    country: Country = None,
    countries: Countries = None,
    destinations: Destinations = None,
    allowed_ips: AllowedIps = None,
    windows: Windows = None,
    capture_on: CaptureOn = None,
    callback_url: CallbackUrl = None,
    fixed_number: FixedNumber = None,
    registered: Registered = [],  # noqa: B006  # typer needs a list, and nobody changes it
    wallet: Annotated[str | None, typer.Option(hidden=True)] = None,
    currency: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Change what the options name; the rest stays. How it pays is changed with `onema wallet terms`."""
    from onema.cli.output import CliError
    from onema.cli.registered import edit_registered
    from onema.domain.configuration import documents as doc

    if wallet is not None:
        raise CliError(f"How it pays is changed with `onema wallet terms {name} --prepaid` or `--postpaid`.")
    if currency is not None:
        raise CliError("An account keeps its currency: its ledger is in it. Add another account.")
    fields = _fields(
        tariff, country, countries, destinations, allowed_ips, windows, capture_on, callback_url, fixed_number
    )
    edit_registered(cli, doc.Account, name, fields, registered)


@app.command("keep")
def keep(
    cli: Cli,
    name: Name,
    days: Annotated[int, typer.Argument(min=0, help="So many days; 0: as long as those of other accounts.")],
) -> None:
    """Forget the account's messages after so many days, with all that belongs to them; its ledger stays."""
    from onema.cli.changes import edit
    from onema.domain.configuration import documents as doc

    edit(cli, doc.Account, name, keep_days=days)


@app.command("suspend")
def suspend(cli: Cli, name: Name) -> None:
    """Refuse whatever the account asks for, until `resume`."""
    _set_state(cli, name, "inactive")


@app.command("resume")
def resume(cli: Cli, name: Name) -> None:
    """End a suspension."""
    _set_state(cli, name, "active")


def _set_state(cli: Cli, name: str, state: str) -> None:
    from onema.cli.changes import edit
    from onema.domain.configuration import documents as doc

    edit(cli, doc.Account, name, state=state)


@app.command("remove")
def remove(cli: Cli, name: Name) -> None:
    """Remove an account that never sent anything, with all that is configured for it."""
    from onema.cli import changes
    from onema.domain.configuration import documents as doc

    below = (doc.Template, doc.Brandname, doc.Credential, doc.Application)
    changes.remove(cli, doc.Account, name, below=below)


@app.command("list")
def show_all(cli: Cli) -> None:
    """List the accounts."""
    from onema.cli.changes import print_documents
    from onema.domain.configuration import documents as doc

    with cli.session() as session:
        accounts = session.of_kind(doc.Account)
    print_documents(cli, accounts, ("name", "number", "state", "wallet", "currency", "tariff"))


@app.command("refusals")
def refusals(
    cli: Cli,
    name: Annotated[
        str, typer.Argument(help="The account's name; without one, requests with keys that nobody has.")
    ] = "",
) -> None:
    """Show why requests were refused lately: alike ones together, the newest last."""
    from onema.administration.requests import ReadRefusals
    from onema.cli.output import print_json
    from onema.cli.refusals import print_refusals, refusals_as_json

    with cli.session() as session:
        found = session.answer(ReadRefusals(account=name))
    if cli.json:
        print_json({"total": found.total, "refusals": refusals_as_json(found)})
    else:
        print_refusals(found)


@app.command("show")
def show(cli: Cli, name: Name) -> None:
    """Show all that is configured for an account, and why its requests were refused lately."""
    from onema.administration.requests import ReadRefusals
    from onema.cli.changes import print_document, print_documents, shown_fields
    from onema.cli.output import CliError, print_json, say_lines
    from onema.cli.refusals import print_refusals, refusals_as_json
    from onema.domain.configuration import documents as doc

    with cli.session() as session:
        account = next(iter(session.of_kind(doc.Account, name)), None)
        if account is None:
            raise CliError(f"There is no account {name!r}.", "conflict")
        credentials = session.of_kind(doc.Credential, name)
        applications = session.of_kind(doc.Application, name)
        brandnames = session.of_kind(doc.Brandname, name)
        templates = session.of_kind(doc.Template, name)
        refused = session.answer(ReadRefusals(account=name))
    below: dict[str, tuple[list[Any], tuple[str, ...]]] = {
        "credentials": (credentials, ("dialect", "key", "state", "application")),
        "applications": (applications, ("name", "appid", "environment", "state")),
        "brandnames": (brandnames, ("name", "state", "expires_at")),
        "templates": (templates, ("brandname", "text", "name", "fold", "state")),
    }
    if cli.json:
        parts = {
            title: [shown_fields(found) for found in documents] for title, (documents, _) in below.items()
        }
        told = {"refused": refused.total, "refusals": refusals_as_json(refused)}
        print_json({**shown_fields(account), **parts, **told})
        return
    print_document(cli, account)
    for title, (documents, columns) in below.items():
        say_lines(f"\n{title}")
        print_documents(cli, documents, columns)
    say_lines("\nrefusals")
    print_refusals(refused)


def _fields(
    tariff: str | None,
    country: str | None,
    countries: str | None,
    destinations: str | None,
    allowed_ips: str | None,
    windows: str | None,
    capture_on: str | None,
    callback_url: str | None,
    fixed_number: str | None,
) -> dict[str, object]:
    """The account's fields that options name."""
    from onema.cli.changes import comma_list

    named: dict[str, object] = {
        "tariff": tariff,
        "country": country,
        "countries": comma_list(countries),
        "destinations": comma_list(destinations),
        "allowed_ips": comma_list(allowed_ips),
        "capture_on": capture_on,
        "callback_url": callback_url,
        "fixed_number": fixed_number,
    }
    fields = {field: value for field, value in named.items() if value is not None}
    if windows is not None:
        fields["windows"] = None if windows == "default" else _windows(windows)
    return fields


def _windows(text: str) -> tuple[object, ...]:
    import re

    from onema.cli.changes import comma_list
    from onema.cli.output import CliError

    windows = []
    for part in comma_list("" if text == "none" else text) or ():
        match = re.fullmatch(r"(\w+):(\d+)=(\d+)", part)
        if match is None:
            raise CliError(
                f"{part!r} is not a window such as phone:600=5 (5 sends in 600 seconds per phone)."
            )
        per, seconds, limit = match.groups()
        windows.append({"per": per, "seconds": int(seconds), "limit": int(limit)})
    return tuple(windows)
