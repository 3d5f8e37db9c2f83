"""SMS texts: what they become on their way, and what that costs."""

from typing import TYPE_CHECKING, Annotated

import typer

from onema.cli.command import Cli, Commands

if TYPE_CHECKING:
    from onema.domain.codes.preview_sms import Customer, SmsPreview

app = Commands(help="SMS texts: their alphabet, segments and price.")

_WIDTH = 12
_FEW = 5
"""Characters outside the alphabet that are worth a line each; --json has all."""


@app.command("preview")
def preview(
    cli: Cli,
    text: Annotated[str, typer.Argument(help="A text as an integrator sends it; {OTP} counts as a code.")],
    account: Annotated[str | None, typer.Option(help="Whose tariff and brandnames count.")] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", "--prefix", help="The phone, or how it begins, such as +84: for a price."),
    ] = None,
    sender: Annotated[str, typer.Option(help="The brandname, number or short code that it comes from.")] = "",
    code_length: Annotated[int, typer.Option(min=4, max=10, help="How long the code is.")] = 6,
    origin: Annotated[str, typer.Option(help="The host that the last line binds the code to.")] = "",
    app_hash: Annotated[str, typer.Option(help="The Android app that the last line is for.")] = "",
) -> None:
    """Say how a text would be sent: alphabet, segments, price, what folding accents would save. Nothing is sent."""
    import msgspec

    from onema.cli.output import CliError, print_json
    from onema.domain.codes.preview_sms import destination_of, preview_sms
    from onema.domain.refusals import Refused
    from onema.domain.values.last_line import last_line_of

    if to is not None and account is None:
        raise CliError("Whose price? Name an --account.")
    customer = _customer(cli, account) if account is not None else None
    try:
        where = destination_of(to, customer.account) if to and customer else ""
        found = preview_sms(
            text,
            code_length=code_length,
            sender=sender,
            to=where,
            customer=customer,
            last_line=last_line_of(origin, app_hash),
        )
    except ValueError as error:
        raise CliError(f"{'--origin' if origin else '--app-hash'}: {error}.") from None
    except Refused as refused:
        raise CliError(f"{refused.detail}.", refused.refusal.value) from refused
    if cli.json:
        print_json(msgspec.to_builtins(found))
    else:
        _show(found)


def _customer(cli: Cli, name: str) -> "Customer":
    import time

    from onema.administration.requests import ReadDocuments
    from onema.cli.output import CliError
    from onema.domain.codes.preview_sms import Customer
    from onema.domain.configuration import documents as doc
    from onema.domain.configuration.directory import Directory

    with cli.session() as session:
        documents = (*session.answer(ReadDocuments(account=name)).documents, *session.of_kind(doc.Tariff))
    directory = Directory({(one.kind, one.identity): one for one in documents})
    account = directory.account_named.get(name)
    if account is None:
        raise CliError(f"There is no account {name!r}.", "conflict")
    return Customer(directory, account, int(time.time() * 1000))


def _show(found: "SmsPreview") -> None:
    from onema.cli.output import say, say_below

    text = found.preview
    _line("sent as", text.text)
    _line("alphabet", {"gsm7": "GSM 7-bit", "ucs2": "UCS-2"}[text.encoding])
    room = (
        f"{text.units} {'septets' if text.encoding == 'gsm7' else 'units'}, room for {text.units_left} more"
    )
    _line("segments", f"{text.segments} ({room})")
    if len(text.parts) > 1:
        for number, part in enumerate(text.parts, 1):
            _line(f"  {number}", f"{part.units:>3}  {part.text}")
    if len(text.outsiders) > _FEW:
        characters = " ".join(one.character for one in text.outsiders)
        _line(
            "not GSM",
            f"{len(text.outsiders)} characters, the first at {text.outsiders[0].at[0] + 1}: {characters}",
        )
    for one in text.outsiders if len(text.outsiders) <= _FEW else ():
        places = ", ".join(str(place + 1) for place in one.at[:10])
        more = f" and {len(one.at) - 10} more" if len(one.at) > 10 else ""
        _line("not GSM", f"{one.character}  {one.code_point} {one.name}, at character {places}{more}")
    if text.folded is not None:
        saved = f"saves {text.folded.saves}" if text.folded.saves > 0 else "saves nothing"
        _line("folded", f"{text.folded.segments} ({saved}): {text.folded.text}")
    if found.price is not None:
        price = found.price
        folded = f"; folded {price.folded}" if price.folded is not None else ""
        _line("price", f"{price.total} {price.currency} ({price.segment} a segment){folded}")
    if found.sender is not None:
        sender = found.sender
        judged = sender.problem or sender.kind
        brandname = f"; as a brandname of the account {sender.brandname}" if sender.brandname else ""
        _line("sender", f"{sender.sender}: {judged}{brandname}")
    for note in found.notes:
        say()
        say_below(note, "")


def _line(name: str, said: str) -> None:
    from onema.cli.output import say_below

    say_below(f"{name:<{_WIDTH}}{said}", " " * _WIDTH)
