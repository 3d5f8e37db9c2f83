"""Two nodes behind HAProxy on a replicated PostgreSQL, and what happens when parts of that die under load."""

import http.client
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from onema.domain.ids import MAX_NODE, SEQUENCE_BITS
from onema.testing.cluster import Cluster, running_cluster
from onema.testing.postgres_server import PostgresServer
from onema.testing.running_server import RunningServer, eventually

pytestmark = pytest.mark.full

CLIENTS = 8
AT_MOST = 20_000
"""So many requests a test sends at most; on loopback, one after the other on each of CLIENTS connections."""

ACCEPTED, LATER, WRONG, USED = "100", "99", "117", "117"
# A started attempt is taken over when its carrier must have answered: 30 s after the handset got it, and a lease.
TAKEN_OVER_SECONDS = 120.0


class Answer(NamedTuple):
    """What one request met; `result` is the CodeResult, or how the connection ended."""

    phone: str
    result: str
    sms_id: str
    began: float
    ended: float


class Integrators:
    """Send codes through HAProxy, each to a phone of its own, until they are stopped."""

    def __init__(self, cluster: Cluster, phones: Iterator[str]) -> None:
        self._cluster = cluster
        self._phones = phones
        self._turn = threading.Lock()
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(CLIENTS)
        self.answers: list[Answer] = []

    def __enter__(self) -> "Integrators":
        self._runs = [self._pool.submit(self._run) for _ in range(CLIENTS)]
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Let everybody get the answer that they wait for. Raises what went wrong in one of them."""
        self._stopping.set()
        self._pool.shutdown()
        for run in self._runs:
            run.result()

    def more(self, count: int) -> None:
        """Wait until so many more codes were accepted."""
        wanted = len(self.accepted) + count
        eventually(lambda: len(self.accepted) >= wanted)

    @property
    def accepted(self) -> list[Answer]:
        return [answer for answer in tuple(self.answers) if answer.result == ACCEPTED]

    @property
    def results(self) -> Counter[str]:
        return Counter(answer.result for answer in tuple(self.answers))

    def _run(self) -> None:
        while not self._stopping.is_set():
            with self._turn:
                phone = next(self._phones, None)
            if phone is None:
                return
            self.answers.append(send(self._cluster, phone))


def send(cluster: Cluster, phone: str, timeout: float = 90.0) -> Answer:
    began = time.monotonic()
    result, sms_id = "broken", ""
    try:
        status, body = cluster.send(phone, timeout=timeout)
    except TimeoutError:
        result = "waits"
    except (OSError, http.client.HTTPException):
        pass
    else:
        # HAProxy's own answers have no JSON: a node died with the request in its hands.
        told = json.loads(body) if status == 200 else {"CodeResult": f"HTTP {status}"}
        result, sms_id = told["CodeResult"], told.get("SMSID", "")
    return Answer(phone, result, sms_id, began, time.monotonic())


def node_of(sms_id: str) -> int:
    """The number of the node that accepted the message."""
    return int(sms_id, 16) >> SEQUENCE_BITS & MAX_NODE


@pytest.fixture
def phones(dice: random.Random) -> Iterator[str]:
    return iter([f"0901{number:06}" for number in dice.sample(range(1_000_000), AT_MOST)])


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with running_cluster(tmp_path) as cluster:
        yield cluster


def code_of(cluster: Cluster, phone: str, node: RunningServer) -> str:
    """The code that arrived, as that node's handset shows it."""
    code: str = eventually(lambda: cluster.received(phone, node))[0]["code"]
    return code


def check_the_books(database: PostgresServer) -> None:
    """Every message has one true end, one attempt, one SMS, and was paid for once; balances are the ledger's sums."""
    eventually(lambda: query(database, "SELECT count(*) FROM jobs") == ["0"], TAKEN_OVER_SECONDS)
    assert query(database, "SELECT DISTINCT state FROM messages") == ["delivered"]
    assert query(database, "SELECT phone FROM messages GROUP BY phone HAVING count(*) > 1") == []
    assert query(database, "SELECT phone FROM inbox GROUP BY phone HAVING count(*) > 1") == []
    counts = {
        table: query(database, f"SELECT count(*) FROM {table}") for table in ("messages", "inbox", "attempts")
    }
    assert counts["messages"] == counts["inbox"] == counts["attempts"]
    moved = "SELECT kind, count(*) FROM ledger WHERE kind IN ('hold', 'capture', 'release') GROUP BY kind ORDER BY kind"
    assert query(database, moved) == [f"{kind}|{counts['messages'][0]}" for kind in ("capture", "hold")]
    differing = (
        "SELECT account FROM wallets w WHERE balance <>"
        " (SELECT coalesce(sum(amount), 0) FROM ledger l WHERE l.account = w.account)"
    )
    assert query(database, differing) == []


def query(database: PostgresServer, statement: str) -> list[str]:
    return database.sql(statement, "onema").splitlines()


def test_a_code_that_one_node_sent_is_checked_by_the_other(cluster: Cluster, phones: Iterator[str]) -> None:
    """HAProxy spreads requests over both; what one accepted the other's phone shows, checks once, and never again."""
    sent = [send(cluster, phone) for _, phone in zip(range(60), phones, strict=False)]
    assert Counter(answer.result for answer in sent) == {ACCEPTED: 60}
    assert {node_of(answer.sms_id) for answer in sent} == {1, 2}
    for answer in sent:
        sender = cluster.nodes[node_of(answer.sms_id) - 1]
        other = next(node for node in cluster.nodes if node is not sender)
        code = code_of(cluster, answer.phone, other)
        assert cluster.check(answer.phone, code, other.port) == ACCEPTED
        assert cluster.check(answer.phone, code, sender.port) == USED
    check_the_books(cluster.primary)


def test_the_other_node_finishes_what_a_killed_one_left(
    cluster: Cluster, phones: Iterator[str], dice: random.Random
) -> None:
    """kill -9 of a node that holds jobs: requests go on, its jobs are done by the other, no SMS comes twice."""
    dying, surviving = cluster.nodes
    with Integrators(cluster, phones) as integrators:
        integrators.more(dice.randrange(200, 600))
        eventually(lambda: freeze_with_jobs_in_hand(cluster, dying))
        dying.kill()
        integrators.more(300)
    unexpected = set(integrators.results) - {ACCEPTED, "broken", "HTTP 502", "HTTP 503", "HTTP 504"}
    assert not unexpected, integrators.results
    # Only what the node had in its hands may have failed: at most one request of each client.
    assert len(integrators.answers) - len(integrators.accepted) <= CLIENTS, integrators.results
    assert surviving.process is not None
    assert surviving.process.poll() is None
    check_the_books(cluster.primary)
    for answer in dice.sample(integrators.accepted, 100):
        assert cluster.check(answer.phone, code_of(cluster, answer.phone, surviving)) == ACCEPTED
    dying.start()
    eventually(lambda: node_of(send(cluster, next(phones)).sms_id) == 1)


def freeze_with_jobs_in_hand(cluster: Cluster, node: RunningServer) -> bool:
    """Stop the node; let it go on when nothing that it leased is left to do."""
    assert node.process is not None
    node.process.send_signal(signal.SIGSTOP)
    leased = f"SELECT count(*) FROM jobs WHERE lease > 0 AND id >> {SEQUENCE_BITS} & {MAX_NODE} = 1"
    if query(cluster.primary, leased) != ["0"]:
        return True
    node.process.send_signal(signal.SIGCONT)
    return False


def test_nothing_acknowledged_is_lost_with_the_primary(
    cluster: Cluster, phones: Iterator[str], dice: random.Random
) -> None:
    """kill -9 of the primary, promotion of the standby: the same nodes go on, and every accepted code still works.
    Nobody is told a success in between.
    """
    processes = [node.process for node in cluster.nodes]
    with Integrators(cluster, phones) as integrators:
        integrators.more(dice.randrange(200, 600))
        cluster.primary.kill()
        killed = time.monotonic()
        between = [send(cluster, next(phones), timeout=1.0) for _ in range(6)]
        promoting = time.monotonic()
        cluster.standby.promote()
        integrators.more(300)
    assert {answer.result for answer in between} <= {LATER, "waits"}
    false = [answer for answer in integrators.accepted if killed < answer.began and answer.ended < promoting]
    assert false == []
    assert set(integrators.results) <= {ACCEPTED, LATER}, integrators.results
    assert [node.process for node in cluster.nodes] == processes
    assert all(process is not None and process.poll() is None for process in processes)
    check_the_books(cluster.standby)
    with ThreadPoolExecutor(CLIENTS) as pool:
        checks = pool.map(lambda answer: check_what_arrived(cluster, answer.phone), integrators.accepted)
    assert Counter(checks) == {ACCEPTED: len(integrators.accepted)}


def test_what_the_standby_does_not_have_is_not_acknowledged(cluster: Cluster, phones: Iterator[str]) -> None:
    """While the standby gets nothing every request waits; so its promotion can lose nothing that was answered."""
    receiver = int(query(cluster.standby, "SELECT pid FROM pg_stat_wal_receiver")[0])
    with Integrators(cluster, phones) as integrators:
        integrators.more(100)
        os.kill(receiver, signal.SIGSTOP)
        between = [send(cluster, next(phones), timeout=1.0) for _ in range(4)]
        cluster.primary.kill()
        os.kill(receiver, signal.SIGCONT)
        cluster.standby.promote()
        integrators.more(100)
    assert {answer.result for answer in between} == {"waits"}
    check_the_books(cluster.standby)
    checks = [check_what_arrived(cluster, answer.phone) for answer in integrators.accepted]
    assert Counter(checks) == {ACCEPTED: len(integrators.accepted)}


def check_what_arrived(cluster: Cluster, phone: str) -> str:
    return cluster.check(phone, code_of(cluster, phone, cluster.nodes[0]))
