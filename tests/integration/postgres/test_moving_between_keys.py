"""An account moves only where what rests under its cell's server keys can be read (docs/operations/keys.md)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from onema.domain.codes.check_code import Check
from onema.domain.configuration import documents as doc
from onema.domain.configuration.claim_store import ClaimStore
from onema.domain.configuration.move_account import ReceiveAccount
from onema.domain.keyring import Keyring, ServerKey
from onema.domain.refusals import Refused
from onema.domain.server_keys.change_keys import UseKey
from onema.testing.postgres_server import PostgresServer

from .cells import KEY, NORTH, SECRET, SOUTH, TwoCells, two_cells
from .node import Node

PHONE = "+84901888484"
FIRST, LATER = ServerKey(b"k" * 32), ServerKey(b"l" * 32, named=True)
BOTH = f"{'6b' * 32},named:{'6c' * 32}"


@pytest.fixture
async def cells(server: PostgresServer, database: str, tmp_path: Path) -> AsyncIterator[TwoCells]:
    async with two_cells(server, database, tmp_path) as both:
        await both.north.committer.execute(ClaimStore())
        yield both


async def refuses(cells: TwoCells) -> str:
    """What the move says; the account goes on where it was, and the other cell has nothing of it."""
    said = cells.refused("cell", "move", "acme", "--to", SOUTH)
    await cells.refresh()
    assert not cells.south.committer.directory.of_account("acme")
    assert {table for table, rows in (await cells.rows(SOUTH)).items() if rows} == set()
    await cells.north.send(PHONE)
    return said


async def use(node: Node, key: ServerKey) -> None:
    """As `onema key use` does."""
    node.keyring.take((FIRST, LATER), node.keyring.fingerprint)
    await node.committer.execute(ClaimStore())
    assert await node.committer.execute(UseKey(key.fingerprint))
    node.keyring.use(key.fingerprint)


async def test_a_cell_of_another_server_key_gets_no_account(cells: TwoCells) -> None:
    """Whoever orders the move has the one's key only: the text names the cell, and nothing was copied."""
    await cells.north.send(PHONE)
    stranger = await cells.node(SOUTH, Keyring(LATER))
    assert await stranger.committer.execute(ClaimStore()) == LATER.fingerprint
    said = await refuses(cells)
    assert "The cell south" in said
    assert "keys.md" in said


async def test_an_account_waits_until_the_other_cell_uses_its_key(cells: TwoCells) -> None:
    """Also where both keys are in the hands of whoever orders it: the nodes of that cell may lack one of them, and
    codes, secrets and jobs would be lost.
    """
    cells.keys = BOTH
    await cells.south.committer.execute(ClaimStore())
    await use(cells.north, LATER)
    code = await cells.north.sent_code((await cells.north.send("+84901888485")).message)
    said = await refuses(cells)
    assert f"onema key use {LATER.id}" in said
    await use(cells.south, LATER)
    cells.move(SOUTH)
    await cells.refresh()
    assert await cells.south.check("+84901888485", code) is Check.RIGHT


async def test_an_account_moves_to_a_cell_that_has_its_key_still(cells: TwoCells) -> None:
    """The other way round nothing is to be waited for: what was made under the former key is read there."""
    cells.keys = BOTH
    sent = await cells.north.send(PHONE)
    code = await cells.north.sent_code(sent.message)
    await use(cells.south, LATER)
    cells.move(SOUTH)
    await cells.refresh()
    assert await cells.south.sent_code(sent.message) == code
    assert await cells.south.check(PHONE, code) is Check.RIGHT
    assert cells.south.committer.directory.credentials[KEY].secret == SECRET
    said = cells.refused("cell", "move", "acme", "--to", NORTH)
    assert f"onema key use {LATER.id}" in said


async def test_documents_come_under_no_key_that_the_cell_has_done_without_meanwhile(cells: TwoCells) -> None:
    """Whoever moves an account for long has not heard that the key was changed: no node there could start any more."""
    other = await cells.node(SOUTH, Keyring(LATER))
    await other.committer.execute(ClaimStore())
    account = doc.Account(name="acme", number=1)
    receive = ReceiveAccount(
        cell=SOUTH, entropy=b"e" * 32, server_keys=(LATER.fingerprint,), documents=(account,), lives_here=True
    )
    with pytest.raises(Refused, match="another server key"):
        await cells.south.committer.execute(receive)
    await other.committer.execute(receive)
