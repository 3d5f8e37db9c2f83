"""Addresses that answered 410, decided on rows alone."""

from onema.domain.audit import Audited, AuditEntry, by_the_server
from onema.domain.delivery.gone_addresses import GoneAddress, SwitchAddressOff, SwitchAddressOn, gone_key
from onema.domain.ids import AccountId
from onema.testing.pure_store import PureStore, context_of

ACCOUNT = AccountId(1)
URL = "https://shop.example/events?token=secret"


def off(store: PureStore, now: int) -> bool:
    entry = by_the_server(now, now, "acme", "switch_address_off", "callback address at shop.example", {})
    command = SwitchAddressOff(account=ACCOUNT, url=URL, host="shop.example", now=now)
    was_online: bool = store.run(Audited(command, (entry,)))
    return was_online


def test_an_address_is_switched_off_once_and_that_is_written_down_once() -> None:
    """Many events may be answered so at the same time; of the URL only its host can be read."""
    store = PureStore(context_of())
    assert [off(store, 5), off(store, 6)] == [True, False]
    assert store.rows[gone_key(ACCOUNT, URL)] == GoneAddress(
        ACCOUNT, gone_key(ACCOUNT, URL)[2], "shop.example", 5
    )
    assert [row.at for row in store.rows.values() if isinstance(row, AuditEntry)] == [5]
    assert "secret" not in str(store.rows)


def test_one_that_was_put_online_may_go_again() -> None:
    """To put one online that is, changes nothing; another account's is another address."""
    store = PureStore(context_of())
    assert off(store, 5)
    assert store.run(SwitchAddressOn(account=AccountId(2), url=URL)) is False
    assert store.run(SwitchAddressOn(account=ACCOUNT, url=URL)) is True
    assert store.run(SwitchAddressOn(account=ACCOUNT, url=URL)) is False
    assert gone_key(ACCOUNT, URL) not in store.rows
    assert off(store, 9)
