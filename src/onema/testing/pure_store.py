"""Deciding commands over a dict, without a committer or an event loop: for tests of the pure core."""

from typing import Any

from onema.domain.configuration.directory import Directory
from onema.domain.configuration.documents import Document
from onema.domain.decision import Command, Context, World
from onema.domain.ids import AccountId
from onema.domain.keyring import Keyring
from onema.domain.records import Key, LedgerEntry, Row, Wallet


def context_of(*documents: Document) -> Context:
    """A directory of these documents; accounts are numbered by the caller."""
    keyed = {(document.kind, document.identity): document for document in documents}
    return Context(Directory(keyed, revision=1), Keyring(b"k" * 32))


class PureStore:
    """Rows by key; `run` decides one command on them."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.rows: dict[Key, Row] = {}

    def run(self, command: Command) -> Any:
        """The command's result, with its changes applied, also those of what follows from it. Raises what it raises,
        changing nothing.
        """
        keys = set(command.keys(self.context))
        world = World({key: self.rows[key] for key in keys if key in self.rows})
        decision = command.decide(world, self.context)
        touched = {row.key for row in decision.puts} | set(decision.deletes)
        assert touched <= keys, "a command changes only rows that it named"
        world.apply(decision)
        for key, row in world.written.items():
            self.rows.pop(key, None)
            if row is not None:
                self.rows[key] = row
        for row in world.inserted:
            assert row.key not in self.rows, f"{row.table}: inserted twice"
            self.rows[row.key] = row
        if decision.then is not None:
            self.run(decision.then)
        return decision.result

    def balance(self, account: AccountId) -> int:
        wallet = self.rows.get((Wallet, account))
        return wallet.balance if isinstance(wallet, Wallet) else 0

    def ledger(self, account: AccountId) -> list[LedgerEntry]:
        return [row for row in self.rows.values() if isinstance(row, LedgerEntry) and row.account == account]
