"""What every command gets: the data folder, the settings and the form of its output."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from onema.cli.session import Session
    from onema.settings import Settings


def folder(text: str | Path) -> Path:
    """For `--data`: `--data "$UNSET"` must not become the folder that somebody stands in."""
    if not str(text).strip():
        raise typer.BadParameter("it is empty: name a folder; `.` is the one you are in.")
    return Path(text)


_OPTIONS = {
    "data": Annotated[
        Path | None,
        typer.Option(help="The server's data folder.", show_default=False, parser=folder, metavar="<path>"),
    ],
    "json": Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")],
}


class Cli:
    """The choices that all commands share."""

    def __init__(
        self,
        data: Path | None = None,
        database: str | None = None,
        settings_file: Path | None = None,
        json: bool = False,
    ) -> None:
        self.data = data
        self.database = database
        self.settings_file = settings_file
        self.json = json

    def settings(self) -> "Settings":
        """The server's settings, as `--data`, the environment and its TOML file give them. Raises CliError."""
        import os

        from onema.cli.output import CliError
        from onema.settings import SettingsError, load_settings

        given = {"data": self.data, "database": self.database}
        overrides = {name: value for name, value in given.items() if value is not None}
        try:
            return load_settings(self.settings_file, os.environ, overrides)
        except SettingsError as error:
            raise CliError(str(error)) from error

    def session(self, *, creates: bool = False) -> "AbstractContextManager[Session]":
        """Someone who answers: the running server, or this process on the server's store; only who `creates`
        something gets a new store where there is none.
        """
        from onema.cli.session import open_session

        return open_session(self.settings(), creates=creates)


class OneCommand(typer.core.TyperCommand):
    """A command that a list of commands describes with a whole sentence, in as many lines as that needs."""

    def get_short_help_str(self, limit: int = 45) -> str:
        return super().get_short_help_str(limit=1_000)


def _group() -> None:
    """Nothing of its own: whoever names a group names one of its commands, too."""


class Commands(typer.Typer):
    """A group of commands, which are functions of a Cli; each also takes --data and --json."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(
            add_completion=False,
            no_args_is_help=True,
            rich_markup_mode=None,
            pretty_exceptions_enable=False,
            **attributes,
        )

    def command(self, name: str | None = None, **attributes: Any) -> Callable[[Any], Any]:
        if name is not None:
            # Without a callback typer runs a group's only command in place of the group.
            self.callback()(_group)
        decorate = super().command(name, cls=OneCommand, **attributes)

        def with_cli(function: Callable[..., None]) -> Callable[..., None]:
            decorate(_with_shared_options(function))
            return function

        return with_cli


def _with_shared_options(function: Callable[..., None]) -> Callable[..., None]:
    """The function as typer sees it: a context instead of the Cli, and the shared options at the end."""

    def run(ctx: typer.Context, data: Path | None, json: bool, **arguments: Any) -> None:
        cli = ctx.obj
        if data is not None:
            cli.data = data
        cli.json = cli.json or json
        function(cli, **arguments)

    own = list(inspect.signature(function).parameters.values())[1:]
    parameters = [
        inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
        *(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own),
        inspect.Parameter("data", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_OPTIONS["data"]),
        inspect.Parameter("json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=_OPTIONS["json"]),
    ]
    run.__name__, run.__doc__ = function.__name__, function.__doc__
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # inspect reads it, mypy does not know it
    return run
