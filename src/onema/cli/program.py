"""The commands and how they are found.

A group's module is imported when it is asked for, so that starting is fast.
"""

import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FunctionType
from typing import Annotated, Any

import typer
import typer.core
import typer.main

import onema as onema_package
from onema.cli.command import Cli, folder
from onema.cli.output import CliError, complain, print_error, say, speak_utf8, utf8_arguments

COMMANDS: dict[str, tuple[str, str, str]] = {
    "demo": ("onema.cli.demo", "demo", "Start a server that is ready to be tried out."),
    "serve": ("onema.cli.serve", "serve", "Start the server."),
    "init": ("onema.cli.init", "app", "Write a configuration to begin with."),
    "apply": ("onema.cli.apply", "app", "Make the configuration what a TOML file says."),
    "export": ("onema.cli.export", "app", "Write the configuration as such a file."),
    "now": ("onema.cli.now", "app", "What happens at the moment, over all processes."),
    "statistics": ("onema.cli.statistics", "app", "What became of messages, and what it cost."),
    "account": ("onema.cli.account", "app", "Customers."),
    "credential": ("onema.cli.credential", "app", "Keys and secrets of accounts."),
    "application": ("onema.cli.application", "app", "Applications of accounts."),
    "brandname": ("onema.cli.brandname", "app", "SMS sender names of accounts."),
    "template": ("onema.cli.template", "app", "Texts that brandnames may send."),
    "sms": ("onema.cli.sms", "app", "What texts become on their way."),
    "wallet": ("onema.cli.wallet", "app", "Money of accounts."),
    "tariff": ("onema.cli.tariff", "app", "Price lists."),
    "message": ("onema.cli.message", "app", "Messages and their stories."),
    "call": ("onema.cli.call", "app", "Calls: how far each is, how it went, and its signalling."),
    "job": ("onema.cli.job", "app", "Jobs that were given up."),
    "callback": ("onema.cli.callback", "app", "What integrators were told of their messages."),
    "person": ("onema.cli.person", "app", "All that is known of a person's number, and forgetting it."),
    "audit": ("onema.cli.audit", "app", "Who changed what by hand."),
    "carrier": ("onema.cli.carrier", "app", "Ways out."),
    "route": ("onema.cli.route", "app", "Which carrier takes what."),
    "pool": ("onema.cli.pool", "app", "Hotline pools."),
    "hotline": ("onema.cli.hotline", "app", "Caller numbers of pools."),
    "window": ("onema.cli.window", "app", "Counting anew what windows have counted."),
    "guard": ("onema.cli.guard", "app", "What looks like abuse of sending, and what follows from it."),
    "operator-key": ("onema.cli.operator_key", "app", "Keys of operators' programs, for onema's own API."),
    "user": ("onema.cli.user", "app", "People who may log in to the console."),
    "migrate": ("onema.cli.migrate", "app", "Bring a database's schema up to date."),
    "copy": ("onema.cli.copy", "app", "Copy everything into another database."),
    "cell": ("onema.cli.cell", "app", "Several cells, each with its accounts."),
    "key": ("onema.cli.key", "app", "The server key, and the one after it."),
    "backup": ("onema.cli.backup", "app", "Save the embedded database to a file."),
    "restored": ("onema.cli.restored", "app", "After putting a backup in place, before servers start on it."),
    "doctor": ("onema.cli.doctor", "app", "Look for what is wrong, and say what helps."),
    "settings": ("onema.cli.settings", "app", "Every setting of the server, and its value."),
    "voice": ("onema.cli.voice", "app", "Voices and what they say."),
    "completion": ("onema.cli.completion", "app", "Complete onema's commands in a shell."),
    "simulate": (
        "onema.cli.simulate",
        "app",
        "Be a network, or an attack, that carriers and the guard can be tried with.",
    ),
    "bench": ("onema.cli.bench", "app", "Put load on a running server and measure its answers."),
}
"""Name, module, attribute and help of every command, in the order of `onema --help`."""

COMPLETION = "_ONEMA_COMPLETE"
"""The variable by which a shell's completion asks; `onema completion` prints what sets it."""


class LazyGroup(typer.core.TyperGroup):
    """Knows its commands by name and help, and loads one when it is run."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self._listed = False
        for name, (module, _, help_text) in COMMANDS.items():
            if importlib.util.find_spec(module) is not None:
                self.add_command(typer.core.TyperCommand(name, help=help_text, rich_markup_mode=None))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if self._listed or cmd_name not in self.commands:
            return self.commands.get(cmd_name)
        module, attribute, help_text = COMMANDS[cmd_name]
        found = getattr(importlib.import_module(module), attribute)
        if isinstance(found, FunctionType):
            alone = typer.Typer(rich_markup_mode=None, add_completion=False)
            alone.command(cmd_name)(found)
            found = alone
        command = typer.main.get_command(found)
        command.name = cmd_name
        command.help = command.help or help_text
        return command

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        self._listed = True
        return super().shell_complete(ctx, incomplete)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        self._listed = True
        super().format_commands(ctx, formatter)


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"onema {onema_package.__version__}")
        raise typer.Exit


@app.callback()
def onema(
    ctx: typer.Context,
    data: Annotated[
        Path | None,
        typer.Option(
            help="The server's data folder (ONEMA_DATA; ./data).",
            show_default=False,
            parser=folder,
            metavar="<path>",
        ),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            help="postgresql://... instead of the data folder (ONEMA_DATABASE).", show_default=False
        ),
    ] = None,
    settings: Annotated[
        Path | None, typer.Option(help="The server's TOML file.", envvar="ONEMA_SETTINGS", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Run and administer onema, a self-hosted phone-verification platform.

    Administrative commands ask the running server; when none runs they open its data folder themselves.
    --data and --json may also follow the command.
    """
    ctx.obj = Cli(data=data, database=database, settings_file=settings, json=json)
    # These two are plain functions with options of their own.
    given = {"data": data, "database": database, "settings_file": settings}
    defaults = {name: str(value) for name, value in given.items() if value is not None}
    ctx.default_map = {"serve": defaults, "demo": defaults}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 refused or failed, 2 not understood."""
    speak_utf8()
    arguments = utf8_arguments(sys.argv[1:]) if arguments is None else arguments
    try:
        exit_code = _run(arguments)
    except BrokenPipeError:
        exit_code = 0
    _let_go()
    sys.exit(exit_code)


def _let_go() -> None:
    """Whoever read our output (head, less) has seen enough; Python must not complain at exit either."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            setattr(sys, name, None)


def _run(arguments: Sequence[str]) -> int:
    """The exit code."""
    json = "--json" in arguments
    if COMPLETION in os.environ:
        from typer.completion import completion_init  # type: ignore[attr-defined]  # typer has no other name for it

        completion_init()
    try:
        exit_code = typer.main.get_command(app).main(
            args=list(arguments), prog_name="onema", complete_var=COMPLETION, standalone_mode=False
        )
        if sys.stdout is not None:
            sys.stdout.flush()
    except CliError as error:
        print_error(str(error), error.refusal, json=json, problems=error.problems)
        exit_code = 1
    except typer.Abort:
        print_error("Aborted.", None, json=json)
        exit_code = 1
    except BrokenPipeError:
        raise
    except SystemExit as exited:
        # Typer makes a 1 of a pipe that nobody reads any more, and says nothing.
        if isinstance(exited.__context__, BrokenPipeError):
            raise exited.__context__ from None
        raise
    except OSError as error:
        # A file or folder that is no such thing, is full, or is not ours: what the system says is what helps.
        where = f"{error.filename}: " if error.filename else ""
        print_error(f"{where}{error.strerror or error}.", None, json=json)
        exit_code = 1
    # Typer keeps its copy of click to itself, so its errors are known by what they can do.
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        _explain(error, arguments, json=json)
        exit_code = getattr(error, "exit_code", 2)
    return exit_code if isinstance(exit_code, int) else 0


def _explain(error: Any, arguments: Sequence[str], *, json: bool) -> None:
    """Say how a command line was not understood; `error` is a ClickException."""
    # The first words are the type of the library's own error.
    said = error.format_message().replace(": Value error, ", ": ")
    context = getattr(error, "ctx", None)
    if context is not None and not json:
        if said == context.get_help():
            complain(said)
            return
        complain(context.get_usage())
        complain(f"Try `{context.command_path} -h`.")
    option = getattr(error, "option_name", "")
    if re.match(r"-\d", option):
        given = next((argument for argument in arguments if argument.startswith(option)), option)
        said = f"No such option: {given}. What begins with a dash and is no option stands behind `--`: `-- {given}`."
    print_error(said, None, json=json)
