"""A database that is damaged or gone: sentences that say what to do, and nothing new in its place."""

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from onema.cli import main
from onema.cli.checkup import examine
from onema.cli.finding import Level
from onema.settings import Listen, Settings
from onema.testing.running_server import free_port

PAGE = 4096
Damage = Callable[[bytes], bytes]


def without_pages(*numbers: int) -> Damage:
    def damage(sound: bytes) -> bytes:
        pages = bytearray(sound)
        for number in numbers:
            pages[(number - 1) * PAGE : number * PAGE] = b"\xa5" * PAGE
        return bytes(pages)

    return damage


UNREADABLE: dict[str, Damage] = {
    "zeroed": lambda sound: bytes(len(sound)),
    "a zeroed first page": lambda sound: bytes(PAGE) + sound[PAGE:],
    "a first page of something else": without_pages(1),
    "cut in its head": lambda sound: sound[:100],
    "cut in its second page": lambda sound: sound[: PAGE + 900],
    "cut in half": lambda sound: sound[: len(sound) // 2],
    "packed": gzip.compress,
    "a text": lambda sound: b"this is no database\n" * 500,
    "a few bytes": lambda sound: b"SQLite",
}
HARDLY_SEEN: dict[str, Damage] = {
    "one page": without_pages(10),
    "four pages": without_pages(5, 6, 7, 8),
    "a page of zeros": lambda sound: sound[: 9 * PAGE] + bytes(PAGE) + sound[10 * PAGE :],
}
"""A server starts on these, and fails at what it reads there."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a little configuration."""
    data = tmp_path_factory.mktemp("sound") / "data"
    assert onema(data, "tariff", "set", "default", "--rate", "sms:+84=850") == 0
    assert onema(data, "account", "add", "acme") == 0
    return data


@pytest.fixture
def data(sound: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sound, tmp_path / "data")


def onema(data: Path, *arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as exited:
        main(["--data", str(data), *arguments])
    return exited.value.code


def database_finding(data: Path) -> tuple[Level, str]:
    settings = Settings(data=data, listen=Listen(port=free_port()))
    (found,) = [each for each in examine(settings) if each.what == "database"]
    return found.level, found.detail


@pytest.mark.parametrize("damage", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_is_no_database_any_more_is_told_in_a_sentence(
    data: Path, damage: Damage, capsys: pytest.CaptureFixture[str]
) -> None:
    """By all that opens it. It was a stack trace."""
    file = data / "onema.db"
    file.write_bytes(damage(file.read_bytes()))
    damaged = file.read_bytes()
    for command in (("account", "list"), ("serve", "--port", "0"), ("demo", "--port", "0")):
        assert onema(data, *command) == 1
        said = capsys.readouterr().err
        assert "onema.db is damaged" in said
        assert "restore it from your backup" in said
    level, detail = database_finding(data)
    assert (level, "is damaged" in detail) == (Level.FAIL, True)
    assert file.read_bytes() == damaged


@pytest.mark.parametrize("damage", HARDLY_SEEN.values(), ids=HARDLY_SEEN.keys())
def test_the_doctor_finds_pages_that_were_damaged_in_the_middle(data: Path, damage: Damage) -> None:
    """It looked at the first page only, and said that all was well."""
    assert database_finding(data)[0] is Level.OK
    file = data / "onema.db"
    file.write_bytes(damage(file.read_bytes()))
    level, detail = database_finding(data)
    assert (level, "is damaged" in detail) == (Level.FAIL, True)


@pytest.mark.parametrize("is_empty", [True, False], ids=["empty", "missing"])
def test_no_new_store_is_made_in_the_place_of_one_that_is_gone(
    data: Path, is_empty: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """The key that is there tells that there was one: accounts, money and codes are gone."""
    file = data / "onema.db"
    file.unlink()
    if is_empty:
        file.touch()
    for command in (("account", "list"), ("serve", "--port", "0"), ("demo", "--port", "0"), ("backup",)):
        assert onema(data, *command) == 1
        assert "onema.db" in capsys.readouterr().err
    level, detail = database_finding(data)
    assert (level, "restore it from your backup" in detail) == (Level.FAIL, True)
    assert file.exists() == is_empty
    assert not is_empty or file.stat().st_size == 0
