"""Numbers beside each other, and prefixes whose codes nobody types in any more."""

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from onema.domain.guard import prefix
from onema.domain.guard.prefix import PrefixState, converts_poorly, look_around

from .senders import DAY, MINUTE, Sender

OPEN: dict[str, Any] = {"country_hour": 10**6, "country_day": 10**6}


def test_a_run_of_adjacent_numbers_is_found_at_its_fourth() -> None:
    """One after the other, or the other way round."""
    for step in (1, -1):
        sender = Sender(**OPEN)
        phones = [f"+849018880{50 + step * number:02d}" for number in range(6)]
        assert [sender.rules(phone) for phone in phones] == [[]] * 3 + [["number_range"]] * 3


def test_numbers_of_one_block_of_a_thousand_are_a_run_however_they_are_mixed() -> None:
    """Also between messages to other people."""
    sender, draw = Sender(**OPEN), random.Random(1)
    found = 0
    for _ in range(40):
        sender.rules(f"+84901{draw.randrange(500_000):06d}")
        found += bool(sender.rules(f"+84901888{draw.randrange(1_000):03d}"))
    assert found > 30


def test_people_are_no_run() -> None:
    """One in a thousand at most, of numbers at random, however many there are."""
    sender, draw = Sender(**OPEN), random.Random(2)
    found = sum(bool(sender.rules(f"+84901{draw.randrange(1_000_000):06d}")) for _ in range(3_000))
    assert found <= 3


def test_a_number_is_no_neighbour_of_itself_and_one_neighbour_however_often_it_asks() -> None:
    """Who asks again is impatient, and no run."""
    sender = Sender(**OPEN)
    assert [sender.rules("+84901888001") for _ in range(9)] == [[]] * 9
    assert sender.rules("+84901888002") == []


@given(st.lists(st.integers(0, 999_999), max_size=80), st.integers(0, 999_999))
def test_neighbours_are_counted_as_a_list_would_say(earlier: list[int], number: int) -> None:
    """Of the last numbers, each once, without the number itself."""
    state = PrefixState()
    for one in earlier:
        look_around(state, f"+84901{one:06d}")
    around = look_around(state, f"+84901{number:06d}")
    others = set(earlier[-prefix.RECENT :]) - {number}
    wanted = tuple(sum(one // 10**digits == number // 10**digits for one in others) for digits in (2, 3, 4))
    assert around.counts == wanted


def history(sender: Sender, draw: random.Random, days: int, share: float) -> None:
    """100 codes a day to one prefix, of which people type so many in."""
    for _ in range(days):
        for _ in range(100):
            phone = f"+84901{draw.randrange(1_000_000):06d}"
            if not sender.rules(phone) and draw.random() < share:
                sender.type_in(phone)
            sender.now += DAY // 100


def test_a_prefix_whose_codes_nobody_types_in_any_more_is_found() -> None:
    """Compared with itself over the last fourteen days; the numbers that have a neighbour among the last."""
    sender, draw = Sender(**OPEN, rules={"number_range": "off"}), random.Random(3)
    history(sender, draw, 14, share=0.8)
    found = []
    for _ in range(60):
        found.append(sender.rules(f"+8490188{draw.randrange(10_000):04d}"))
        sender.now += MINUTE
    assert found[:20] == [[]] * 20
    assert found[-10:] == [["conversion"]] * 10


def test_a_prefix_that_never_did_better_is_not_found() -> None:
    """Half of them typed in, as ever: another hour of it is nothing new."""
    sender, draw = Sender(**OPEN), random.Random(4)
    history(sender, draw, 14, share=0.5)
    for _ in range(200):
        phone = f"+84901{draw.randrange(1_000_000):06d}"
        assert "conversion" not in sender.rules(phone)
        if draw.random() < 0.5:
            sender.type_in(phone)
        sender.now += MINUTE


def test_codes_of_the_last_minutes_are_not_counted_as_lost() -> None:
    """People need a while to type."""
    state = PrefixState(slot=1, sent=[100, 0], verified=[0, 0], day=0, sent_by_day=[100, 200])
    state.verified_by_day = [0, 190]
    assert not converts_poorly(state)
    state.sent = [0, 100]
    assert converts_poorly(state)
