"""Messages are found by what people know of them."""

from typing import Any

import msgspec
import pytest

from onema.administration.requests import SearchMessages
from onema.cli.message import MOST_ROUNDS, matching
from onema.cli.message_search import spelled_phone
from onema.domain.configuration import documents as doc
from onema.domain.ids import compose_id
from onema.domain.records import Message
from onema.storage.contract import FoundMessages, WantedMessages

from ..administration.test_story import MESSAGE

NOW = 1_790_000_000_000


@pytest.mark.parametrize(
    "spelling", ["0901888484", "090 188 8484", "+84901888484", "84-901-888-484", "0084901888484"]
)
def test_messages_are_found_by_a_number_in_any_spelling(spelling: str) -> None:
    """As the integrator, the customer and our own tables write it."""
    assert spelled_phone(spelling, [doc.Account(name="acme")]) == {"+84901888484"}


def test_a_national_number_belongs_where_the_account_is() -> None:
    """And is looked for in every country that one of the accounts may mean."""
    accounts = [doc.Account(name="acme", country="VN"), doc.Account(name="lao", country="LA")]
    assert spelled_phone("02055512345", accounts) >= {"+8562055512345"}
    assert spelled_phone("13911281234", [doc.Account(name="acme")]) == {"+8613911281234"}


class Session:
    """Answers as a server with these messages does that looks through 100 at a time."""

    def __init__(self, store: list[Message]) -> None:
        self._store = store
        self.asked = 0

    def answer(self, request: Any) -> FoundMessages:
        self.asked += 1
        wanted = WantedMessages(request.phones, request.reference, request.state, request.since)
        older = [one for one in self._store if not request.before or one.id < request.before]
        looked = [one for one in older[:100] if one.id >= request.since]
        found = [one for one in looked if wanted.fits(one)][: request.limit]
        if len(found) == request.limit:
            return FoundMessages(found, found[-1].id)
        return FoundMessages(found, looked[-1].id if len(looked) == 100 < len(older) else 0)


STORE = [
    msgspec.structs.replace(
        MESSAGE,
        id=compose_id(NOW - minute * 60_000, 0, 0),
        reference=f"r-{minute % 3_000}",
        state="delivered",
    )
    for minute in range(6_000)
]
ALL = SearchMessages(account="acme", limit=20)


def test_a_search_goes_on_until_it_has_what_was_wanted() -> None:
    """Where the server stopped before it had found enough."""
    session: Any = Session(STORE)
    assert matching(session, ALL) == (STORE[:20], 0)
    named = msgspec.structs.replace(ALL, reference="r-2999")
    assert matching(session, named) == ([STORE[2_999], STORE[5_999]], 0)
    since = msgspec.structs.replace(ALL, state="failed", since=STORE[5_000].id)
    assert matching(session, since) == ([], 0)


def test_a_search_that_nothing_ends_says_how_far_it_came() -> None:
    """By a state alone it could go through all that there is."""
    session: Any = Session(STORE)
    by_state = msgspec.structs.replace(ALL, state="failed")
    found, last = matching(session, by_state)
    assert (found, session.asked) == ([], MOST_ROUNDS)
    assert last == STORE[100 * MOST_ROUNDS - 1].id
    assert matching(session, msgspec.structs.replace(ALL, before=last)) == (
        STORE[100 * MOST_ROUNDS : 100 * MOST_ROUNDS + 20],
        0,
    )


def test_a_number_and_a_reference_are_looked_for_together() -> None:
    """The server looks for the one, and what it found is asked for the other."""
    session: Any = Session(STORE)
    by_phone = msgspec.structs.replace(ALL, phones=(MESSAGE.phone,))
    assert matching(session, by_phone, "r-7") == ([STORE[7], STORE[3_007]], 0)
