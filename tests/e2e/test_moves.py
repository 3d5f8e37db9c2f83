"""A server's data moves: to PostgreSQL, back, and out of a backup. Codes that were sent before are still checked."""

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onema.testing.postgres_server import PostgresServer
from onema.testing.running_server import RunningServer, eventually

SERVICE = "/MainService.svc/json"
PHONES = ("0901888401", "0901888402", "0901888403")


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path / "data", "demo") as server:
        yield server


class Client:
    """Sends and checks with the demo's credentials, whichever server has them now."""

    def __init__(self, demo: RunningServer) -> None:
        keys = demo.credentials("esms")
        self._keys = {name: keys[name] for name in ("ApiKey", "SecretKey")}
        self._sent = {
            "Brandname": keys["Brandname"],
            "message": keys["message"],
            "Type": "2",
            "IsNumber": "1",
        }

    def send(self, server: RunningServer, phone: str) -> str:
        """Send a code; what the phone shows."""
        path = f"{SERVICE}/SendMessageAutoGenCode_V4_get"
        assert server.json(path, **self._keys, **self._sent, Phone=phone)["CodeResult"] == "100"
        received = eventually(lambda: server.json("/handset/messages", to=phone))
        return str(received[0]["text"])[:6]

    def check(self, server: RunningServer, phone: str, code: str) -> str:
        answer = server.json(f"{SERVICE}/CheckCodeGen_V4_get", **self._keys, Phone=phone, Code=code)
        return str(answer["CodeResult"])


def onema(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The program as an operator runs it."""
    without = {name: value for name, value in os.environ.items() if not name.startswith("ONEMA_")}
    return subprocess.run(
        [sys.executable, "-m", "onema.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=without | environment,
        timeout=60,
    )


def money(server: RunningServer) -> tuple[Any, Any]:
    """The demo account's balance, and the movements that make it."""
    return server.onema("wallet", "show", "demo")["balance"], server.onema(
        "wallet", "ledger", "demo", "--limit", "100"
    )


def served(data: Path, **environment: str) -> RunningServer:
    return RunningServer(data, "serve", environment={"ONEMA_HANDSET_OPEN_ON_LOOPBACK": "true", **environment})


def test_a_server_moves_to_postgresql_and_back(
    demo: RunningServer, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """Codes, money and history go along; only the server key is carried by hand."""
    client = Client(demo)
    codes = {phone: client.send(demo, phone) for phone in PHONES}
    assert client.check(demo, PHONES[0], codes[PHONES[0]]) == "100"
    old, new = f"sqlite:///{demo.data}/onema.db", postgres_server.create_database("moved")

    refused = onema("copy", "--from", old, "--to", new)
    assert (refused.returncode, "in use by process" in refused.stderr) == (1, True)
    before = money(demo)
    assert demo.stop() == 0
    copied = onema("copy", "--from", old, "--to", new)
    assert copied.returncode == 0, copied.stderr
    assert "all balances match" in copied.stdout
    assert "server.key" in copied.stdout

    look = ("wallet", "show", "demo", "--data", tmp_path / "other")
    none = onema(*look, ONEMA_DATABASE=new)
    assert (none.returncode, "There is no server key" in none.stderr) == (1, True)
    wrong = onema(*look, ONEMA_DATABASE=new, ONEMA_SERVER_KEY="ab" * 32)
    assert (wrong.returncode, "server key is not the one" in wrong.stderr) == (1, True)
    key = (demo.data / "server.key").read_text().strip()
    with served(tmp_path / "node", ONEMA_DATABASE=new, ONEMA_SERVER_KEY=key) as node:
        assert money(node) == before
        assert client.check(node, PHONES[0], codes[PHONES[0]]) != "100"
        assert client.check(node, PHONES[1], codes[PHONES[1]]) == "100"
        codes["0901888404"] = client.send(node, "0901888404")
        refused = onema("copy", "--from", new, "--to", f"sqlite:///{tmp_path}/back/onema.db")
        assert (refused.returncode, "A server works on the source" in refused.stderr) == (1, True)
        after = money(node)

    back = f"sqlite:///{tmp_path}/back/onema.db"
    assert onema("copy", "--from", new, "--to", back, "--json").returncode == 0
    full = onema("copy", "--from", new, "--to", back)
    assert (full.returncode, "is not empty" in full.stderr) == (1, True)
    shutil.copy(demo.data / "server.key", tmp_path / "back" / "server.key")
    with served(tmp_path / "back") as embedded:
        assert money(embedded) == after
        for phone in (PHONES[2], "0901888404"):
            assert client.check(embedded, phone, codes[phone]) == "100"


def test_a_backup_of_a_running_server_is_restored(demo: RunningServer, tmp_path: Path) -> None:
    """The file and the key are all that a new server needs."""
    client = Client(demo)
    code = client.send(demo, PHONES[0])
    before = money(demo)
    saved = tmp_path / "saved.db"
    done = onema("backup", "--data", demo.data, "--to", saved)
    assert done.returncode == 0, done.stderr
    assert "server key is not in it" in done.stdout
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    client.send(demo, PHONES[1])

    again = onema("backup", "--data", demo.data, "--to", saved)
    assert (again.returncode, "--replace" in again.stderr) == (1, True)
    live = onema("backup", "--data", demo.data, "--to", demo.data / "onema.db", "--replace")
    assert live.returncode == 1

    (tmp_path / "restored").mkdir(mode=0o700)
    saved.rename(tmp_path / "restored" / "onema.db")
    shutil.copy(demo.data / "server.key", tmp_path / "restored" / "server.key")
    with served(tmp_path / "restored") as restored:
        assert money(restored) == before
        assert client.check(restored, PHONES[0], code) == "100"


def test_on_postgresql_backup_says_what_to_use() -> None:
    """With an exit code that no script takes for success."""
    done = onema("backup", ONEMA_DATABASE="postgresql://nobody@127.0.0.1:1/none")
    assert done.returncode == 2
    assert "pg_basebackup" in done.stdout
    assert "server key" in done.stdout


def test_migrate_says_from_where_to_where(postgres_server: PostgresServer, tmp_path: Path) -> None:
    """Both engines; a second time there is nothing to do, and a newer schema is left alone."""
    file, dsn = f"sqlite:///{tmp_path}/data/onema.db", postgres_server.create_database("migrated")
    for place in (file, dsn):
        first = json.loads(onema("migrate", "--database", place, "--json").stdout)
        assert first["from"] == 0
        already = f"has schema {first['to']} already"
        assert already in onema("migrate", "--database", place).stdout
    assert already in onema("migrate", "--data", tmp_path / "data").stdout
    assert already in onema("migrate", ONEMA_DATABASE=dsn).stdout
    postgres_server.sql("INSERT INTO schema_version VALUES (9998, now(), 2)", "migrated")
    assert "has schema 9998 already" in onema("migrate", ONEMA_DATABASE=dsn).stdout
    postgres_server.sql("INSERT INTO schema_version VALUES (9999, now(), 9999)", "migrated")
    newer = onema("migrate", "--database", dsn)
    assert newer.returncode == 1
    assert "schema 9999, newer than this version's" in newer.stderr
    assert "install the newer version again" in newer.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--to", "mysql://root:secret@localhost/onema"), "mysql://localhost/onema is not a database"),
        (("--to", "sqlite:///elsewhere/other.db"), "is called onema.db"),
        (("--from", "sqlite:///nowhere/onema.db", "--to", "sqlite:///new/onema.db"), "There is no database"),
        (("--from", "sqlite:///a/onema.db", "--to", "sqlite:///a/onema.db"), "into itself"),
        (("--to", "postgresql://me:secret@127.0.0.1:1/none"), "There is no database"),
        ((), "Name the new database"),
    ],
)
def test_places_that_cannot_be_meant_are_refused(
    arguments: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    """In a sentence that shows no password, and before anything is made."""
    done = onema("copy", "--data", tmp_path / "data", *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert "secret" not in done.stderr + done.stdout
    assert list(tmp_path.iterdir()) == []
