"""What people look through in the embedded store: lists, each from one statement."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import apsw

from onema.domain.audit import AuditEntry
from onema.domain.door_rows import Invitation
from onema.domain.guard.rows import GuardSubject
from onema.domain.ids import AccountId, MessageId
from onema.domain.live_figures import LiveFigures
from onema.domain.records import (
    Call,
    CarrierReference,
    DeadJob,
    Event,
    Key,
    LedgerEntry,
    LiveVerification,
    Message,
    ProcessReport,
    Row,
    Window,
)
from onema.domain.values.phone import Phone
from onema.storage.contract import NEWEST_ENTRY
from onema.storage.sqlite.driver_errors import DRIVER_ERRORS
from onema.storage.statements import rows_after

R = TypeVar("R", bound=Row)


class SqliteLists:
    """The part of SqliteStorage that only reads; it gets connection and statements there."""

    _queries: Mapping[str, str]
    _reader: apsw.Connection

    async def read_after(self, row_type: type[R], after: Key | None, limit: int) -> Sequence[R]:
        statement = rows_after(row_type, parameter="?", begins=after is None)
        with DRIVER_ERRORS:
            found = self._reader.execute(statement, (*(after or ())[1:], limit))
            return [row_type(*values) for values in found]

    async def read_messages(self, account: AccountId, before: int, limit: int) -> Sequence[Message]:
        bindings = {"account": account, "before": before, "limit": limit}
        return self._rows(self._reader, Message, "messages", bindings)

    async def read_about(
        self, account: AccountId, phone: Phone
    ) -> Sequence[LiveVerification | Window | GuardSubject]:
        bindings = {"account": account, "phone": phone}
        return [
            *self._rows(self._reader, LiveVerification, "codes_of_phone", bindings),
            *self._rows(self._reader, Window, "windows_of_phone", bindings),
            *self._rows(self._reader, GuardSubject, "guard_of_phone", bindings),
        ]

    async def read_messages_together(
        self, account: AccountId, first: MessageId, before: int, limit: int
    ) -> Sequence[Message]:
        bindings = {"account": account, "first": first, "before": before, "limit": limit}
        return self._rows(self._reader, Message, "messages_together", bindings)

    async def read_events(self, account: AccountId, before: tuple[int, int], limit: int) -> Sequence[Event]:
        subject, identifier = before
        bindings = {"account": account, "subject": subject, "id": identifier, "limit": limit}
        return self._rows(self._reader, Event, "events", bindings)

    async def read_calls(self, account: AccountId, before: int, limit: int) -> Sequence[Call]:
        bindings = {"account": account, "before": before, "limit": limit}
        return self._rows(self._reader, Call, "calls", bindings)

    async def read_dead_jobs(self, before: int, limit: int) -> Sequence[DeadJob]:
        return self._rows(self._reader, DeadJob, "dead_jobs", {"before": before, "limit": limit})

    async def read_audit(
        self, account: str | None, before: tuple[int, int], limit: int
    ) -> Sequence[AuditEntry]:
        bindings: dict[str, Any] = {"id": before[0], "entry": before[1], "limit": limit}
        if account is None:
            return self._rows(self._reader, AuditEntry, "audit", bindings)
        bindings["account_name"] = account
        return self._rows(self._reader, AuditEntry, "audit_of_account", bindings)

    async def read_invitations(self, account: str, limit: int) -> Sequence[Invitation]:
        bindings: dict[str, Any] = {"of_account": account, "limit": limit}
        return self._rows(self._reader, Invitation, "invitations", bindings)

    async def read_unmatched_receipts(self, carrier: str, limit: int) -> Sequence[CarrierReference]:
        bindings: dict[str, Any] = {"carrier": carrier, "limit": limit}
        return self._rows(self._reader, CarrierReference, "unmatched_receipts", bindings)

    async def read_process_reports(self) -> Sequence[ProcessReport]:
        return self._rows(self._reader, ProcessReport, "process_reports", {})

    async def read_live_figures(self, slot: int) -> Sequence[LiveFigures]:
        return self._rows(self._reader, LiveFigures, "live_figures", {"slot": slot})

    async def read_ledger(
        self, account: AccountId, limit: int, before: tuple[int, str] = NEWEST_ENTRY
    ) -> Sequence[LedgerEntry]:
        subject, kind = before
        values = {"account": account, "limit": limit, "subject": subject, "kind": kind}
        return self._rows(self._reader, LedgerEntry, "ledger", values)

    def _rows(
        self, connection: apsw.Connection, row: type[R], query: str, bindings: dict[str, Any]
    ) -> list[R]:
        with DRIVER_ERRORS:
            return [row(*values) for values in connection.execute(self._queries[query], bindings)]
