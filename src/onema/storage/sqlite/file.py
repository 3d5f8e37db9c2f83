"""SQLite databases as files: copied while they are written, and put in place whole or not at all."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw

from onema.domain.delivery.hold_restored import BACKUP
from onema.domain.records import DirectoryRevision
from onema.storage.contract import StorageError, Unavailable
from onema.storage.statements import (
    Migrations,
    migrations,
    named_statements,
    plain_statements,
    refuse_to_work_on,
)

_STEP_PAGES = 2_000


@contextlib.contextmanager
def sqlite_errors(database: Path | None = None) -> Iterator[None]:
    """The driver's and the file system's errors, in the contract's words."""
    try:
        yield
    except (apsw.Error, OverflowError) as error:
        raise Unavailable(what_is_wrong(error, database)) from error
    except OSError as error:
        raise Unavailable(f"{error.filename or 'a file'} cannot be used: {error.strerror}") from error


def what_is_wrong(error: Exception, database: Path | None = None) -> str:
    what = f"the database {database.absolute()}" if database else "the SQLite database"
    if isinstance(error, apsw.NotADBError | apsw.CorruptError):
        return f"{what} is damaged ({error}): restore it from your backup"
    return f"{what} cannot be used: {error}"


def find_damage(connection: apsw.Connection) -> str:
    """What is wrong with the file's structure; empty when it is sound. It reads all of it."""
    found: Any = connection.execute("PRAGMA quick_check(1)").get
    return "" if found == "ok" else str(found).splitlines()[-1]


@contextlib.contextmanager
def draft(path: Path) -> Iterator[apsw.Connection]:
    """A new database beside `path`, for its owner only; it is deleted in the end unless it was put in place."""
    file = _draft_of(path)
    with sqlite_errors():
        file.unlink(missing_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        connection = apsw.Connection(str(file))
    try:
        yield connection
    finally:
        connection.close()
        file.unlink(missing_ok=True)


def put_in_place(path: Path, connection: apsw.Connection) -> None:
    """Close the draft of `path` and make it `path`, durably; what was there is replaced at one instant."""
    connection.close()
    file = _draft_of(path)
    _sync(file)
    # The log of a database that was there before would be taken for the new one's.
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    file.replace(path)
    _sync(path.parent)


def migrate(connection: apsw.Connection, known: Migrations | None = None) -> int:
    """Bring the schema up to date, each migration in one transaction. Its number. `known` is what this version knows. A
    newer schema is left as it is; raises StorageError when that does not work with this version.
    """
    known, queries = known or migrations("sqlite"), named_statements("sqlite.sql")
    with sqlite_errors():
        version = usable_schema(connection, known[-1].number)
        connection.execute(queries["schema_version_table"])
        for migration in known:
            if migration.number > version:
                with connection:
                    connection.execute(migration.script)
                    connection.execute(queries["migration_applied"], migration._asdict())
                    connection.pragma("user_version", migration.number)
                version = migration.number
        return version


def usable_schema(connection: apsw.Connection, known: int) -> int:
    """The number of the schema. Raises StorageError when code that knows the schema `known` must not work on it."""
    version = int(connection.pragma("user_version"))
    if version > known:
        ((works_from,),) = connection.execute(named_statements("sqlite.sql")["works_from"]).fetchall()
        refuse_to_work_on(version, int(works_from or version), known)
    return version


def schema_of(path: Path) -> int:
    """The number of a database's schema; 0 when there is none yet."""
    if not path.exists():
        return 0
    with sqlite_errors(), contextlib.closing(apsw.Connection(str(path))) as connection:
        return int(connection.pragma("user_version"))


def back_up(database: Path, path: Path, now: int, copied: Callable[[int, int], None]) -> None:
    """Copy a database that may be in use to `path`, as it is at this moment, which is `now` (Unix ms), and check
    the copy.

    `copied` hears how many pages of how many are there. The server goes on meanwhile, but its write-ahead log
    grows: what the snapshot still needs cannot be reused. Raises StorageError; then there is no new file.
    """
    with draft(path) as copy, sqlite_errors(), contextlib.closing(apsw.Connection(str(database))) as source:
        source.set_busy_timeout(5_000)
        source.pragma("query_only", True)
        # Without a transaction of ours, every commit of the server would make the copy begin again.
        source.execute("BEGIN; SELECT count(*) FROM sqlite_schema")
        with copy.backup("main", source, "main") as backup:
            while not backup.done:
                backup.step(_STEP_PAGES)
                copied(backup.page_count - backup.remaining, backup.page_count)
        # The copy is one file, without a log beside it.
        copy.pragma("journal_mode", "delete")
        found = copy.pragma("integrity_check")
        if found != "ok":
            raise StorageError(f"the copy is damaged, and so is probably the database: {found}")
        _mark_as_backup(copy, now)
        put_in_place(path, copy)


def _mark_as_backup(copy: apsw.Connection, now: int) -> None:
    """Whoever opens it knows that more may have been sent than it says. Very old ones have no place for that."""
    if copy.table_exists("main", DirectoryRevision.table):
        statement = plain_statements(DirectoryRevision).upsert
        copy.execute(statement, (BACKUP, now))


def _draft_of(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
