"""Forgetting what is older than it is kept, a little of every account at a time."""

from collections.abc import Mapping
from typing import Any

import apsw

from onema.storage.sqlite.searching import drop_oldest_part


def drop_old(writer: apsw.Connection, queries: Mapping[str, str], cut: int, moment: int, limit: int) -> None:
    """What has ids under `cut`, which is `moment`."""
    for (account,) in writer.execute(queries["accounts_with_money"]).fetchall():
        bindings: dict[str, Any] = {"account": account, "cut": cut, "limit": limit}
        for name in ("drop_messages", "drop_attempts", "drop_calls", "drop_events"):
            writer.execute(queries[name], bindings)
        _close_ledger(writer, queries, bindings, moment)
        drop_oldest_part(writer, queries, bindings)
    writer.execute(queries["drop_dead_jobs"], {"cut": cut, "limit": limit})


def forget_ended(
    writer: apsw.Connection, queries: Mapping[str, str], account: int, cut: int, limit: int
) -> int:
    """Messages of an account that have ended, with ids under `cut`; how many went."""
    bindings: dict[str, Any] = {"account": account, "cut": cut, "limit": limit}
    gone = [{"account": account, "id": number} for (number,) in writer.execute(queries["ended"], bindings)]
    for name in ("forget_attempts", "forget_calls", "forget_events", "forget_message"):
        writer.executemany(queries[name], gone)
    drop_oldest_part(writer, queries, bindings)
    return len(gone)


def _close_ledger(
    writer: apsw.Connection, queries: Mapping[str, str], bindings: dict[str, Any], at: int
) -> None:
    """Old entries become one, so that the balance stays the sum of what is left."""
    old = writer.execute(queries["oldest_ledger"], bindings).fetchall()
    if not old:
        return
    account = bindings["account"]
    writer.executemany(
        queries["drop_ledger_entry"],
        [{"account": account, "subject": subject, "kind": kind} for subject, kind, _ in old],
    )
    amounts: list[Any] = [amount for _, _, amount in old]
    writer.execute(queries["close_ledger"], {"account": account, "amount": sum(amounts), "at": at})
