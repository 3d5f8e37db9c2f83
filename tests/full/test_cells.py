"""Two cells behind one HAProxy: an account moves to the other and back under load."""

import itertools
import json
import re
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from onema.domain.values.money import parse_amount
from onema.testing.cell_cluster import NO_NODE, PRICE, CellCluster, running_cells
from onema.testing.running_server import eventually

pytestmark = pytest.mark.full

ACCEPTED, LATER, RIGHT, WRONG = "100", "99", "100", "117"
CLIENTS = {"acme": 4, "north_only": 2, "south_only": 2}
CHECKED = 100
"""About so many codes of each account are typed in, from all times."""
GENEROUS_SECONDS = 30.0
"""2 are promised on a machine that has time for it."""
AT_MOST = 20_000
"""So many requests the test sends at most; on loopback, one after the other on each client's connection."""


class Answer(NamedTuple):
    phone: str
    result: str
    at: float


class Integrators:
    """Send codes through HAProxy, each to a phone of its own, until they are stopped."""

    def __init__(self, cluster: CellCluster) -> None:
        self._cluster = cluster
        self._numbers = itertools.count()
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(sum(CLIENTS.values()))
        self.answers: dict[str, list[Answer]] = defaultdict(list)

    def __enter__(self) -> "Integrators":
        self._runs = [
            self._pool.submit(self._run, account) for account, count in CLIENTS.items() for _ in range(count)
        ]
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._pool.shutdown()
        for run in self._runs:
            run.result()

    def accepted(self, account: str) -> list[Answer]:
        return [answer for answer in tuple(self.answers[account]) if answer.result == ACCEPTED]

    def more(self, count: int) -> None:
        """Wait until so many more codes of each account were accepted."""
        wanted = {account: len(self.accepted(account)) + count for account in CLIENTS}
        eventually(lambda: all(len(self.accepted(one)) >= number for one, number in wanted.items()))

    def _run(self, account: str) -> None:
        while not self._stopping.is_set():
            number = next(self._numbers)
            if number >= AT_MOST:
                return
            phone = f"090{number:07d}"
            result = self._cluster.send(account, phone)
            self.answers[account].append(Answer(phone, result, time.monotonic()))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[CellCluster]:
    with running_cells(tmp_path, {"north": ("acme", "north_only"), "south": ("south_only",)}) as cells:
        yield cells


def test_an_account_moves_and_comes_back_under_load(cluster: CellCluster) -> None:
    """Nothing is lost or done twice: rows, money, codes and what phones received are what clients were told."""
    with Integrators(cluster) as integrators:
        integrators.more(50)
        there = cluster.onema("cell", "move", "acme", "--to", "south")
        integrators.more(50)
        back = cluster.onema("cell", "move", "acme", "--to", "north")
        integrators.more(50)
    results = {
        account: Counter(one.result for one in answers) for account, answers in integrators.answers.items()
    }
    assert set(results["acme"]) <= {ACCEPTED, LATER, str(NO_NODE)}
    # Nobody else's requests are touched, unless the machine is too busy for HAProxy's checks.
    assert set(results["north_only"]) | set(results["south_only"]) <= {ACCEPTED, str(NO_NODE)}
    north, south = cluster.cells["north"], cluster.cells["south"]
    numbers = {one["account"]: one["number"] for one in cluster.onema("cell", "list")}
    where = {"acme": north, "north_only": north, "south_only": south}
    for account, cell in where.items():
        accepted = integrators.accepted(account)
        number = numbers[account]
        rows = cell.sql(f"SELECT count(*), count(DISTINCT phone) FROM messages WHERE account = {number}")
        assert rows == f"{len(accepted)}|{len(accepted)}"
        cell.wait_until_idle()
        books = cell.sql(
            f"SELECT (SELECT balance FROM wallets WHERE account = {number}),"
            f" (SELECT sum(amount) FROM ledger WHERE account = {number})"
        )
        assert books == "|".join([str(-len(accepted) * parse_amount(PRICE))] * 2)
    received = Counter[str]()
    for cell in (north, south):
        received.update(cell.sql("SELECT phone FROM inbox").split())
    sent = {f"+84{one.phone[1:]}" for account in CLIENTS for one in integrators.accepted(account)}
    assert received == Counter(sent)
    for account in CLIENTS:
        accepted = integrators.accepted(account)
        for one in accepted[:: max(1, len(accepted) // CHECKED)]:
            (message,) = cluster.received(one.phone)
            code = re.search(r"\d{6}", message["text"])
            assert code is not None
            assert cluster.check(account, one.phone, code[0]) == RIGHT
            assert cluster.check(account, one.phone, code[0]) == WRONG
    times = sorted(one.at for one in integrators.accepted("acme"))
    gap = max(later - earlier for earlier, later in itertools.pairwise(times))
    figures = {"there": there["frozen_seconds"], "back": back["frozen_seconds"], "longest gap": gap}
    (cluster.folder / "figures.json").write_text(json.dumps({**figures, **results}))
    assert max(figures.values()) < GENEROUS_SECONDS
