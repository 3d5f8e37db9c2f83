"""No stranger can lock the owner of a number out."""

import pytest

from onema.domain.configuration import documents as doc
from onema.domain.refusals import Refusal, Refused

from .senders import DAY, HOUR, PHONE, Sender
from .test_budgets import strangers

PER_PHONE = (doc.WindowLimit(per="phone", seconds=86_400, limit=3),)


def test_a_number_that_was_verified_here_spends_no_country_s_budget() -> None:
    """An attack on the country leaves its owners alone, for as long as they are known."""
    sender = Sender(known_days=10)
    sender.verify()
    for phone in strangers(10):
        sender.rules(phone)
    assert sender.rules("+84987654321") == ["country_budget"]
    assert sender.rules(PHONE) == []
    sender.now += 11 * DAY
    for phone in strangers(10, 50):
        sender.rules(phone)
    assert sender.rules(PHONE) == ["country_budget"]


def test_it_is_known_to_the_application_that_verified_it() -> None:
    """To the others it is a stranger's."""
    sender = Sender()
    sender.verify(application="app")
    for phone in strangers(10):
        sender.rules(phone)
    assert sender.rules(PHONE, application="app") == []
    assert sender.rules(PHONE, application="other") == ["country_budget"]


def test_a_known_number_has_a_small_limit_of_its_own() -> None:
    """Five an hour and ten a day, to begin with; a code that is typed in gives its one back."""
    sender = Sender()
    sender.verify()
    assert [sender.rules() for _ in range(6)] == [[]] * 5 + [["purses"]]
    sender.now += HOUR
    assert [sender.rules() for _ in range(6)].count([]) == 5
    careful = Sender()
    for _ in range(30):
        careful.verify()


def test_a_stranger_cannot_lock_the_owner_out() -> None:
    """Whoever asks from elsewhere draws on the account's windows, and the owner on the number's own purse."""
    sender = Sender(windows=PER_PHONE)
    home = {"person_ip": "198.51.100.7"}
    sender.verify(**home)
    for _ in range(2):
        sender.send(person_ip="203.0.113.66")
    with pytest.raises(Refused) as caught:
        sender.send(person_ip="203.0.113.66")
    assert caught.value.refusal is Refusal.RATE_LIMITED
    assert sender.rules(**home) == []
    assert sender.rules(person_ip="198.51.100.99") == []


def test_a_device_is_known_wherever_it_is() -> None:
    """A phone moves from one network to the next."""
    sender = Sender(windows=PER_PHONE)
    sender.verify(person_ip="198.51.100.7", device="d-1")
    for _ in range(2):
        sender.send(person_ip="203.0.113.66", device="d-2")
    with pytest.raises(Refused):
        sender.send(person_ip="203.0.113.66", device="d-2")
    assert sender.rules(person_ip="192.0.2.1", device="d-1") == []


def test_windows_per_phone_count_the_owner_too_while_nothing_is_enforced() -> None:
    """Recording changes nothing for anybody."""
    sender = Sender(windows=PER_PHONE, mode="record")
    sender.verify()
    sender.send()
    sender.send()
    with pytest.raises(Refused) as caught:
        sender.send()
    assert caught.value.refusal is Refusal.RATE_LIMITED


def test_refused_messages_lengthen_nothing() -> None:
    """Who waits as long as the limit says may send again, whatever was refused meanwhile."""
    sender = Sender(known_hour=1, known_day=100)
    sender.verify()
    sender.send()
    for _ in range(10):
        sender.now += HOUR // 11
        assert sender.rules() == ["purses"]
    sender.now += HOUR - HOUR // 11 * 10
    assert sender.rules() == []
