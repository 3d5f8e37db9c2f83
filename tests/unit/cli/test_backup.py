"""Where a backup may be written: nowhere that a server keeps what it needs."""

import os
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from onema.administration.data_folder import DataFolder
from onema.cli import main

Backup = Callable[..., int | str | None]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a database, its log and a key; beside it one of another server."""
    for name in ("data", "other"):
        with DataFolder(tmp_path / name) as folder:
            folder.server_keys()
            folder.keep_server_key()
        with apsw.Connection(str(tmp_path / name / "onema.db")) as database:
            database.execute("CREATE TABLE kept (what)")
        database.close()
    (tmp_path / "data" / "onema.db-wal").write_bytes(b"messages since the last checkpoint")
    (tmp_path / "data" / "voices").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "data")
    (tmp_path / "key-by-another-name").symlink_to(tmp_path / "data" / "server.key")
    (tmp_path / "data" / "outside").symlink_to(tmp_path / "elsewhere.db")
    return tmp_path / "data"


@pytest.fixture
def backup(data: Path) -> Backup:
    def run(to: str) -> int | str | None:
        with pytest.raises(SystemExit) as exited:
            main(["--data", str(data), "backup", "--replace", "--to", to])
        return exited.value.code

    return run


@pytest.mark.parametrize(
    "target",
    [
        "data/server.key",
        "data/onema.db",
        "data/onema.db-wal",
        "data/lock",
        "data/new.db",
        "data/voices/new.db",
        "data/outside",
        "data/../data/server.key",
        "linked/server.key",
        "linked/new.db",
        "key-by-another-name",
        "./data/server.key",
        "other/server.key",
        "other/onema.db",
    ],
)
def test_no_backup_is_written_into_a_data_folder(
    backup: Backup,
    data: Path,
    target: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It replaced the server key, or the log of a running server; `--replace` allows neither, however it is spelled."""
    monkeypatch.chdir(data.parent)
    before = _files(data.parent)
    assert backup(target) == 1
    assert "lies in a server's data folder" in capsys.readouterr().err
    assert _files(data.parent) == before


def test_a_backup_beside_the_data_folder_is_written(backup: Backup, data: Path) -> None:
    """Also over an older one, and also into a folder that is to become a data folder."""
    data.joinpath("onema.db-wal").unlink()
    (data.parent / "fresh").mkdir()
    for target in ("saved.db", "saved.db", "fresh/onema.db"):
        assert backup(str(data.parent / target)) == 0
        with apsw.Connection(str(data.parent / target)) as saved:
            assert saved.execute("SELECT count(*) FROM kept").get == 0


def _files(folder: Path) -> dict[str, bytes | str]:
    return {
        str(path): os.readlink(path) if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }
