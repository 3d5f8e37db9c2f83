"""Where a store is: `postgresql://...`, or `sqlite:///FOLDER/onema.db` (an absolute folder makes four slashes)."""

from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from onema.administration.data_folder import DATABASE
from onema.cli.output import CliError
from onema.settings import Settings

Place: TypeAlias = Path | str
"""The file of an embedded database, or PostgreSQL's DSN."""

SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgres://")


def parse_place(text: str) -> Place:
    """Raises CliError, which does not show a DSN's password."""
    if text.startswith(POSTGRES):
        return text
    if not text.startswith(SQLITE):
        raise CliError(
            f"{show_place(text)} is not a database: write postgresql://USER@HOST/NAME, or {SQLITE}FOLDER/{DATABASE}."
        )
    path = Path(text.removeprefix(SQLITE))
    if path.name != DATABASE:
        raise CliError(f"{path} is not a database of a data folder: that is called {DATABASE}.")
    return path


def configured_place(settings: Settings) -> Place:
    """The one that a server with these settings works on."""
    return settings.database.reveal() or settings.data / DATABASE


def show_place(place: Place) -> str:
    """For people: without user and password."""
    if isinstance(place, Path):
        return str(place)
    try:
        parts = urlsplit(place)
    except ValueError:
        return "This"
    if "@" in place and "@" not in parts.netloc:
        # A raw / ? or # in a password ends what names the hosts: the rest of the password would be shown.
        return "This"
    hosts = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{hosts}{parts.path}" if parts.scheme else place
