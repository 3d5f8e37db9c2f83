"""20,000 codes while things fail at random; then the books are checked, from outside and from inside."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Message, MessageState, Wallet
from onema.domain.state_machines import MESSAGE
from onema.storage.contract import Storage
from onema.storage.postgres import PostgresStorage
from onema.storage.sqlite.storage import SqliteStorage
from onema.testing.cutting_proxy import CuttingProxy
from onema.testing.postgres_server import running_server, running_standby
from onema.testing.running_server import RunningServer, comes_true

from .faults import (
    HOUR_SECONDS,
    Clock,
    Fault,
    Pair,
    SmallDisk,
    Way,
    killed,
    link_lost_at_commit,
    network_blinks,
    network_cut,
    power_cut,
    primary_lost,
)
from .integrators import ATTEMPTS, CallbackReceiver, Integrator, Told, all_of

pytestmark = pytest.mark.full

CODES = 20_000
INTEGRATORS = 48
ROUNDS = 2
"""How often each fault happens that can happen again."""

SETTINGS = {
    "ONEMA_DELIVERY_LEASE": "2",
    "ONEMA_CALLBACK_TIMEOUT": "1.5",
    # The receiver is this test.
    "ONEMA_CALLBACK_PRIVATE_TARGETS": "true",
}
ACCOUNT = AccountId(2)
"""The demo's account is the first."""

KEYS = {
    "ApiKey": "0123456789ABCDEF0123456789ABCD",
    "SecretKey": "DCBA9876543210FEDCBA9876543210",
    "Brandname": "Acme",
    "message": "{OTP} la ma cua ban",
}


@pytest.fixture
async def receiver() -> AsyncIterator[CallbackReceiver]:
    receiver = CallbackReceiver()
    yield receiver
    await receiver.stop()


def configure(node: RunningServer, callback_url: str) -> None:
    """An account with callbacks; the demo's own is put back at each start."""
    node.onema("apply", "-", stdin=f"""
        [[accounts]]
        name = "acme"
        tariff = "demo"
        wallet = "postpaid"
        windows = []
        callback_url = "{callback_url}"
        credentials = [{{ dialect = "esms", key = "{KEYS["ApiKey"]}", secret = "{KEYS["SecretKey"]}" }}]
        brandnames = [{{ name = "{KEYS["Brandname"]}", templates = ["{KEYS["message"]}"] }}]
    """)  # fmt: skip


async def use_codes_under(
    faults: Sequence[Fault], nodes: Sequence[RunningServer], told: Told, dice: random.Random
) -> None:
    """All codes, with the faults in random order at random moments of the course."""
    phones = iter([f"03{number:08d}" for number in range(20_000_000, 20_000_000 + CODES)])
    serving = asyncio.Event()
    serving.set()
    ports = [node.port for node in nodes]
    integrators = [Integrator(ports, KEYS, dice, serving, told) for _ in range(INTEGRATORS)]
    course = dice.sample(faults, len(faults))
    moments = sorted(dice.sample(range(CODES // 50, CODES * 9 // 10), len(course)))
    work = asyncio.create_task(all_of(integrator.use_codes(phones) for integrator in integrators))
    for moment, fault in zip(moments, course, strict=True):
        reached = asyncio.ensure_future(told.finishes(moment))
        await asyncio.wait({work, reached}, return_when=asyncio.FIRST_COMPLETED)
        reached.cancel()
        if work.done():
            break
        serving.clear()
        await fault()
        serving.set()
    await work
    for integrator in integrators:
        integrator.close()


async def check_the_books(storage: Storage, told: Told, receiver: CallbackReceiver) -> None:
    """Nothing acknowledged is lost, nothing is charged, verified or tried too often, and everybody was told."""
    messages = {message.id: message for message in await settled(storage)}
    await told_of_all(messages, receiver)
    assert [identifier for identifier in told.accepted if identifier not in messages] == []
    assert {message.state for message in messages.values()} <= {MessageState.DELIVERED, MessageState.FAILED}
    for message in messages.values():
        assert message.held == 0
        assert receiver.ended[message.id] == ("1" if message.state == MessageState.DELIVERED else "0")
    assert max(told.verified.values()) == 1
    tried_out = 0
    for identifier in told.exhausted:
        story = await storage.read_story(ACCOUNT, MessageId(identifier))
        assert story is not None
        kinds = Counter(event.kind for event in story.events)
        # Fewer where a clock that had jumped took the code for expired.
        assert kinds["wrong code"] + kinds["attempts used up"] <= ATTEMPTS
        assert kinds["verified"] == 0
        tried_out += kinds["attempts used up"]
    wallet = (await storage.read([(Wallet, ACCOUNT)]))[(Wallet, ACCOUNT)]
    assert isinstance(wallet, Wallet)
    charged = sum(message.charged for message in messages.values())
    assert wallet.balance == await storage.ledger_sum(ACCOUNT) == -charged
    # The faults must not have left so little that all of this says nothing.
    assert len(told.accepted) > CODES * 0.9
    assert sum(told.verified.values()) > CODES * 0.7
    assert tried_out > CODES * 0.03


async def told_of_all(messages: Mapping[MessageId, Message], receiver: CallbackReceiver) -> None:
    """Wait for the last callbacks; one whose receiver could not be reached is tried again after 10 s."""

    async def all_came() -> bool:
        return set(messages) <= set(receiver.ended)

    await comes_true(all_came, 120.0)


async def settled(storage: Storage) -> list[Message]:
    """All messages, once each has ended: the last leases of killed nodes have to run out."""
    messages: list[Message] = []

    async def all_ended() -> bool:
        messages[:] = await all_messages(storage)
        return all(message.state in MESSAGE.final for message in messages)

    try:
        await comes_true(all_ended, 180.0)
    except TimeoutError:
        stuck = [message for message in messages if message.state not in MESSAGE.final]
        stories = [await storage.read_story(ACCOUNT, message.id) for message in stuck[:3]]
        raise AssertionError(f"{len(stuck)} messages have not ended, such as {stories}") from None
    return messages


async def all_messages(storage: Storage) -> list[Message]:
    found: list[Message] = []
    while page := await storage.read_messages(ACCOUNT, found[-1].id if found else 2**63 - 1, 5_000):
        found += page
    return found


async def test_one_node_on_sqlite_keeps_its_books(
    tmp_path: Path, dice: random.Random, receiver: CallbackReceiver
) -> None:
    """The node is killed, its disk is full, its clock jumps by an hour."""
    told, clock, disk = Told(), Clock(tmp_path), SmallDisk(tmp_path / "disk", megabytes=400)
    with disk.mounted():
        data = disk.folder / "data"
        node = RunningServer(data, "demo", environment={**SETTINGS, **clock.environment})
        await asyncio.to_thread(node.start)
        try:
            await asyncio.to_thread(configure, node, await receiver.start())
            faults = [killed(node), killed(node), killed(node), disk.full(told), clock.jump]
            await use_codes_under(faults * ROUNDS, [node], told, dice)
            # What was leased while the clock was ahead is due only then.
            clock.pass_by(2 * HOUR_SECONDS)
            async with opened(SqliteStorage(data / "onema.db")) as storage:
                await check_the_books(storage, told, receiver)
        finally:
            node.kill()
            print(told.answers)  # noqa: T201


async def test_two_nodes_on_postgresql_keep_their_books(
    tmp_path: Path, dice: random.Random, receiver: CallbackReceiver
) -> None:
    """Either node and the whole database are killed, links break at a COMMIT, the network is cut, a clock jumps; and
    once the network falls silent, and the primary is lost and its standby promoted.
    """
    told, clock = Told(), Clock(tmp_path)
    with running_server() as primary, running_standby(primary) as standby:
        primary.create_database("faults")
        pair = Pair(primary, standby)
        async with AsyncExitStack() as stack:
            nodes: list[RunningServer] = []
            ways: list[Way] = []
            for number in (1, 2):
                way = Way(pair)
                dsn = await way.open("faults")
                stack.push_async_callback(way.close)
                environment = {
                    **SETTINGS,
                    **(clock.environment if number == 1 else {}),
                    "ONEMA_DATABASE": dsn,
                    "ONEMA_SERVER_KEY": "5a" * 32,
                    "ONEMA_NODE_NUMBER": str(number),
                }
                node = RunningServer(tmp_path / f"node{number}", "demo", environment=environment)
                if nodes:
                    node.data.mkdir()
                    (node.data / "demo.json").write_bytes((nodes[0].data / "demo.json").read_bytes())
                await asyncio.to_thread(node.start)
                stack.callback(node.kill)
                nodes.append(node)
                ways.append(way)
            await asyncio.to_thread(configure, nodes[0], await receiver.start())
            faults = [power_cut(pair), clock.jump, network_cut(dice.choice(ways), told, CuttingProxy.refuse)]
            for node, way in zip(nodes, ways, strict=True):
                faults += [killed(node), link_lost_at_commit(way, dice), network_blinks(way)]
            once = [primary_lost(pair), network_cut(dice.choice(ways), told, CuttingProxy.silence)]
            await use_codes_under([*faults * ROUNDS, *once], nodes, told, dice)
            clock.pass_by(2 * HOUR_SECONDS)
            async with opened(PostgresStorage(pair.primary.dsn("faults"))) as storage:
                await check_the_books(storage, told, receiver)
            print(told.answers)  # noqa: T201


@asynccontextmanager
async def opened(storage: Storage) -> AsyncIterator[Storage]:
    await storage.open()
    try:
        yield storage
    finally:
        await storage.close()
