"""The data folder of an embedded server: one process at a time opens it, and its server key lives in it."""

import contextlib
import fcntl
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Self

from onema.administration.key_file import (
    SERVER_KEY_BYTES,
    KeyFileError,
    parse_server_keys,
    read_server_keys,
)
from onema.domain.keyring import ServerKey

DATABASE = "onema.db"
LOCK = "lock"
NODES = "nodes.lock"
SERVER_KEY = "server.key"
ADDRESS_COUNTRIES = "address-countries.mmdb"
"""Which country an address is in, where somebody loaded that."""
DEMO_CREDENTIALS = "demo.json"
"""Where a demo keeps the keys of its account, which has no limits."""
_NEW_SERVER_KEY = "server.key.new"
"""A key whose store is still being made. So a key under its own name tells that there was a store."""


class DataFolderError(Exception):
    """The data folder cannot be used; the text is a sentence for the operator."""


class DataFolderInUseError(DataFolderError):
    """Another process has the folder open."""


class DataFolder:
    """Opens the folder for this process alone, creating it (mode 0700) where it is missing.

    Holding it is what allows to open the store. The lock is the kernel's: it goes with the process, however
    that ends. A folder that is `shared`, because the store is elsewhere, is open to any number of nodes; whoever only
    looks for the key there need not `make` it. Entering raises DataFolderInUseError, DataFolderError.
    """

    def __init__(self, path: Path, *, shared: bool = False, make: bool = True) -> None:
        self.path = path
        self._shared = shared
        self._make = make
        self._lock = -1
        """The descriptor of the lock file; -1 before the folder is held."""
        # Whether this process has a key whose store is still being made.
        self._has_new_key = False

    @property
    def database(self) -> Path:
        return self.path / DATABASE

    def __enter__(self) -> Self:
        if self._shared and not self._make:
            return self
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            name = NODES if self._shared else LOCK
            lock = os.open(self.path / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataFolderError(f"The data folder {self.path} cannot be used: {error.strerror}.") from error
        self._lock = lock
        if self._shared:
            fcntl.flock(lock, fcntl.LOCK_SH)
            return self
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(lock, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(lock)
            raise DataFolderInUseError(
                f"The data folder {self.path} is in use by process {holder}. "
                "Stop that process, or name another folder with --data. "
                "For several servers on one store, use PostgreSQL: --database."
            ) from error
        os.ftruncate(lock, 0)
        os.pwrite(lock, b"%d\n" % os.getpid(), 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The file stays: whoever waits for the lock must wait for the same file.
        if self._lock >= 0:
            os.close(self._lock)

    def server_keys(self, text: str = "", file: Path | None = None) -> tuple[ServerKey, ...]:
        """The server keys: `text` when given, else what `file` (by default server.key in the folder) holds.

        The folder's own file is made when it is missing, unless there is a database already, for a new key could
        open none of its secrets, or the store is shared: every process needs the key of all. A new key is to be kept by
        `keep_server_key` when the store was made. Raises DataFolderError, also when the database beside a key is gone.
        """
        file = file or self.path / SERVER_KEY
        with contextlib.suppress(FileNotFoundError):
            keys = present_server_keys(text, file)
            if not text and file.parent == self.path and not self._shared:
                refuse_lost_database(self.database, file)
            return keys
        if self._shared:
            raise DataFolderError(
                f"There is no server key: {file} is missing, and whatever works on one PostgreSQL, the command line "
                "too, needs the same key. Give it as ONEMA_SERVER_KEY or its file as ONEMA_SERVER_KEY_FILE; for a "
                "new database make one with `openssl rand -hex 32`."
            )
        if file.parent != self.path:
            raise DataFolderError(f"There is no server key file {file}.")
        new = self.path / _NEW_SERVER_KEY
        if self.database.exists() and not new.exists():
            raise DataFolderError(
                f"{file} is missing, but {self.database} was made with it: restore it from your backup. "
                "Without it nothing that is sealed in the database can be read."
            )
        if not new.exists():
            _create_server_key(new)
        self._has_new_key = True
        return present_server_keys("", new)

    def keep_server_key(self) -> None:
        """Give a new key its name: the store that it belongs to is there."""
        if self._has_new_key:
            new = self.path / _NEW_SERVER_KEY
            # A link, unlike a rename, never replaces a key that is already there.
            with contextlib.suppress(FileExistsError):
                os.link(new, self.path / SERVER_KEY)
            new.unlink(missing_ok=True)
            self._has_new_key = False
            _sync_folder(self.path)


def present_server_keys(text: str, file: Path) -> tuple[ServerKey, ...]:
    """Those of `text` when given, else of the file. Raises FileNotFoundError, DataFolderError, which shows neither."""
    try:
        if text:
            return parse_server_keys(text, "The server key of the environment")
        return read_server_keys(file)
    except KeyFileError as error:
        raise DataFolderError(str(error)) from error


def refuse_lost_database(database: Path, key: Path) -> None:
    """Raises DataFolderError when the database that `key` was made for is missing or empty: a new one in its place
    would hide that accounts, money and codes are gone.
    """
    if not database.exists() or database.stat().st_size == 0:
        state = "is empty" if database.exists() else "is missing"
        raise DataFolderError(
            f"{database} {state}, but it was made with the server key {key}, which is there: restore it from your "
            "backup. If the data is in PostgreSQL, name that with --database. For a new, empty store, move the key "
            "away."
        )


def is_used_by_nodes(folder: Path) -> bool:
    """Whether a process has the folder open whose store is elsewhere."""
    try:
        lock = os.open(folder / NODES, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def lies_in_data_folder(file: Path, folder: Path) -> bool:
    """Whether a file is in `folder`, or in any other that was opened as a data folder, however it is spelled: over
    `..`, links of any kind, or a folder that is mounted twice.
    """
    places = [place.resolve() for place in (file, file.parent)]
    above = [parent for place in places for parent in (place, *place.parents) if parent.exists()]
    return any(parent.samefile(folder) or _was_opened(parent) for parent in above)


def _was_opened(folder: Path) -> bool:
    return (folder / LOCK).exists() and any((folder / name).exists() for name in (DATABASE, SERVER_KEY))


def _create_server_key(file: Path) -> None:
    """Make the key file appear whole or not at all, also when the machine stops meanwhile."""
    draft = file.with_name(f"{file.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as stream:
            stream.write(secrets.token_hex(SERVER_KEY_BYTES).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        # A link, unlike a rename, never replaces a key that is already there.
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)
    finally:
        draft.unlink()
    _sync_folder(file.parent)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
