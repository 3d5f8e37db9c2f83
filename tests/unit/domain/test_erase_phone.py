"""What is erased of a number, and what is not yet."""

import pytest
from msgspec.structs import replace

from onema.domain.codes.refused_text import KEPT
from onema.domain.erase_phone import ERASED, ErasePhone
from onema.domain.guard.rows import GuardSubject
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Attempt, Call, Event, InboxItem, LiveVerification, Message, Row, Window
from onema.domain.tables import TABLES
from onema.domain.values.phone import Phone
from onema.testing.conformance.storage import ACCOUNT, message, sample
from onema.testing.pure_store import PureStore, context_of

PHONE = Phone("+84901888484")
NATIONAL = PHONE[3:]
OVER = replace(
    message(5), phone=PHONE, reference="her", client_ip="192.0.2.1", callback_url="/her", ended_at=9
)


def rows(of: Message) -> tuple[Row, ...]:
    attempt = replace(sample(Attempt), account=ACCOUNT, message=of.id, number=1, detail=f"no {NATIONAL}")
    call = replace(sample(Call), account=ACCOUNT, message=of.id, attempt=1, keys="12", trace=b"INVITE")
    quoting = Event(ACCOUNT, of.id, 11, "receipt: undelivered", f"no {NATIONAL}")
    other = Event(ACCOUNT, of.id, 12, "verified", "")
    text = Event(ACCOUNT, of.id, 13, KEPT, "00ff")
    shown = InboxItem(of.id, PHONE, "sms", "Acme", b"sealed")
    return of, attempt, call, quoting, other, text, shown


def erased(*given: Row, account: AccountId = ACCOUNT) -> tuple[PureStore, dict[str, int]]:
    store = PureStore(context_of())
    store.rows = {row.key: row for row in given}
    result = store.run(ErasePhone(account=account, phone=PHONE, rows=tuple(store.rows)))
    return store, result


def test_what_is_over_keeps_neither_number_nor_what_tells_of_its_person() -> None:
    """Its price, its states and the times stay."""
    store, counted = erased(*rows(OVER))
    assert counted == {"messages": 1, "attempts": 1, "calls": 1, "events": 2, "inbox": 1}
    told = store.rows[OVER.key]
    assert told == replace(OVER, phone=ERASED, reference="", client_ip="", callback_url="")
    assert not any(NATIONAL in repr(row) for row in store.rows.values())
    assert not any(isinstance(row, InboxItem) for row in store.rows.values())
    assert {row.data for row in store.rows.values() if isinstance(row, Event)} == {""}


def test_what_is_under_way_is_left_and_told() -> None:
    """A message without its number could not be sent, and its code not be checked."""
    going = replace(OVER, id=MessageId(6), ended_at=0)
    live = replace(sample(LiveVerification), account=ACCOUNT, phone=PHONE, purpose="a", verification=6)
    store, counted = erased(*rows(going), live)
    assert counted == {"under way": 1}
    assert set(store.rows) == {row.key for row in (*rows(going), live)}


def test_codes_and_windows_go() -> None:
    """They are kept by the number."""
    live = replace(sample(LiveVerification), account=ACCOUNT, phone=PHONE, purpose="a", verification=5)
    window = Window(ACCOUNT, "phone", PHONE, "600:1:2", 9)
    guarded = GuardSubject(ACCOUNT, f"number {PHONE}", b"state", 9)
    store, counted = erased(OVER, live, window, guarded)
    assert counted == {"messages": 1, "live_verifications": 1, "windows": 1, "guard_subjects": 1}
    assert set(store.rows) == {OVER.key}


@pytest.mark.parametrize("row_type", TABLES)
def test_every_table_with_a_number_is_known(row_type: type[Row]) -> None:
    """A new one with a Phone in it must be erased, too."""
    has_number = any(annotation is Phone for annotation in row_type.__annotations__.values())
    assert has_number == (row_type in (Message, LiveVerification, InboxItem))
