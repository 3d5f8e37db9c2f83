from typing import TYPE_CHECKING, Annotated

import typer

from onema.cli.command import Cli, Commands

if TYPE_CHECKING:
    from onema.cli.configuration_file import Content

app = Commands()


@app.command()
def apply(
    cli: Cli,
    file: Annotated[str, typer.Argument(help="A TOML file; - reads stdin.", metavar="FILE.toml")],
    prune: Annotated[
        bool,
        typer.Option(
            "--prune",
            help="Remove what the file does not name of its accounts, brandnames and hotline pools.",
        ),
    ] = False,
) -> None:
    """Make the configuration what a file says, and print what changed.

    All of the file is applied or nothing; then its top-ups are booked, each once. What the file does not name
    stays, unless --prune says otherwise. docs/operations/apply.md has a complete example.
    """
    from onema.cli.changes import print_changes
    from onema.cli.output import CliError
    from onema.cli.plan import plan_documents
    from onema.domain.configure import Change
    from onema.domain.money import parse_amount
    from onema.engine.control_requests import TopUp

    content = _read(file)
    try:
        amounts = {name: parse_amount(entry.amount) for name, entry in content.top_ups.items()}
    except ValueError as error:
        raise CliError(f"A top-up's amount is {error}.") from error
    with cli.session(creates=True) as session:
        changes = list(session.configure(lambda found: plan_documents(content, found, prune=prune)))
        for name, entry in content.top_ups.items():
            request = TopUp(account=entry.account, reference=entry.reference, amount=amounts[name])
            new = session.answer(request)
            changes.append(Change("created" if new else "unchanged", "top_up", name))
    print_changes(cli, changes)


def _read(file: str) -> "Content":
    import sys
    from pathlib import Path

    from onema.cli.configuration_file import FileError, parse_file
    from onema.cli.output import CliError

    try:
        if file == "-":
            return parse_file(sys.stdin.read(), Path())
        return parse_file(Path(file).read_text(encoding="utf-8"), Path(file).parent)
    except FileError as error:
        raise CliError(f"{file}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"{file} cannot be read: {error}.") from error
