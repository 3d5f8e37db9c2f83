"""Messages are found by what people know of them."""

from typing import Any

import msgspec
import pytest

from onema.cli.message import SCAN_LIMIT, matching
from onema.cli.message_search import parse_since, spelled_phone
from onema.domain.configuration import documents as doc
from onema.domain.ids import compose_id
from onema.domain.records import Message

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


def test_a_search_says_where_it_ended() -> None:
    """After the newest 10,000; with a time it goes on until then."""
    store = [
        msgspec.structs.replace(MESSAGE, id=compose_id(NOW - minute * 60_000, 0, 0))
        for minute in range(12_000)
    ]

    class Session:
        def answer(self, request: Any) -> list[Message]:
            older = [one for one in store if not request.before or one.id < request.before]
            return older[: request.limit]

    session: Any = Session()
    last_searched = store[SCAN_LIMIT - 1].id
    assert matching(session, "acme", lambda _: False, 20, 0, None) == ([], last_searched)
    assert matching(session, "acme", lambda _: True, 20, 0, None) == (store[:20], 0)
    assert matching(session, "acme", lambda one: one is store[-1], 20, last_searched, None) == (store[-1:], 0)
    since = parse_since("199h", NOW)
    assert matching(session, "acme", lambda one: one is store[11_940], 20, 0, since) == (
        store[11_940:11_941],
        0,
    )
    assert matching(session, "acme", lambda one: one is store[11_941], 20, 0, since) == ([], 0)
