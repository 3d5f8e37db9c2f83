from typing import TYPE_CHECKING, Annotated

import typer

from onema.cli.command import Cli, Commands

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onema.domain.records import LedgerEntry

app = Commands(help="Money of accounts.")

Account = Annotated[str, typer.Argument(help="Whose wallet.")]


def newest_first(entries: "Iterable[LedgerEntry]") -> "list[LedgerEntry]":
    """Of a subject, too: a release comes after its hold, whatever their kinds are called."""
    return sorted(entries, key=lambda entry: (entry.subject, entry.at), reverse=True)


@app.command("low")
def low(cli: Cli) -> None:
    """List the accounts with less than they want to be told of (`wallet terms --low-balance`)."""
    from onema.administration.customer_requests import ReadLowBalances
    from onema.cli.output import print_json, print_table
    from onema.domain.values.money import format_amount
    from onema.domain.values.times import show_time

    with cli.session() as session:
        found = session.answer(ReadLowBalances())
    columns = ("account", "since", "balance", "threshold", "currency")
    rows = [
        (
            one.account,
            show_time(one.since),
            format_amount(one.balance),
            format_amount(one.threshold),
            one.currency,
        )
        for one in found
    ]
    if cli.json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table(columns, rows)


@app.command("top-up")
def top_up(
    cli: Cli,
    account: Account,
    amount: Annotated[str, typer.Argument(help="A decimal; to take money out: `-- -50`.")],
    reference: Annotated[
        str, typer.Option(help="Books it once, however often it is repeated, such as an invoice's number.")
    ] = "",
) -> None:
    """Put money in."""
    from onema.administration.requests import ReadBalance, TopUp
    from onema.cli.output import CliError, print_json, say
    from onema.domain.values.money import format_amount, parse_amount

    try:
        minor = parse_amount(amount)
    except ValueError as error:
        raise CliError(f"{error}.") from error
    if not minor:
        raise CliError("The amount is zero.")
    with cli.session() as session:
        new = session.answer(TopUp(account=account, amount=minor, reference=reference))
        after = session.answer(ReadBalance(account=account))
    if cli.json:
        print_json({"account": account, "booked": new, "balance": format_amount(after.balance)})
    else:
        said = "booked" if new else f"{reference} was booked before; nothing changed"
        say(f"{said}; balance {format_amount(after.balance)} {after.currency}")


@app.command("show")
def show(cli: Cli, account: Account) -> None:
    """Show the balance and its terms."""
    from onema.administration.requests import ReadBalance
    from onema.cli.output import print_json, say
    from onema.domain.values.money import format_amount
    from onema.domain.values.times import show_time

    with cli.session() as session:
        wallet = session.answer(ReadBalance(account=account))
    shown = {
        "account": wallet.account,
        "currency": wallet.currency,
        "balance": format_amount(wallet.balance),
        "lowest": None if wallet.lowest is None else format_amount(wallet.lowest),
        "available": None if wallet.lowest is None else format_amount(wallet.balance - wallet.lowest),
        "expires_at": show_time(wallet.expires_at),
    }
    if cli.json:
        print_json(shown)
        return
    for name, value in shown.items():
        say(f"{name:<11} {'no limit' if value is None else value or 'never'}")


@app.command("ledger")
def ledger(
    cli: Cli,
    account: Account,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many entries.")] = 20,
) -> None:
    """List the newest movements of money; those of one message or top-up stand together."""
    from onema.administration.requests import ReadLedger
    from onema.cli.output import print_json, print_table
    from onema.domain.values.money import format_amount
    from onema.domain.values.times import show_time

    with cli.session() as session:
        entries = session.answer(ReadLedger(account=account, limit=limit))
    columns = ("at", "kind", "amount", "subject", "note")
    rows = [
        (show_time(entry.at), str(entry.kind), format_amount(entry.amount), str(entry.subject), entry.note)
        for entry in newest_first(entries)
    ]
    if cli.json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table(columns, rows)


@app.command("terms")
def terms(
    cli: Cli,
    account: Account,
    postpaid: Annotated[
        bool | None, typer.Option("--postpaid/--prepaid", help="Pay later, or first.", show_default=False)
    ] = None,
    floor: Annotated[str | None, typer.Option(help="A prepaid balance stops here.")] = None,
    credit_limit: Annotated[
        str | None, typer.Option(help="How deep a postpaid balance may go; `none`: any depth.")
    ] = None,
    expires: Annotated[str | None, typer.Option(help="ISO 8601 time when it ends; `never`.")] = None,
    low_balance: Annotated[
        str | None, typer.Option(help="Tell of a balance under this, once; `none`: never.")
    ] = None,
    resends: Annotated[
        int | None,
        typer.Option(
            help="How often each of its codes may be sent again, at its price, when nothing is heard of it; 0: never.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Change how an account pays."""
    from onema.cli.changes import edit_whole
    from onema.cli.output import CliError
    from onema.domain.configuration import documents as doc

    changed: dict[str, object] = {}
    if postpaid is not None:
        changed["wallet"] = "postpaid" if postpaid else "prepaid"
    if floor is not None:
        changed["floor"] = floor
    if credit_limit is not None:
        changed["credit_limit"] = None if credit_limit == "none" else credit_limit
    if expires is not None:
        changed["wallet_expires_at"] = "" if expires == "never" else expires
    if low_balance is not None:
        changed["low_balance"] = None if low_balance == "none" else low_balance
    if resends is not None:
        changed["resends"] = resends
    if not changed:
        raise CliError("Nothing to change: name at least one option.")
    edit_whole(cli, doc.Account, account, changed)
