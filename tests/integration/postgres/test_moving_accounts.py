"""An account moves from one cell to another (docs/operations/cells.md)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from onema.domain.audit import AuditEntry
from onema.domain.codes.check_code import Check
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Configure
from onema.domain.configuration.move_account import FENCE, PlaceAccount
from onema.domain.delivery.start_attempt import StartAttempt
from onema.domain.door_rows import Invitation
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import DirectoryRevision, Job, RecentRefusals, Wallet
from onema.domain.refusals import AccountAway, Refusal, Refused
from onema.domain.tables import TABLES
from onema.domain.values.phone import Phone
from onema.engine.customer_reads import CustomerReads
from onema.engine.gateway import Gateway
from onema.engine.ports import SystemEntropy
from onema.storage.postgres.account_copy import COPIED
from onema.testing.postgres_server import PostgresServer

from .cells import HASH, KEY, NORTH, SECRET, SOUTH, TwoCells, two_cells
from .node import ACCOUNT, PRICE, Node

PHONE = Phone("+84901888484")


@pytest.fixture
async def cells(server: PostgresServer, database: str, tmp_path: Path) -> AsyncIterator[TwoCells]:
    async with two_cells(server, database, tmp_path) as both:
        yield both


async def test_an_account_moves_with_all_its_rows(cells: TwoCells) -> None:
    """Messages, money, counters, live codes and jobs; where it was, its keys are told to try again."""
    codes = {}
    for number in range(20):
        phone = f"+8490188{number:04}"
        codes[phone] = await cells.north.sent_code((await cells.north.send(phone)).message)
    await cells.north.check(f"+8490188{0:04}", "wrong")
    before, balance = await cells.rows(NORTH), await cells.north.balance()
    moved = cells.move(SOUTH)
    assert moved is not None
    assert moved["rows"] == sum(map(len, before.values()))
    assert await cells.rows(SOUTH) == before
    await cells.refresh()
    assert await cells.south.balance() == await cells.south.storage.ledger_sum(ACCOUNT) == balance
    assert [await cells.south.check(phone, code) for phone, code in codes.items()] == [Check.RIGHT] * 20
    assert cells.south.committer.directory.credentials[KEY].secret == SECRET
    assert (list(cells.south.committer.directory.users), list(cells.north.committer.directory.users)) == (
        ["ann"],
        [],
    )
    with pytest.raises(AccountAway) as away:
        cells.north.committer.directory.credentials.get(KEY)
    assert (away.value.refusal, away.value.cell) == (Refusal.STORE_UNAVAILABLE, SOUTH)
    left = await cells.rows(NORTH)
    assert {table: len(rows) for table, rows in left.items() if rows} == {}


async def test_jobs_go_along_and_what_is_in_flight_stays_so(cells: TwoCells) -> None:
    """A message that may have left is not sent again; one that was only leased is due at once, and still sealed."""
    first, second = [(await cells.north.send(f"+8490188000{number}")).message for number in (1, 2)]
    until = cells.north.clock.now() + 60_000
    leased = await cells.north.storage.lease_jobs(cells.north.clock.now() + 1, until, 10)
    assert {job.id for job in leased} == {first, second}
    start = StartAttempt(
        job=first, lease=1, now=cells.north.clock.now(), lease_until=until, carrier="handset"
    )
    assert await cells.north.committer.execute(start) == 1
    cells.move(SOUTH)
    await cells.refresh()
    jobs = await cells.south.storage.read([(Job, first), (Job, second)])
    in_flight, other = jobs[Job, first], jobs[Job, second]
    assert isinstance(in_flight, Job)
    assert isinstance(other, Job)
    assert (in_flight.in_flight, in_flight.due_at) == (True, until)
    assert (other.in_flight, other.due_at) == (False, 0)
    assert len(await cells.south.sent_code(second)) == 6
    nothing_may_be_sent = 0
    too_late = msgspec.structs.replace(start, job=second)
    assert await cells.north.committer.execute(too_late) == nothing_may_be_sent


async def test_no_node_decides_for_an_account_from_the_freeze_on(cells: TwoCells) -> None:
    """A node that has not heard of it is stopped by the store: what it had decided with old knowledge is not saved."""
    deaf = await cells.node(NORTH)
    assert ACCOUNT not in deaf.committer.directory.away
    sending = [asyncio.create_task(send_until_refused(deaf, caller)) for caller in range(16)]
    await cells.north.committer.execute(PlaceAccount(account="acme", moving_to=SOUTH))
    frozen = await cells.rows(NORTH)
    accepted = sum([await one for one in sending])
    assert await cells.rows(NORTH) == frozen
    assert len(frozen["messages"]) == accepted
    assert ACCOUNT in deaf.committer.directory.away
    with pytest.raises(AccountAway):
        await deaf.check(PHONE, "123456")


@pytest.mark.parametrize("session", ["alive", "ended"])
async def test_a_node_that_was_frozen_in_a_batch_saves_nothing_after_the_move(
    cells: TwoCells, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by SIGSTOP between what it decided and its commit, and SIGCONT. The server may have ended its session."""
    frozen = await cells.node(NORTH)
    decided, goes_on = asyncio.Event(), asyncio.Event()

    def stops(commit: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        async def late(*batch: Any) -> None:
            decided.set()
            await goes_on.wait()
            await commit(*batch)

        return late

    for writer in (frozen.storage, *frozen.storage.other_writers):
        monkeypatch.setattr(writer, "commit", stops(writer.commit))
    sending = asyncio.create_task(frozen.send(PHONE))
    await decided.wait()
    if session == "ended":
        assert await cells.end_sessions(NORTH) == 1
    await cells.north.committer.execute(PlaceAccount(account="acme", moving_to=SOUTH))
    if session == "ended":
        cells.move(SOUTH)
    before = await cells.rows(NORTH)
    goes_on.set()
    with pytest.raises(Refused) as refused:
        await sending
    assert refused.value.refusal is Refusal.STORE_UNAVAILABLE
    assert await cells.rows(NORTH) == before
    assert not before["messages"]
    with pytest.raises(AccountAway):
        await frozen.send(PHONE)


async def test_what_is_read_is_not_told_by_a_node_behind_the_fence(cells: TwoCells) -> None:
    """Else one that has not heard of the move would say that there is no code, once the rows are gone."""
    deaf = await cells.node(NORTH)
    await cells.north.committer.execute(PlaceAccount(account="acme", moving_to=SOUTH))
    with pytest.raises(AccountAway):
        await deaf.check(PHONE, "123456")


async def test_what_customers_read_is_not_told_by_a_node_behind_the_fence(cells: TwoCells) -> None:
    """Neither that there is no such message nor an empty wallet; others hear what is theirs."""
    deaf, message = await cells.node(NORTH), MessageId((await cells.north.send(PHONE)).message)
    await cells.north.committer.execute(Configure(entropy=b"e" * 32, documents=(doc.Account(name="other"),)))
    await cells.north.top_up(PRICE, "one", account="other")
    gateway = Gateway(deaf.committer, deaf.clock, deaf.ids, SystemEntropy())
    reads = CustomerReads(gateway, deaf.storage)
    assert await reads.message(ACCOUNT, message)
    cells.move(SOUTH)
    assert ACCOUNT not in deaf.committer.directory.away
    assert await reads.balance(AccountId(2)) == PRICE
    for read in (reads.message(ACCOUNT, message), reads.balance(ACCOUNT), reads.code(ACCOUNT, PHONE, "code")):
        with pytest.raises(AccountAway):
            await read


async def test_other_accounts_are_decided_on_behind_a_fence(cells: TwoCells) -> None:
    """A batch that was decided with old knowledge is decided anew, not refused."""
    deaf = await cells.node(NORTH)
    other = doc.Account(name="other", countries=("*",))
    await cells.north.committer.execute(Configure(entropy=b"e" * 32, documents=(other,)))
    await cells.north.committer.execute(PlaceAccount(account="acme", moving_to=SOUTH))
    assert await deaf.top_up(PRICE, "one", account="other")
    assert (DirectoryRevision, FENCE) in await deaf.storage.read([(DirectoryRevision, FENCE)])


@pytest.mark.parametrize("line", range(5))
async def test_a_move_that_is_killed_goes_on_when_it_is_ordered_again(cells: TwoCells, line: int) -> None:
    """kill -9 at each step: afterwards the account lives in one of the cells, and the same command ends the move."""
    code = await cells.north.sent_code((await cells.north.send(PHONE)).message)
    before = await cells.rows(NORTH)
    assert cells.move(SOUTH, kill_at=line) is None
    await cells.refresh()
    lives = [
        ACCOUNT in node.committer.directory.accounts and ACCOUNT not in node.committer.directory.away
        for node in (cells.north, cells.south)
    ]
    assert sum(lives) <= 1
    cells.move(SOUTH)
    await cells.refresh()
    assert await cells.rows(SOUTH) == before
    assert await cells.south.check(PHONE, code) is Check.RIGHT
    assert {table for table, rows in (await cells.rows(NORTH)).items() if rows} == set()


async def test_an_account_comes_back(cells: TwoCells) -> None:
    """With what it has done meanwhile; what it was when it left is forgotten."""
    code = await cells.north.sent_code((await cells.north.send(PHONE)).message)
    cells.move(SOUTH)
    await cells.refresh()
    assert await cells.south.check(PHONE, code) is Check.RIGHT
    again = await cells.south.sent_code((await cells.south.send(PHONE)).message)
    there = await cells.rows(SOUTH)
    cells.move(NORTH)
    await cells.refresh()
    assert await cells.rows(NORTH) == there
    assert await cells.north.check(PHONE, again) is Check.RIGHT
    with pytest.raises(AccountAway):
        await cells.south.send(PHONE)


async def test_a_cell_that_lacks_what_an_account_names_gets_none(cells: TwoCells) -> None:
    """Its tariff, say: nothing has changed then, and the account goes on where it is."""
    tariff = doc.Tariff(name="special", rates=(doc.Rate(channel="sms", price="1"),))
    known = cells.north.committer.directory.account_named["acme"].document
    account = doc.Account(name="acme", countries=known.countries, tariff="special")
    await cells.north.committer.execute(Configure(entropy=b"e" * 32, documents=(tariff, account)))
    with cells.onema("cell", "move", "acme", "--to", SOUTH) as process:
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == 1
    assert "tariff" in said
    await cells.refresh()
    await cells.north.send(PHONE)


async def test_a_user_whose_name_is_taken_there_ends_the_move_before_it_stops_anything(
    cells: TwoCells,
) -> None:
    """Users come with the last commit, but whoever uses the account is not to pay for a name."""
    ann = doc.User(name="ann", password_hash=HASH, role="viewer")
    await cells.south.committer.execute(Configure(entropy=b"e" * 32, documents=(ann,)))
    said = cells.refused("cell", "move", "acme", "--to", SOUTH)
    assert "the user ann" in said
    assert "round" not in said
    await cells.refresh()
    await cells.north.send(PHONE)


async def test_an_account_that_moved_away_is_configured_nowhere_else(cells: TwoCells) -> None:
    """What is changed where it was would be of no use, and come to light when it moves back."""
    cells.move(SOUTH)
    await cells.refresh()
    brandname = doc.Brandname(account="acme", name="MORE")
    with pytest.raises(Refused) as refused:
        await cells.north.committer.execute(Configure(entropy=b"e" * 32, documents=(brandname,)))
    assert refused.value.refusal is Refusal.CONFLICT
    assert "south" in refused.value.detail


async def test_a_number_of_an_account_that_came_is_not_given_again(cells: TwoCells) -> None:
    """Rows are keyed by it."""
    cells.move(SOUTH)
    await cells.refresh()
    other = doc.Account(name="other")
    await cells.south.committer.execute(Configure(entropy=b"e" * 32, documents=(other,)))
    assert cells.south.committer.directory.account_named["other"].id == 2


async def test_the_cells_are_asked_who_lives_where(cells: TwoCells) -> None:
    """And a cell's numbers begin where the operator says, so that two cells do not give the same."""
    said = await asyncio.to_thread(cells.ask, "cell", "list")
    assert said == [{"account": "acme", "number": 1, "cell": NORTH, "moving_to": ""}]
    assert await asyncio.to_thread(cells.ask, "cell", "number", SOUTH, "--after", "1000000") == {
        "cell": SOUTH,
        "last_number": 1_000_000,
    }
    other = doc.Account(name="other")
    await cells.south.committer.execute(Configure(entropy=b"e" * 32, documents=(other,)))
    assert cells.south.committer.directory.account_named["other"].id == 1_000_001
    assert len(await asyncio.to_thread(cells.ask, "cell", "list")) == 2


def test_every_table_of_accounts_goes_along_or_is_known_to_stay() -> None:
    """Whoever makes a table says what becomes of it when an account moves."""
    of_accounts = {one for one in TABLES if "account" in one.__struct_fields__}
    stays = {RecentRefusals, AuditEntry, Invitation}
    assert of_accounts == {*COPIED, Wallet, Job, *stays}


async def send_until_refused(node: Node, caller: int) -> int:
    """How many were accepted."""
    accepted = 0
    while True:
        try:
            await node.send(f"+849{caller:03}{accepted:05}")
        except AccountAway:
            return accepted
        accepted += 1
