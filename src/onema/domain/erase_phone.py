"""Forget whose number it was: of what is over, the number and all that tells of its person goes; money stays.

What a person may ask for by law (GDPR article 17; Vietnam's law 91/2025/QH15 on personal data).
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from onema.domain.codes.refused_text import KEPT
from onema.domain.decision import Context, Decision, World
from onema.domain.guard.rows import GuardSubject
from onema.domain.ids import AccountId
from onema.domain.records import Attempt, Call, Event, InboxItem, Key, LiveVerification, Message, Row, Window
from onema.domain.values.phone import Phone

ERASED = Phone("+0")
"""Stands in the place of a number that was forgotten; nobody has it (ITU-T E.164: no country code begins with 0)."""


class ErasePhone(msgspec.Struct, frozen=True, kw_only=True):
    """Erase `phone` from some rows of an account: messages with all that belongs to them, live codes, windows and what
    the guard counts. A message that is still under way keeps its number, and so does what belongs to it.

    Result: how many rows of each table were erased, and as "under way" how many messages are left.
    """

    account: AccountId
    phone: Phone
    rows: tuple[Key, ...]

    def keys(self, context: Context) -> Iterable[Key]:
        return self.rows

    def decide(self, world: World, context: Context) -> Decision:
        under_way = {
            row.id
            for row in (world.get(*key) for key in self.rows)
            if isinstance(row, Message) and not row.ended_at
        }
        puts: list[Row] = []
        deletes: list[Key] = []
        counted: Counter[str] = Counter()
        for key in self.rows:
            row = world.get(*key)
            if row is None or _message_of(row) in under_way:
                continue
            if isinstance(row, LiveVerification | Window | InboxItem | GuardSubject):
                deletes.append(row.key)
            elif (erased := _erased(row, self.phone)) != row:
                puts.append(erased)
            else:
                continue
            counted[row.table] += 1
        if under_way:
            counted["under way"] = len(under_way)
        result: Mapping[str, int] = dict(counted)
        return Decision(result, puts=tuple(puts), deletes=tuple(deletes))


def _message_of(row: Row) -> int:
    match row:
        case Message() | InboxItem():
            return row.id
        case Attempt() | Call():
            return row.message
        case Event():
            return row.subject
        case LiveVerification():
            return row.verification
    return 0


def _erased(row: Row, phone: Phone) -> Row:
    match row:
        case Message():
            return msgspec.structs.replace(row, phone=ERASED, reference="", client_ip="", callback_url="")
        case Attempt():
            return msgspec.structs.replace(row, detail="")
        case Call():
            return msgspec.structs.replace(row, keys="", trace=b"")
        case Event():
            return msgspec.structs.replace(row, data="") if _quotes(row, phone) else row
    return row


def _quotes(event: Event, phone: Phone) -> bool:
    """Whether it may hold the number, or a text that was sent to it, which rests sealed."""
    return event.kind == KEPT or phone[3:] in event.data
