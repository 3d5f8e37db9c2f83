from typing import Annotated

import typer

from onema.cli.command import Cli, Commands
from onema.cli.registered import Registered

app = Commands(help="Texts that brandnames may send: {OTP}, {P1,n} one word, {P2,n} several words.")

Account = Annotated[str, typer.Argument(help="Whose it is.")]
Brandname = Annotated[str, typer.Argument(help="The sender name.")]
Text = Annotated[str, typer.Argument(help="The whole text, with its placeholders.")]


@app.command("add")
def add(
    cli: Cli,
    account: Account,
    brandname: Brandname,
    text: Text,
    fold: Annotated[bool, typer.Option(help="Send Vietnamese accents as plain letters.")] = True,
    name: Annotated[str, typer.Option(help="For APIs that ask for a text by its name or number.")] = "",
    spoken: Annotated[bool, typer.Option(help="It may be read out on the phone, too.")] = False,
    locale: Annotated[str, typer.Option(help="Its language, such as vi or zh-Hant.")] = "",
    registered: Registered = [],  # noqa: B006  # typer needs a list, and nobody changes it
) -> None:
    """Allow a text."""
    from onema.cli.changes import create
    from onema.cli.registered import told_facts, with_facts
    from onema.domain.configuration import documents as doc

    facts = with_facts({}, told_facts(registered))
    template = doc.Template(
        account=account,
        brandname=brandname,
        text=text,
        fold=fold,
        name=name,
        spoken=spoken,
        locale=locale,
        registered=facts,
    )
    create(cli, template)


@app.command("set")
def change(
    cli: Cli,
    account: Account,
    brandname: Brandname,
    text: Text,
    fold: Annotated[
        bool | None, typer.Option(help="Send Vietnamese accents as plain letters.", show_default=False)
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="For APIs that ask for a text by its name or number.")
    ] = None,
    spoken: Annotated[
        bool | None, typer.Option(help="It may be read out on the phone, too.", show_default=False)
    ] = None,
    locale: Annotated[str | None, typer.Option(help="Its language, such as vi or zh-Hant.")] = None,
    registered: Registered = [],  # noqa: B006  # typer needs a list, and nobody changes it
    active: Annotated[bool | None, typer.Option(help="Whether it may be sent.", show_default=False)] = None,
) -> None:
    """Change what the options name; another text is another template."""
    from onema.cli.changes import given, state_of
    from onema.cli.registered import edit_registered
    from onema.domain.configuration import documents as doc

    fields = given(fold=fold, name=name, spoken=spoken, locale=locale, state=state_of(active))
    edit_registered(cli, doc.Template, f"{account}/{brandname}/{text}", fields, registered)


@app.command("approve")
def approve(cli: Cli, account: Account, brandname: Brandname, text: Text) -> None:
    """Let a text be sent that an account asked for."""
    from onema.cli.changes import edit
    from onema.domain.configuration import documents as doc

    identity = f"{account}/{brandname}/{text}"
    edit(cli, doc.Template, identity, approval="approved", state="active", refused_because="")


@app.command("refuse")
def refuse(
    cli: Cli,
    account: Account,
    brandname: Brandname,
    text: Text,
    because: Annotated[str, typer.Option(help="Why, for whoever asked.")],
) -> None:
    """Refuse a text that an account asked for."""
    from onema.cli.changes import edit
    from onema.domain.configuration import documents as doc

    identity = f"{account}/{brandname}/{text}"
    edit(cli, doc.Template, identity, approval="refused", state="inactive", refused_because=because)


@app.command("remove")
def remove(cli: Cli, account: Account, brandname: Brandname, text: Text) -> None:
    """Allow a text no more."""
    from onema.cli import changes
    from onema.domain.configuration import documents as doc

    changes.remove(cli, doc.Template, f"{account}/{brandname}/{text}")


@app.command("test")
def try_out(
    cli: Cli,
    account: Account,
    brandname: Brandname,
    text: Annotated[str, typer.Argument(help="A text as an integrator sends it, with {OTP} for the code.")],
    code_length: Annotated[int, typer.Option(min=4, max=10, help="How long the code is.")] = 6,
) -> None:
    """Say which template a text fits and what is sent, or where it differs from the nearest one; nothing is sent."""
    from onema.cli.output import CliError, print_json, say
    from onema.cli.refused_text import as_lines, why_refused
    from onema.domain.configuration import documents as doc
    from onema.domain.configuration.brandname_view import BrandnameView
    from onema.domain.configuration.message_template import CODE_MARKER
    from onema.domain.values.written_form import text_form

    with cli.session() as session:
        found = [one for one in session.of_kind(doc.Brandname, account) if one.name == brandname]
        templates = [one for one in session.of_kind(doc.Template, account) if one.brandname == brandname]
    if not found:
        raise CliError(f"There is no brandname {account}/{brandname!r}.", "conflict")
    if CODE_MARKER not in text_form(text):
        raise CliError(f"The text has no {CODE_MARKER}, so no template fits it.", "template_mismatch")
    allowed = BrandnameView(found[0], templates).allowed(text, code_length)
    if allowed is not None:
        fits = {"template": allowed.template.text, "text": allowed.text, "segments": allowed.segments}
        if cli.json:
            print_json({"fits": fits, "refused_text": None})
            return
        say(f"fits      {allowed.template.text}")
        say(f"sent as   {allowed.text}")
        say(f"segments  {allowed.segments}")
        return
    why = why_refused(text_form(text), code_length, templates)
    if cli.json:
        print_json({"fits": None, "refused_text": why})
    else:
        say(f"No template of {brandname} fits.")
        for line in as_lines(why, account, brandname):
            say(line)
    raise typer.Exit(1)


@app.command("list")
def show_all(
    cli: Cli, account: Annotated[str | None, typer.Argument(help="Only this account's.")] = None
) -> None:
    """List templates."""
    from onema.cli.changes import print_documents
    from onema.domain.configuration import documents as doc

    with cli.session() as session:
        found = session.of_kind(doc.Template, account)
    print_documents(cli, found, ("account", "brandname", "text", "name", "fold", "spoken", "locale", "state"))
