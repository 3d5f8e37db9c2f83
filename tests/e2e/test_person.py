"""`onema person`: all that is known of a number comes out, and goes, from every table of a real server."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from onema.testing.running_server import RunningServer, eventually
from tests.e2e.test_demo import call_with_code, checkcode, code_on, gencode

PERSON, NEIGHBOUR = "0901888484", "0901888485"
DIGITS = PERSON[1:]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path / "data", "demo") as server:
        yield server


def rows_with(server: RunningServer, digits: str) -> set[str]:
    """The tables that hold a number somewhere, in clear."""
    found = set()
    with sqlite3.connect(f"file:{server.data / 'onema.db'}?mode=ro", uri=True) as database:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in database.execute(f"SELECT * FROM {table}"):  # its own tables
                cells = [cell.encode() if isinstance(cell, str) else cell for cell in row]
                if any(isinstance(cell, bytes) and digits.encode() in cell for cell in cells):
                    found.add(table)
    return found


def is_over(server: RunningServer) -> bool:
    return {one["state"] for one in server.onema("message", "list", "demo")} == {"delivered"}


def test_a_person_is_forgotten_in_every_table(server: RunningServer) -> None:
    """What was paid stays, and so does everything of others."""
    for phone in (PERSON, NEIGHBOUR):
        gencode(server, phone)
        assert checkcode(server, phone, "0000") != "100"
        assert checkcode(server, phone, code_on(server, phone)) == "100"
        call_with_code(server, phone)
        gencode(server, phone)
    eventually(lambda: is_over(server))
    before = rows_with(server, DIGITS)
    assert {"messages", "live_verifications", "inbox"} <= before
    spent = server.onema("wallet", "ledger", "demo")

    (known,) = server.onema("person", "export", PERSON)
    assert (known["phone"], len(known["messages"])) == ("+84901888484", 3)
    assert {one["channel"] for one in known["messages"]} == {"sms", "call"}
    assert known["codes"]
    assert all(one["events"] or one["attempts"] for one in known["messages"])

    erased = server.onema("person", "erase", "+84 901 888 484", "--yes")
    assert erased["messages"] == 3
    assert erased["live_verifications"] == 1
    assert erased["inbox"] == 3
    assert rows_with(server, DIGITS) == set()
    assert rows_with(server, NEIGHBOUR[1:]) == before
    assert server.onema("person", "export", PERSON) == []
    assert server.onema("wallet", "ledger", "demo") == spent
    (entry, *_) = server.onema("audit", "list", "demo")
    assert (entry["what"], entry["subject"]) == ("erase_person", "+84****484")

    stories = server.onema("message", "list", "demo")
    assert [one["phone"] for one in stories].count("+0") == 3
    for one in stories:
        assert server.onema("message", "show", one["id"])["state"] == "delivered"
    assert server.text("person", "erase", PERSON, "--yes") == "Nothing was known of it.\n"
