from typing import TYPE_CHECKING, Annotated

import typer

from onema.cli.command import Cli, Commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onema.administration.wanted import Content
    from onema.cli.session import Session
    from onema.domain.configuration.configure import Change

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
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and what is wrong; change nothing.")
    ] = False,
) -> None:
    """Make the configuration what a file says, and print what changed.

    All of the file is applied or nothing; then its top-ups are booked, each once. What the file does not name
    stays, unless --prune says otherwise. docs/operations/apply.md has a complete example.
    """
    import time

    import msgspec

    from onema.administration.plan import doubts, plan_documents
    from onema.administration.requests import PutDocuments
    from onema.cli.changes import print_changes
    from onema.cli.output import CliError, problem_as_json, say, warn
    from onema.cli.session import Documents, NothingThere, invalid_configuration, without_store
    from onema.domain.configuration.configure import Change
    from onema.domain.configuration.problems import Problem, together
    from onema.wiring.core import voice_ids
    from onema.wiring.installation import advice

    content = _read(file)
    problems: list[Problem] = []
    warnings: list[Problem] = []
    voices, now = voice_ids(cli.settings()), int(time.time() * 1000)

    def plan(found: Documents) -> PutDocuments:
        request, problems[:] = plan_documents(content, found, prune=prune)
        warnings[:] = doubts(content, found, request, lambda after: advice(after, voices, now))
        # With problems the server is asked only what else is wrong.
        return msgspec.structs.replace(request, dry_run=dry_run or bool(problems))

    changes: list[Change] = []
    try:
        # What would not be applied makes no store: then the rules are asked here.
        with cli.session(creates=not (content.problems or dry_run)) as session:
            changes += session.configure(plan)
            if not problems:
                changes += _top_up(session, content, dry_run=dry_run)
    except NothingThere:
        request = plan({})
        found, changes = without_store(cli.settings(), request)
        problems = together(problems, found)
        changes += [Change("created", "top_up", name) for name in content.top_ups]
    except CliError as error:
        if not error.problems:
            raise
        problems = together(problems, error.problems)
    if problems:
        raise invalid_configuration(problems, of=file)
    told = [problem_as_json(problem) for problem in warnings]
    print_changes(cli, changes, **({"dry_run": True} if dry_run else {}), warnings=told)
    if not cli.json:
        if dry_run:
            say("nothing was changed: this was a dry run")
        warn(file, warnings)


def _top_up(session: "Session", content: "Content", *, dry_run: bool) -> "Iterator[Change]":
    from onema.administration.requests import TopUp
    from onema.domain.configuration.configure import Change
    from onema.domain.values.money import parse_amount

    for name, entry in content.top_ups.items():
        amount = parse_amount(entry.amount)
        request = TopUp(account=entry.account, reference=entry.reference, amount=amount, dry_run=dry_run)
        new = session.answer(request)
        yield Change("created" if new else "unchanged", "top_up", name)


def _read(file: str) -> "Content":
    import sys
    from pathlib import Path

    from onema.cli.configuration_file import FileError, parse_file
    from onema.cli.output import CliError

    try:
        # Bytes, so that neither the locale nor a byte order mark decides what the texts are.
        written = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return parse_file(written.decode("utf-8-sig"), Path() if file == "-" else Path(file).parent)
    except FileError as error:
        raise CliError(f"{file}: {error}") from error
    except OSError as error:
        raise CliError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise CliError(f"{file} is not UTF-8: line {line} holds a byte that no text has.") from error
