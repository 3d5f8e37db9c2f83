"""Limits that operators set themselves."""

from typing import Any

import pytest

from onema.domain.configuration.documents import GuardLimit

from .senders import DAY, HOUR, MINUTE, Sender

OPEN: dict[str, Any] = {"country_hour": 10**6, "country_day": 10**6, "rules": {"number_range": "off"}}
CHINA = tuple(
    GuardLimit(per="phone", seconds=seconds, limit=limit, how="clock", prefix="+86", offset_minutes=480)
    for seconds, limit in ((60, 1), (3_600, 5), (86_400, 10))
)


def test_china_s_windows_begin_with_its_clock() -> None:
    """One a minute, five an hour, ten a day in UTC+8; a day there ends at 16:00 UTC."""
    sender, phone = Sender(limits=CHINA, **OPEN), "+8613812345678"
    sender.now += 8 * HOUR
    day = []
    for minute in range(8 * 60):
        if not sender.rules(phone):
            day.append(minute)
        sender.now += MINUTE
    assert day == [0, 1, 2, 3, 4, 60, 61, 62, 63, 64]
    assert sender.rules(phone) == []
    assert sender.rules(phone) == ["limits"]


def test_limits_hold_for_numbers_of_their_prefix_alone() -> None:
    """China's say nothing of Viet Nam."""
    sender = Sender(limits=CHINA, **OPEN)
    assert [sender.rules() for _ in range(5)] == [[]] * 5


PERS = [
    ("phone", {}, {"phone": "+84901888485"}, "repeated_attempts"),
    ("phone-2", {"phone": "+84901888499"}, {"phone": "+84901888384"}, "number_range_abuse"),
    ("phone-3", {"phone": "+84901888199"}, {"phone": "+84901887384"}, "number_range_abuse"),
    ("phone-4", {"phone": "+84901885199"}, {"phone": "+84901877384"}, "number_range_abuse"),
    ("country", {"phone": "+84912345678"}, {"phone": "+8562052345678"}, "repeated_attempts"),
    ("client_ip", {"phone": "+84912345678"}, {"person_ip": "198.51.100.8"}, "ip_concentration"),
    ("network", {"person_ip": "198.51.100.8"}, {"person_ip": "198.51.101.7"}, "ip_concentration"),
    ("device", {"phone": "+84912345678"}, {"device": "d-2"}, "device_reuse"),
    ("application", {"phone": "+84912345678"}, {"application": "other"}, "repeated_attempts"),
    ("account", {"application": "other"}, None, "repeated_attempts"),
]


@pytest.mark.parametrize(("per", "same", "other", "reason"), PERS, ids=[row[0] for row in PERS])
def test_each_subject_is_counted_by_itself(
    per: Any, same: dict[str, Any], other: dict[str, Any] | None, reason: str
) -> None:
    """Two an hour of one; another one has its own two. The reason says what kind of subject it was."""
    limits = (GuardLimit(per=per, seconds=3_600, limit=2),)
    sender = Sender(limits=limits, **OPEN, address_hour=1_000, address_day=1_000)
    asked: dict[str, Any] = {"phone": "+84901888484", "person_ip": "198.51.100.7", "device": "d-1"}
    asked |= {"application": "app"}
    assert sender.rules(**asked) == []
    assert sender.rules(**asked | same) == []
    assert sender.rules(**asked) == ["limits"]
    if other is not None:
        assert sender.rules(**asked | other) == []
    recording = Sender(limits=limits, mode="record")
    found = [recording.send(**asked).found for _ in range(3)][-1]
    assert reason in [one.reason for one in found if one.rule == "limits"]


def test_a_limit_per_device_counts_nothing_where_no_device_is_named() -> None:
    """Or all who name none would share one."""
    sender = Sender(limits=(GuardLimit(per="device", seconds=3_600, limit=1),), **OPEN)
    assert [sender.rules() for _ in range(3)] == [[]] * 3


def test_a_limit_may_have_a_mode_of_its_own() -> None:
    """Stricter or milder than the guard's."""
    recorded = GuardLimit(per="account", seconds=3_600, limit=1, mode="record")
    sender = Sender(limits=(recorded,), **OPEN)
    sender.send()
    assert [found.mode for found in sender.send().found] == ["record"]


def test_a_bucket_leaks_evenly() -> None:
    """Ten an hour are one each six minutes, once ten were had."""
    sender = Sender(limits=(GuardLimit(per="account", seconds=3_600, limit=10),), **OPEN)
    assert [sender.rules() for _ in range(12)] == [[]] * 10 + [["limits"]] * 2
    sender.now += 6 * MINUTE
    assert [sender.rules() for _ in range(2)] == [[], ["limits"]]
    sender.now += DAY
    assert [sender.rules() for _ in range(11)].count([]) == 10
