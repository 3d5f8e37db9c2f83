"""Telling an integrator once more, and what is kept of each try."""

from typing import TypeVar

import pytest
from msgspec.structs import replace

from onema.domain.configuration import documents as doc
from onema.domain.delivery.callback_try import AGAIN, CallbackTry, callback_try
from onema.domain.delivery.replay_callback import ReplayCallback
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Event, Job, Message, MessageState, Row
from onema.domain.refusals import Refusal, Refused
from onema.domain.state_machines import MESSAGE
from onema.testing.conformance.storage import message
from onema.testing.pure_store import PureStore, context_of

R = TypeVar("R", bound=Row)

ACCOUNT = AccountId(1)
ENDED: Message = replace(
    message(5, ACCOUNT), application="", callback_url="", state=MessageState.DELIVERED, phone="+84901888484"
)
REPLAY = ReplayCallback(account=ACCOUNT, message=MessageId(5), id=99, now=1_000)


def store_with(row: Message | None, url: str = "https://acme.example/told") -> PureStore:
    store = PureStore(context_of(doc.Account(name="acme", number=ACCOUNT, callback_url=url)))
    if row is not None:
        store.rows[row.key] = row
    return store


def rows(store: PureStore, kind: type[R]) -> list[R]:
    return [row for row in store.rows.values() if isinstance(row, kind)]


@pytest.mark.parametrize("state", sorted(MESSAGE.final - {MessageState.REFUSED}))
def test_the_end_of_a_message_can_be_told_again(state: MessageState) -> None:
    """As a job of its own, due now, whatever the end was; the story says that somebody asked."""
    store = store_with(replace(ENDED, state=state))
    store.run(REPLAY)
    (job,) = rows(store, Job)
    assert (job.id, job.kind, job.message, job.due_at, job.attempt) == (99, "callback", 5, 1_000, 0)
    (event,) = rows(store, Event)
    assert callback_try(event) == CallbackTry(then="to be told again, by hand")


@pytest.mark.parametrize("state", [*sorted(set(MessageState) - MESSAGE.final), MessageState.REFUSED])
def test_only_an_end_that_is_told_can_be_told_again(state: MessageState) -> None:
    """A message on its way has nothing to tell yet, and one that was refused is told in its answer alone."""
    store = store_with(replace(ENDED, state=state))
    refuses(store, "only the end of a message is told")


def test_a_message_that_is_not_there_cannot_be_told_of() -> None:
    """It may have been too old to be kept."""
    refuses(store_with(None), "There is no message 5")


def test_a_message_without_a_url_cannot_be_told_of() -> None:
    """Unless the message has one of its own."""
    store = store_with(ENDED, url="")
    refuses(store, "has no callback URL")
    store = store_with(replace(ENDED, callback_url="https://acme.example/own"), url="")
    store.run(REPLAY)
    assert len(rows(store, Job)) == 1


def refuses(store: PureStore, words: str) -> None:
    with pytest.raises(Refused, match=words) as refused:
        store.run(REPLAY)
    assert refused.value.refusal is Refusal.CONFLICT
    assert rows(store, Job) == []


def event(data: str, kind: str = "callback") -> Event:
    return Event(ACCOUNT, 5, 6, kind, data)


def test_a_try_reads_back_from_its_event() -> None:
    """All of it."""
    tried = CallbackTry("acme.example", 500, 1_234, "HTTP 500", AGAIN)
    assert callback_try(event(tried.noted())) == tried
    assert tried.in_words == "HTTP 500; will try again (acme.example, 1234 ms)"


@pytest.mark.parametrize(
    ("data", "tried"),
    [
        ("delivered", CallbackTry()),
        ("HTTP 500; will try again", CallbackTry(problem="HTTP 500", then="will try again")),
        ("it failed (KeyError); given up", CallbackTry(problem="it failed (KeyError)", then="given up")),
        ("to be tried again, by hand", CallbackTry(then="to be tried again, by hand")),
        ('{"host":', CallbackTry(then='{"host":')),
        ("", CallbackTry(then="")),
    ],
)
def test_a_note_in_words_is_a_try_too(data: str, tried: CallbackTry) -> None:
    """As version 0.1.0 wrote all of them."""
    assert callback_try(event(data)) == tried


def test_other_events_are_no_tries() -> None:
    """Whatever they say."""
    assert callback_try(event("delivered", "sms")) is None
