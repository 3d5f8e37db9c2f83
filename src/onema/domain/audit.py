"""The audit log: what somebody changed by hand, written in the same batch as the change. Nothing takes a row back."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from onema.domain.decision import Command, Context, Decision, World
from onema.domain.records import Key, Row


class AuditEntry(Row, frozen=True, gc=False):
    """One thing that somebody changed: entry `part` of the order `id`.

    `actor` came as `how` says (user, key, command line, server) from `address`, as `role`. `account` is the name of the
    account that it concerns, empty for what belongs to none. `before` and `after` are JSON objects of the fields that
    differ, with secrets masked; of an order that changes no document `after` is what was ordered.
    """

    table = "audit"
    key_columns = 2

    id: int
    part: int
    account: str
    at: int
    actor: str
    how: str
    role: str
    address: str
    what: str
    subject: str
    before: bytes
    after: bytes


class Audited(msgspec.Struct, frozen=True):
    """Does what `command` does, and keeps `entries` of it when it changes anything. Result and errors are its."""

    command: Command
    entries: tuple[AuditEntry, ...]

    def keys(self, context: Context) -> Iterable[Key]:
        return self.command.keys(context)

    def decide(self, world: World, context: Context) -> Decision:
        decision = self.command.decide(world, context)
        if not (decision.puts or decision.inserts or decision.deletes):
            return decision
        return msgspec.structs.replace(decision, inserts=(*decision.inserts, *self.entries))


def by_the_server(
    identifier: int, at: int, account: str, what: str, subject: str, after: Mapping[str, Any]
) -> AuditEntry:
    """The entry of what the server changes because of what it was told, which nobody ordered."""
    encoded = msgspec.json.encode(after)
    return AuditEntry(
        identifier, 0, account, at, "onema", "server", "owner", "", what, subject, before=b"{}", after=encoded
    )


def difference(before: Any, after: Any, shown_before: Any, shown_after: Any) -> tuple[Any, Any]:
    """What of two objects differs, as the shown ones say it: theirs have the same members, with secrets masked."""
    old: dict[str, Any] = {}
    new: dict[str, Any] = {}
    for name in sorted({*before, *after}):
        one, other = before.get(name), after.get(name)
        if one == other:
            continue
        said, says = shown_before.get(name), shown_after.get(name)
        if all(isinstance(each, dict) for each in (one, other, said, says)):
            said, says = difference(one, other, said, says)
        if name in before:
            old[name] = said
        if name in after:
            new[name] = says
    return old, new
