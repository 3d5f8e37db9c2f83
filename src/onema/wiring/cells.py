"""Several cells: which there are, and in which of them each account lives.

No store of its own says where an account lives. It lives where its document says neither that it is moving nor that it
has moved.
"""

import tomllib
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from onema.administration.data_folder import DataFolder, DataFolderError
from onema.domain.configuration import documents as doc
from onema.domain.configuration.directory import Directory
from onema.secret import Secret
from onema.settings import Settings
from onema.wiring.core import Core, open_core


class CellsError(Exception):
    """The cells cannot be used; the text is a sentence for the operator and shows no secret."""


class Haproxy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where HAProxy's map of the cells is, and the socket by which the running one takes changes; empty: nowhere."""

    map: str = ""
    socket: str = ""


class Cells(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The DSN of each cell's database, by the cell's name, which is that of its backend in HAProxy too."""

    databases: dict[str, str]
    haproxy: Haproxy = Haproxy()

    @property
    def map(self) -> Path | None:
        """HAProxy's file; None where nobody needs one."""
        return Path(self.haproxy.map) if self.haproxy.map else None

    @property
    def socket(self) -> Path | None:
        """By which a running HAProxy takes changes; None where none does."""
        return Path(self.haproxy.socket) if self.haproxy.socket else None

    def __repr__(self) -> str:
        return f"Cells({', '.join(self.databases)})"


def read_cells(settings: Settings) -> Cells:
    """Raises CellsError."""
    if not settings.cells_file:
        raise CellsError("There are no cells: name their file in `cells_file`, or ONEMA_CELLS_FILE.")
    path = Path(settings.cells_file)
    try:
        cells = msgspec.convert(tomllib.loads(path.read_text()), Cells)
    except OSError as error:
        raise CellsError(f"{path}: cannot be read ({error.strerror}).") from error
    except tomllib.TOMLDecodeError as error:
        raise CellsError(f"{path}: is not TOML ({error}).") from error
    except msgspec.ValidationError as error:
        raise CellsError(f"{path}: {error}.") from error
    for name in cells.databases:
        if not name.replace("_", "").replace("-", "").isalnum() or not name.isascii():
            raise CellsError(f"{path}: {name!r} cannot be a cell: a name has letters, digits, - and _.")
    return cells


async def open_cell(
    settings: Settings, name: str, dsn: str, folder: DataFolder, stack: AsyncExitStack
) -> Core:
    """The store of a cell, to work on it beside its nodes. Raises CellsError, StorageError."""
    try:
        return await open_core(msgspec.structs.replace(settings, database=Secret(dsn)), stack, folder)
    except DataFolderError as error:
        raise CellsError(
            f"The cell {name}: {error} This command needs the server keys of all cells, and accounts move only"
            " between cells that have the same (docs/operations/keys.md, Several cells)."
        ) from error


def lives_in(directory: Directory, account: str) -> bool:
    """Whether an account lives in the cell whose configuration this is."""
    view = directory.account_named.get(account)
    return view is not None and view.id not in directory.away


def cell_of(account: str, cells: Mapping[str, Directory]) -> str:
    """Where it lives, or is frozen on its way from. Raises CellsError."""
    for name, directory in cells.items():
        if lives_in(directory, account):
            return name
    for name, directory in cells.items():
        view = directory.account_named.get(account)
        if view is not None and view.document.moving_to not in ("", name):
            return name
    raise CellsError(f"No cell has an account {account}.")


def account_document(directory: Directory, account: str) -> doc.Account:
    """The account that `cell_of` has found there."""
    return directory.account_named[account].document
