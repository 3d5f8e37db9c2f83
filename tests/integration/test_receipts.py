"""Receipts find their attempts by the carrier's name for them, whenever and wherever they come, over both stores."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from onema.delivery.receipts import KEEP_NAMES, KEEP_UNMATCHED_MS
from onema.domain.delivery.outcome import Outcome, OutcomeKind
from onema.domain.delivery.record_receipt import ReceiptResult, last_word
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import EntryKind, MessageState
from onema.storage.contract import Storage
from onema.storage.postgres import PostgresStorage
from onema.storage.sqlite.storage import SqliteStorage
from onema.testing.fake_clock import FakeClock

from .receiving_node import ACCOUNT, CARRIER, PRICE, ReceivingNode

DELIVERED, UNDELIVERED = OutcomeKind.DELIVERED, OutcomeKind.UNDELIVERED

StartNode = Callable[[], Awaitable[ReceivingNode]]


@pytest.fixture(params=["sqlite", "postgres"])
async def open_store(
    request: pytest.FixtureRequest, tmp_path: Path, dsn: str
) -> AsyncIterator[Callable[[], Awaitable[Storage]]]:
    """Opens a node's store. A file has one process: there both nodes use one."""
    opened: list[Storage] = []
    on_postgres = request.param == "postgres"

    async def open_one() -> Storage:
        if opened and not on_postgres:
            return opened[0]
        opened.append(PostgresStorage(dsn) if on_postgres else SqliteStorage(tmp_path / "onema.db"))
        await opened[-1].open()
        return opened[-1]

    yield open_one
    for storage in opened:
        await storage.close()


@pytest.fixture
async def start_node(open_store: Callable[[], Awaitable[Storage]]) -> AsyncIterator[StartNode]:
    """Starts nodes over one store, with one clock."""
    clock, nodes = FakeClock(), list[ReceivingNode]()

    async def start(capture_on: str = "delivered") -> ReceivingNode:
        node = ReceivingNode(await open_store(), clock, len(nodes) + 1)
        await node.committer.start()
        if not nodes:
            await node.configure(capture_on)
        nodes.append(node)
        return node

    yield start
    for node in nodes:
        await node.committer.stop()


@pytest.fixture
async def node(start_node: StartNode) -> ReceivingNode:
    return await start_node()


async def test_a_receipt_ends_the_message_that_has_its_name(node: ReceivingNode) -> None:
    """And is charged for; another carrier's same name is nobody's."""
    message = await node.submit("ref-1")
    assert await node.hear("ref-1", DELIVERED, carrier="other") == ReceiptResult.UNMATCHED
    assert await node.state(message) == MessageState.SENT
    assert await node.hear("ref-1", DELIVERED) == ReceiptResult.COUNTED
    story = await node.story(message)
    assert (story.message.state, story.message.charged) == (MessageState.DELIVERED, PRICE)
    assert story.attempts[0].state == "delivered"
    assert [event.kind for event in story.events][-1] == "receipt: delivered"


async def test_a_receipt_may_come_to_a_process_that_did_not_send(start_node: StartNode) -> None:
    """Names are in the store, so any node knows them."""
    sender, other = await start_node(), await start_node()
    message = await sender.submit("ref-1")
    assert await other.hear("ref-1", UNDELIVERED, "absent subscriber") == ReceiptResult.COUNTED
    story = await sender.story(message)
    assert (story.message.state, story.message.reason) == (MessageState.UNDELIVERED, "absent subscriber")


async def test_a_receipt_may_overtake_the_outcome_that_brings_its_name(start_node: StartNode) -> None:
    """It is kept, on whatever node it came, and counts with the outcome; money moves as if it had come after."""
    sender, other = await start_node(), await start_node()
    message = await sender.start_sending()
    assert await other.hear("ref-1", DELIVERED) == ReceiptResult.UNMATCHED
    await sender.end_sending(message, Outcome(kind=OutcomeKind.SUBMITTED, references=("ref-1",)))
    story = await sender.story(message)
    assert (story.message.state, story.message.charged) == (MessageState.DELIVERED, PRICE)
    assert not await sender.storage.read_unmatched_receipts("", 10)
    assert await other.hear("ref-1", DELIVERED) == ReceiptResult.REPEATED


async def test_receipts_and_outcomes_never_miss_each_other(start_node: StartNode) -> None:
    """Both at once on two nodes, in either order, many times: every message is delivered and charged once."""
    sender, other = await start_node(), await start_node()
    messages = [await sender.start_sending() for _ in range(60)]

    async def both(number: int, message: int) -> None:
        outcome = Outcome(kind=OutcomeKind.SUBMITTED, references=(f"ref-{number}",))
        sending, hearing = sender.end_sending(message, outcome), other.hear(f"ref-{number}", DELIVERED)
        await asyncio.gather(*((sending, hearing) if number % 2 else (hearing, sending)))

    await asyncio.gather(*(both(number, message) for number, message in enumerate(messages)))
    assert {await sender.state(message) for message in messages} == {MessageState.DELIVERED}
    assert await sender.storage.ledger_sum(AccountId(ACCOUNT)) == -60 * PRICE
    assert not await sender.storage.read_unmatched_receipts("", 100)


async def test_a_receipt_counts_once(start_node: StartNode) -> None:
    """However often, on however many nodes, and whatever is said later."""
    nodes = [await start_node(), await start_node()]
    message = await nodes[0].submit("ref-1")
    await asyncio.gather(*(nodes[number % 2].hear("ref-1", DELIVERED) for number in range(20)))
    assert (
        sorted(nodes[0].results + nodes[1].results) == [ReceiptResult.COUNTED] + [ReceiptResult.REPEATED] * 19
    )
    assert await nodes[0].hear("ref-1", UNDELIVERED) == ReceiptResult.TOO_LATE
    assert await nodes[0].state(message) == MessageState.DELIVERED
    assert await nodes[0].storage.ledger_sum(AccountId(ACCOUNT)) == -PRICE


async def test_a_receipt_days_late_corrects_the_books(node: ReceivingNode) -> None:
    """The message had ended unconfirmed and its money was back: the name is still known, so the price is an adjust."""
    message = await node.submit("ref-1")
    await node.settle(message)
    assert (await node.state(message), await node.storage.ledger_sum(AccountId(ACCOUNT))) == (
        MessageState.UNCONFIRMED,
        0,
    )
    await node.storage.sweep(node.clock.now(), 100)
    assert await node.hear("ref-1", DELIVERED) == ReceiptResult.COUNTED
    story = await node.story(message)
    assert (story.message.state, story.ledger[-1].kind) == (MessageState.DELIVERED, EntryKind.ADJUST)
    assert await node.storage.ledger_sum(AccountId(ACCOUNT)) == -PRICE


async def test_a_message_in_parts_is_delivered_when_all_are(node: ReceivingNode) -> None:
    """Each part is reported by its own name, and counts once; what is known so far is in the story."""
    message = await node.submit("a", "b", "c")
    assert await node.hear("b", DELIVERED) == ReceiptResult.NOTED
    assert await node.hear("b", DELIVERED) == ReceiptResult.REPEATED
    assert await node.hear("a", DELIVERED) == ReceiptResult.NOTED
    assert await node.state(message) == MessageState.SENT
    assert await node.hear("c", DELIVERED) == ReceiptResult.COUNTED
    story = await node.story(message)
    assert story.message.state == MessageState.DELIVERED
    assert [event.kind for event in story.events][-3:] == [
        "receipt: one part delivered, 2 awaited",
        "receipt: one part delivered, 1 awaited",
        "receipt: delivered",
    ]


async def test_parts_that_come_at_once_on_two_nodes_are_all_counted(start_node: StartNode) -> None:
    """No count is lost between nodes."""
    nodes = [await start_node(), await start_node()]
    names = [f"part-{number}" for number in range(10)]
    message = await nodes[0].submit(*names)
    await asyncio.gather(*(nodes[number % 2].hear(name, DELIVERED) for number, name in enumerate(names)))
    assert await nodes[0].state(message) == MessageState.DELIVERED


async def test_one_part_that_does_not_arrive_ends_the_message(node: ReceivingNode) -> None:
    """What the others say later changes nothing."""
    message = await node.submit("a", "b")
    assert await node.hear("a", DELIVERED) == ReceiptResult.NOTED
    assert await node.hear("b", UNDELIVERED, "expired") == ReceiptResult.COUNTED
    assert (await node.story(message)).message.reason == "expired"
    message = await node.submit("c", "d")
    assert await node.hear("c", UNDELIVERED) == ReceiptResult.COUNTED
    assert await node.hear("d", DELIVERED) == ReceiptResult.TOO_LATE
    assert await node.state(message) == MessageState.UNDELIVERED


async def test_early_words_about_some_parts_count_with_the_later_ones(node: ReceivingNode) -> None:
    """Two of three parts were reported before the outcome brought the names."""
    message = await node.start_sending()
    await node.hear("a", DELIVERED)
    await node.hear("b", OutcomeKind.SUBMITTED)
    await node.end_sending(message, Outcome(kind=OutcomeKind.SUBMITTED, references=("a", "b", "c")))
    assert (await node.story(message)).attempts[0].awaited == 2
    assert await node.hear("a", DELIVERED) == ReceiptResult.REPEATED
    assert await node.hear("b", DELIVERED) == ReceiptResult.NOTED
    assert await node.hear("c", DELIVERED) == ReceiptResult.COUNTED
    assert await node.state(message) == MessageState.DELIVERED


async def test_a_part_without_a_name_is_not_taken_as_delivered(node: ReceivingNode) -> None:
    """The answer to one of three parts was lost: the receipts of two say nothing of it."""
    message = await node.start_sending()
    await node.end_sending(message, Outcome(kind=OutcomeKind.UNKNOWN, references=("a", "b"), parts=3))
    assert [await node.hear(name, DELIVERED) for name in "ab"] == [ReceiptResult.NOTED] * 2
    assert await node.state(message) == MessageState.UNKNOWN
    assert await node.hear("a", UNDELIVERED) == ReceiptResult.REPEATED


async def test_words_on_the_way_end_nothing(node: ReceivingNode) -> None:
    """Nor do words whose meaning is unknown; the final one still counts."""
    message = await node.submit("ref-1")
    assert await node.hear("ref-1", OutcomeKind.SUBMITTED, "enroute") == ReceiptResult.NOTED
    assert await node.hear("ref-1", OutcomeKind.SUBMITTED, "enroute") == ReceiptResult.REPEATED
    assert await node.hear("ref-1", OutcomeKind.UNKNOWN) == ReceiptResult.NOTED
    assert await node.state(message) == MessageState.SENT
    assert await node.hear("ref-1", DELIVERED) == ReceiptResult.COUNTED


async def test_a_name_that_was_just_heard_is_not_looked_up(node: ReceivingNode) -> None:
    """The receipt may be decided in the batch of the outcome that brings the name, behind it."""
    message = await node.start_sending()
    node.receipts.named(CARRIER, ("one", "two"), ACCOUNT, MessageId(message), 1)
    node.receipts._names = None  # type: ignore[assignment]  # what would look it up
    await asyncio.gather(
        node.end_sending(message, Outcome(kind=OutcomeKind.SUBMITTED, references=("one", "two"))),
        node.hear("one", DELIVERED),
        node.hear("two", DELIVERED),
    )
    assert node.results == [ReceiptResult.NOTED, ReceiptResult.COUNTED]
    assert await node.state(message) == MessageState.DELIVERED


async def test_a_name_that_was_heard_and_is_another_s_now_is_looked_up(start_node: StartNode) -> None:
    """A carrier may use it again for what another process sends; and an outcome may never be committed."""
    first, second = await start_node(), await start_node()
    older = await first.submit("again")
    first.receipts.named(CARRIER, ("again", "lost"), ACCOUNT, MessageId(older), 1)
    newer = await second.submit("again")
    assert await first.hear("again", DELIVERED) == ReceiptResult.COUNTED
    assert (await first.state(older), await first.state(newer)) == (MessageState.SENT, MessageState.DELIVERED)
    assert await first.hear("lost", DELIVERED) == ReceiptResult.UNMATCHED


async def test_only_so_many_names_are_kept(node: ReceivingNode) -> None:
    """The oldest are looked up again."""
    for number in range(KEEP_NAMES + 2):
        node.receipts.named(CARRIER, (str(number),), ACCOUNT, MessageId(1), 1)
    assert len(node.receipts._newest) == KEEP_NAMES
    assert (CARRIER, "1") not in node.receipts._newest


async def test_receipts_that_nothing_matches_are_kept_for_a_while(node: ReceivingNode) -> None:
    """The newest word of each, for people to see; a final one is not taken back by one on the way."""
    await node.hear("stray", DELIVERED)
    node.clock.advance(1)
    await node.hear("stray", OutcomeKind.SUBMITTED)
    await node.hear("other", UNDELIVERED, "barred")
    found = await node.storage.read_unmatched_receipts("", 10)
    assert [(row.reference, (word := last_word(row)) and word.kind) for row in found] == [
        ("other", UNDELIVERED),
        ("stray", DELIVERED),
    ]
    node.clock.advance(KEEP_UNMATCHED_MS / 1000)
    await node.storage.sweep(node.clock.now(), 100)
    assert not await node.storage.read_unmatched_receipts("", 10)


async def test_a_name_that_a_carrier_uses_again_is_the_newest_attempt_s(node: ReceivingNode) -> None:
    """Carriers count round. What was said of the name before does not count for it."""
    first = await node.submit("42")
    await node.hear("42", DELIVERED)
    node.clock.advance(86_400)
    second = await node.submit("42")
    assert await node.state(second) == MessageState.SENT
    assert await node.hear("42", UNDELIVERED) == ReceiptResult.COUNTED
    assert (await node.state(first), await node.state(second)) == (
        MessageState.DELIVERED,
        MessageState.UNDELIVERED,
    )


async def test_a_stray_receipt_does_not_end_a_later_message_of_that_name(node: ReceivingNode) -> None:
    """It came long before the attempt began, so it is about something else."""
    await node.hear("42", UNDELIVERED)
    node.clock.advance(600)
    message = await node.submit("42")
    assert await node.state(message) == MessageState.SENT
    assert await node.hear("42", DELIVERED) == ReceiptResult.COUNTED
    assert await node.state(message) == MessageState.DELIVERED


@pytest.mark.parametrize(
    "name",
    ["n\x00l", "\ud800", "x" * 3_000, "+84 đ", "new\nline"],
    ids=["nul", "surrogate", "long", "accents", "lines"],
)
async def test_whatever_a_carrier_calls_it_its_receipt_finds_it(node: ReceivingNode, name: str) -> None:
    """A name may be no text, or long: it is spelled in the same way in both places, and no store refuses it."""
    message = await node.submit(name)
    assert await node.hear(name, UNDELIVERED, "odd \x00\ud800 words" * 100) == ReceiptResult.COUNTED
    assert await node.state(message) == MessageState.UNDELIVERED
    assert await node.hear(name + "?", DELIVERED) == ReceiptResult.UNMATCHED


async def test_an_answer_without_a_name_waits_like_one_without_receipts(node: ReceivingNode) -> None:
    """An empty name is none: the receipts of such answers cannot be told apart."""
    message = await node.submit("")
    assert await node.hear("", DELIVERED) == ReceiptResult.UNMATCHED
    assert await node.state(message) == MessageState.SENT


async def test_a_thousand_receipts_at_once_take_few_batches(node: ReceivingNode) -> None:
    """They share look-ups and commits."""
    names = [f"ref-{number}" for number in range(1_000)]
    message = await node.submit(*names)
    batches = 0
    begin = node.storage.begin

    async def counted(keys):  # type: ignore[no-untyped-def]  # as it is
        nonlocal batches
        batches += 1
        return await begin(keys)

    node.storage.begin = counted  # type: ignore[method-assign]  # counts
    await asyncio.gather(*(node.hear(name, DELIVERED) for name in names))
    assert await node.state(message) == MessageState.DELIVERED
    assert batches <= 1_000 // 64 + 2
