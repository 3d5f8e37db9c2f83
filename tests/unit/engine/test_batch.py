import asyncio
from collections.abc import Iterable

import msgspec
import pytest

from onema.domain.configuration.directory import Directory
from onema.domain.decision import Context, Decision, World
from onema.domain.keyring import Keyring
from onema.domain.records import Key, Wallet
from onema.domain.refusals import Refusal, Refused
from onema.engine.batch import Batch, Pending, gather

CONTEXT = Context(Directory({}), Keyring(b"k" * 32))


class Touch(msgspec.Struct, frozen=True):
    """Needs wallets; one of a negative number cannot tell its keys."""

    accounts: tuple[int, ...]

    def keys(self, context: Context) -> Iterable[Key]:
        if min(self.accounts) < 0:
            raise Refused(Refusal.CREDENTIAL_UNKNOWN)
        return [(Wallet, account) for account in self.accounts]

    def decide(self, world: World, context: Context) -> Decision:
        return Decision(True)


@pytest.fixture
def loop() -> Iterable[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def waiting(loop: asyncio.AbstractEventLoop, *accounts: tuple[int, ...]) -> list[Pending]:
    return [Pending(Touch(each), loop.create_future()) for each in accounts]


def accounts(pending: Iterable[Pending]) -> list[tuple[int, ...]]:
    return [each.command.accounts for each in pending if isinstance(each.command, Touch)]


def test_a_batch_takes_the_longest_waiting(loop: asyncio.AbstractEventLoop) -> None:
    """Up to its limit; the others keep their order."""
    batch, left = gather(waiting(loop, (1,), (2,), (1,), (3,)), CONTEXT, 2)
    assert (accounts(batch.pending), accounts(left)) == ([(1,), (2,)], [(1,), (3,)])
    assert batch.keys == {(Wallet, 1), (Wallet, 2)}


def test_a_batch_shares_no_row_with_others_in_flight(loop: asyncio.AbstractEventLoop) -> None:
    """What does would only wait for them in the database, with everybody else of its batch."""
    batch, left = gather(waiting(loop, (1,), (2,), (3, 4), (5,)), CONTEXT, 9, {(Wallet, 1)}, {(Wallet, 4)})
    assert (accounts(batch.pending), accounts(left)) == ([(2,), (5,)], [(1,), (3, 4)])


def test_commands_that_share_a_row_keep_their_order(loop: asyncio.AbstractEventLoop) -> None:
    """Nobody overtakes one that has to wait, so that it waits for one batch and not for ever."""
    batch, left = gather(waiting(loop, (1, 2), (2, 3), (3,), (4,)), CONTEXT, 9, {(Wallet, 1)})
    assert (accounts(batch.pending), accounts(left)) == ([(4,)], [(1, 2), (2, 3), (3,)])


def test_a_command_that_cannot_tell_its_rows_is_not_decided(loop: asyncio.AbstractEventLoop) -> None:
    """It goes with the batch, and its caller gets the reason; with a newer configuration it is asked again."""
    pending = waiting(loop, (-1,), (1,))
    batch, _ = gather(pending, CONTEXT, 9)
    assert batch.keys == {(Wallet, 1)}
    assert [each.keys for each in batch.pending] == [None, ((Wallet, 1),)]
    assert isinstance(pending[0].decision, Refused)
    pending[0].command = Touch((2,))
    newer, _ = gather(pending, Context(Directory({}), CONTEXT.keyring), 9)
    assert newer.keys == {(Wallet, 1), (Wallet, 2)}


def test_a_batch_is_halved(loop: asyncio.AbstractEventLoop) -> None:
    """Every command is in one half."""
    batch = Batch(CONTEXT)
    batch.pending = waiting(loop, (1,), (2,), (3,))
    first, second = batch.halves()
    assert (accounts(first.pending), accounts(second.pending)) == ([(1,)], [(2,), (3,)])
