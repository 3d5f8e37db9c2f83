"""Two nodes on one PostgreSQL: what one accepts the other checks, and what one leaves the other finishes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from onema.testing.postgres_server import PostgresServer
from onema.testing.running_server import RunningServer, eventually

from .acme import check, environment, send

CONFIGURATION = """
[[tariffs]]
name = "default"
rates = [{channel = "sms", prefix = "+84", price = "850"}]
[[accounts]]
name = "acme"
windows = []
[[accounts.credentials]]
dialect = "esms"
key = "ACME"
secret = "ACME-SECRET"
[[accounts.brandnames]]
name = "Acme"
templates = ["{OTP} la ma xac minh cua Acme"]
[[accounts.top_ups]]
reference = "first"
amount = "85000"
[[carriers]]
name = "handset"
type = "handset"
[[routes]]
channel = "sms"
carrier = "handset"
"""


@pytest.fixture(scope="module")
def database(postgres_server: PostgresServer) -> str:
    return postgres_server.create_database("nodes")


@pytest.fixture(scope="module")
def nodes(
    database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningServer, RunningServer]]:
    """Two nodes with one server key; the first configures the account."""
    shared = environment(database)
    folder = tmp_path_factory.mktemp("nodes")
    first = RunningServer(folder / "first", "serve", environment={**shared, "ONEMA_NODE_NUMBER": "1"})
    second = RunningServer(folder / "second", "serve", environment={**shared, "ONEMA_NODE_NUMBER": "2"})
    with first, second:
        first.onema("apply", "-", stdin=CONFIGURATION)
        eventually(lambda: send(second, "0901000000") == "100")
        yield first, second
        second.kill()


def code_on(node: RunningServer, phone: str) -> str:
    return str(eventually(lambda: node.json("/handset/messages", to=phone))[0]["text"])[:6]


def test_a_code_is_checked_on_the_other_node(nodes: tuple[RunningServer, RunningServer]) -> None:
    """Nodes share everything but their memory."""
    first, second = nodes
    assert send(first, "0901000001") == "100"
    code = code_on(second, "0901000001")
    assert [check(second, "0901000001", code), check(first, "0901000001", code)] == ["100", "117"]


def test_limits_hold_over_both_nodes(nodes: tuple[RunningServer, RunningServer]) -> None:
    """200 parallel sends over two nodes spend what the wallet holds, to the last dong; a code verifies once."""
    first, _ = nodes
    left = int(first.onema("wallet", "show", "acme")["balance"]) // 850
    with ThreadPoolExecutor(40) as pool:
        sent = list(pool.map(lambda n: send(nodes[n % 2], f"0901{n:06d}"), range(1000, 1200)))
        assert (sent.count("100"), sent.count("103")) == (left, 200 - left)
        phone = f"0901{1000 + sent.index('100'):06d}"
        code = code_on(first, phone)
        checked = list(pool.map(lambda n: check(nodes[n % 2], phone, code), range(50)))
    assert sorted(checked) == ["100"] + ["117"] * 49
    assert first.onema("wallet", "show", "acme")["balance"] == "0"


def test_a_change_of_the_configuration_reaches_every_node(nodes: tuple[RunningServer, RunningServer]) -> None:
    """Without a restart, and at once as people see it."""
    first, second = nodes
    first.onema("account", "suspend", "acme")
    eventually(lambda: send(second, "0901000002") == "143")
    second.onema("account", "resume", "acme")
    eventually(lambda: send(first, "0901000002") == "103")


def capacity(node: RunningServer) -> str:
    """What the node itself says that it holds of the handset."""
    lines = node.get("/metrics")[1].decode().splitlines()
    return next((line.split()[1] for line in lines if line.startswith("onema_carrier_capacity{")), "")


def test_a_carrier_with_one_seat_runs_on_one_node_which_sends_for_both(
    nodes: tuple[RunningServer, RunningServer],
) -> None:
    """People see who has it; what the other node accepted arrives all the same."""
    first, second = nodes
    first.onema("wallet", "top-up", "acme", "8500", "--reference", "capacity")
    first.onema("carrier", "set", "handset", "--capacity", "1")
    eventually(lambda: sorted(map(capacity, nodes)) == ["0.0", "1.0"])
    held = eventually(lambda: len(found := first.onema("carrier", "capacity")) == 2 and found)
    assert sorted((each["total"], each["capacity"]) for each in held) == [(1, 0), (1, 1)]
    for n in range(6):
        assert send(nodes[n % 2], f"0903{n:06d}") == "100"
    for n in range(6):
        code_on(first, f"0903{n:06d}")
    for message in first.onema("message", "list", "acme", "--limit", "6"):
        story = first.onema("message", "show", message["id"])
        assert [attempt["number"] for attempt in story["attempts"]] in ([1], ["1"])
    second.onema("carrier", "set", "handset", "--capacity", "0")
    eventually(lambda: list(map(capacity, nodes)) == ["", ""])
    assert first.onema("carrier", "capacity") == []


def test_what_a_killed_node_leaves_is_finished_by_the_other(
    nodes: tuple[RunningServer, RunningServer],
) -> None:
    """Every accepted message has a true final state, and none is on the phone twice."""
    first, second = nodes
    first.onema("wallet", "top-up", "acme", "42500", "--reference", "second")
    with ThreadPoolExecutor(25) as pool:
        sending = [pool.submit(send, second, f"0902{n:06d}") for n in range(50)]
        eventually(lambda: sum(future.done() for future in sending) > 10)
        second.kill()
    accepted = [n for n, future in enumerate(sending) if future.exception() is None]
    assert accepted
    for n in accepted:
        phone = f"0902{n:06d}"
        received = eventually(lambda phone=phone: first.json("/handset/messages", to=phone))  # type: ignore[misc]  # mypy infers no type for a lambda with defaults
        assert len(received) == 1
    eventually(
        lambda: all(
            m["state"] == "delivered" for m in first.onema("message", "list", "acme", "--limit", "400")
        )
    )
    doctor = {found["what"]: found["detail"] for found in first.onema("doctor")}
    assert doctor["accounts"] == "1 active, their ledgers and balances agree"
