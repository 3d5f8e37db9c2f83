"""What becomes of a text that fits no template of its brandname."""

import pytest

from onema.domain.codes.accept_message import Accepted
from onema.domain.codes.brandname_text import KEPT_TEXTS_LIMITS, REFUSED_TEXTS_LIMITS
from onema.domain.codes.refused_text import KEPT, KEPT_CHARACTERS, WITHOUT_MARKER, RefusedText, kept_text
from onema.domain.codes.send_code import SendCode
from onema.domain.codes.start_verification import ENTROPY_BYTES, NewCode
from onema.domain.configuration import documents as doc
from onema.domain.configuration.brandname_view import BrandnameView
from onema.domain.ids import AccountId, MessageId
from onema.domain.keyring import Keyring
from onema.domain.records import Event, Job, Message, MessageState
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.phone import Phone
from onema.testing.pure_store import PureStore, context_of

((SECONDS, MOST_REFUSED),) = REFUSED_TEXTS_LIMITS
((_, MOST_KEPT),) = KEPT_TEXTS_LIMITS
NOW = 1_800_000_000_000


class CountingView(BrandnameView):
    """Counts how often a text is compared with the templates."""

    compared = 0

    def allowed(self, message: str, code_length: int):  # type: ignore[no-untyped-def]  # the overridden method's
        self.compared += 1
        return super().allowed(message, code_length)


@pytest.fixture
def store() -> PureStore:
    return PureStore(
        context_of(
            doc.Tariff(name="default", rates=(doc.Rate(channel="sms", price="850"),)),
            doc.Account(name="acme", number=1, wallet="postpaid", windows=()),
            doc.Brandname(account="acme", name="ACME"),
            doc.Template(account="acme", brandname="ACME", text="Chao {P2,40}, ma {OTP}"),
        )
    )


def send(store: PureStore, number: int, text: str, after_seconds: float = 0) -> Accepted:
    sent = store.run(
        SendCode(
            account=AccountId(1),
            id=MessageId(number),
            now=NOW + int(after_seconds * 1000),
            entropy=bytes([number % 256]) * ENTROPY_BYTES,
            dialect="native",
            phone=Phone("+84901888484"),
            home_country="VN",
            client_ip="203.0.113.7",
            brandname="ACME",
            text=text,
            code=NewCode("0123456789", 6, 300_000),
        )
    )
    assert isinstance(sent, Accepted)
    return sent


def event_of(store: PureStore, message: int) -> Event:
    (event,) = [row for row in store.rows.values() if isinstance(row, Event) and row.subject == message]
    return event


@pytest.mark.parametrize("text", ["Chao ban, ma {OTP}", "Chao ban {OTP}"])
def test_a_text_is_compared_with_the_templates_once(store: PureStore, text: str) -> None:
    """Whether one fits or not; and not again when it is sent again."""
    account = store.context.directory.accounts[1]
    view = CountingView(doc.Brandname(account="acme", name="ACME"), account.brandnames["ACME"].templates)
    account.brandnames["ACME"] = view
    refused = send(store, 1, text).refusal is not None
    assert view.compared == 1
    send(store, 2, text)
    assert view.compared == (2 if refused else 1)


def test_too_many_texts_that_fit_nothing_are_not_looked_at(store: PureStore) -> None:
    """For a minute; what the account sent before still goes out, and another account is another window."""
    send(store, 1, "Chao An, ma {OTP}")
    for number in range(MOST_REFUSED):
        assert send(store, 10 + number, f"Khac {number} {{OTP}}").refusal is Refusal.TEMPLATE_MISMATCH
    for text in ("Khac {OTP}", "Chao Binh, ma {OTP}"):
        with pytest.raises(Refused) as refused:
            send(store, 1_000, text)
        assert refused.value.refusal is Refusal.RATE_LIMITED
    assert send(store, 1_001, "Chao An, ma {OTP}").refusal is None
    assert send(store, 1_002, "Chao Binh, ma {OTP}", after_seconds=SECONDS).refusal is None


def test_a_refused_text_is_kept_sealed_with_its_message(store: PureStore) -> None:
    """As it was matched, for those who hold the server key."""
    assert send(store, 5, "  Chao\u00a0ban\r\n{OTP} ").refusal is Refusal.TEMPLATE_MISMATCH
    event = event_of(store, 5)
    assert event.kind == KEPT
    assert "Chao" not in event.data
    assert b"Chao".hex() not in event.data
    assert kept_text(event, store.context.keyring) == RefusedText("Chao ban\n{OTP}", 6)
    assert kept_text(event, Keyring(b"x" * 32)) is None


def test_a_text_without_the_marker_is_not_kept(store: PureStore) -> None:
    """It may hold a code of the integrator's own."""
    assert send(store, 5, "Chao ban, ma 123456").refusal is Refusal.TEMPLATE_MISMATCH
    assert event_of(store, 5) == Event(AccountId(1), 5, 5, WITHOUT_MARKER, "")


def test_a_text_without_the_marker_is_refused_every_time(store: PureStore) -> None:
    """Also where a template fits it: what is remembered of it the first time must not let it out without a code."""
    for number in (5, 6):
        assert send(store, number, "Chao ban, ma 123456").refusal is Refusal.TEMPLATE_MISMATCH
    assert not [row for row in store.rows.values() if isinstance(row, Job)]


def test_little_is_kept_of_what_does_not_fit(store: PureStore) -> None:
    """So many texts in an hour, and so many characters of each; all are refused alike."""
    for number in range(MOST_KEPT + 5):
        sent = send(store, 10 + number, "{OTP}" + "x" * 60_000)
        assert sent == Accepted(MessageId(10 + number), Refusal.TEMPLATE_MISMATCH)
    kept = [row for row in store.rows.values() if isinstance(row, Event)]
    assert len(kept) == MOST_KEPT
    refused = [row for row in store.rows.values() if isinstance(row, Message)]
    assert [message.state for message in refused] == [MessageState.REFUSED] * MOST_KEPT
    text = kept_text(kept[0], store.context.keyring)
    assert text is not None
    assert len(text.text) == KEPT_CHARACTERS
