"""A text of the sender's own: no code is made, and all that limits a message limits it."""

from typing import Any

import msgspec
import pytest

from onema.domain.codes.accept_message import Accepted
from onema.domain.codes.brandname_text import REFUSED_TEXTS
from onema.domain.codes.own_text import with_marker
from onema.domain.codes.send_text import TEXT_VALID_MS, SendText
from onema.domain.codes.send_together import SendTogether
from onema.domain.configuration import documents as doc
from onema.domain.decision import World
from onema.domain.delivery.message_progress import callback_job
from onema.domain.delivery.payload import SmsPayload, open_payload
from onema.domain.ids import AccountId, MessageId
from onema.domain.keyring import NONCE_BYTES
from onema.domain.records import Event, Job, LedgerEntry, LiveVerification, Message, Wallet, Window
from onema.domain.refusals import Refusal, Refused
from onema.testing.pure_store import PureStore, context_of

ACCOUNT = AccountId(1)
NOW = 1_800_000_000_000
DAY_SECONDS = 86_400
PHONE = "+84901888484"
ACME = doc.Account(
    name="acme",
    number=ACCOUNT,
    wallet="postpaid",
    credit_limit="3000",
    windows=(doc.WindowLimit(per="phone", seconds=60, limit=2),),
    callback_url="https://acme.example/told",
)


def template(text: str, **fields: Any) -> doc.Template:
    return doc.Template(account="acme", brandname="Acme", text=text, **fields)


def store_with(*documents: doc.Document) -> PureStore:
    return PureStore(
        context_of(
            doc.Tariff(name="default", rates=(doc.Rate(channel="sms", price="850"),)),
            ACME,
            doc.Brandname(account="acme", name="Acme"),
            template("{OTP} la ma cua ban"),
            *documents,
        )
    )


@pytest.fixture
def store() -> PureStore:
    return store_with()


def send(number: int, text: str = "482913 la ma cua ban", **changed: Any) -> SendText:
    asked: dict[str, Any] = {
        "account": ACCOUNT,
        "id": number,
        "now": NOW,
        "entropy": bytes([number]) * NONCE_BYTES,
        "dialect": "test",
        "phone": PHONE,
        "home_country": "VN",
        "client_ip": "203.0.113.7",
        "reference": "theirs",
        "brandname": "Acme",
        "text": text,
    }
    return SendText(**asked | changed)


def payload_of(store: PureStore, number: int) -> SmsPayload:
    job = store.rows[Job, number]
    assert isinstance(job, Job)
    payload = open_payload(job.payload, MessageId(number), store.context.keyring)
    assert isinstance(payload, SmsPayload)
    return payload


def message_of(store: PureStore, number: int) -> Message:
    message = store.rows[Message, ACCOUNT, number]
    assert isinstance(message, Message)
    return message


def refusal_of(store: PureStore, command: SendText | SendTogether) -> Refusal:
    with pytest.raises(Refused) as refused:
        store.run(command)
    return refused.value.refusal


def test_a_text_that_fits_is_priced_queued_and_makes_no_code(store: PureStore) -> None:
    """The sender checks the code, so nothing here could."""
    assert store.run(send(7)) == Accepted(MessageId(7))
    payload = payload_of(store, 7)
    assert (payload.text, payload.sender, payload.purpose) == ("482913 la ma cua ban", "Acme", "")
    assert payload.valid_until == NOW + TEXT_VALID_MS
    assert message_of(store, 7).verification == 0
    assert store.balance(ACCOUNT) == -8_500_000
    assert not any(isinstance(row, LiveVerification) for row in store.rows.values())


def test_what_its_sender_says_of_it_is_kept(store: PureStore) -> None:
    """Reports and callbacks need it."""
    said = {"callback_url": "https://a.example/b", "category": "2", "campaign": "summer"}
    store.run(send(7, **said))
    message = message_of(store, 7)
    assert message.reference == "theirs"
    assert {name: getattr(message, name) for name in said} == said


def test_its_own_callback_url_comes_before_the_accounts(store: PureStore) -> None:
    """And is told to though the account has none."""
    store.run(send(7, callback_url="https://a.example/b"))
    silent = context_of(doc.Account(name="acme", number=ACCOUNT))
    assert callback_job(silent, message_of(store, 7), 9, NOW)
    store.run(send(8))
    assert not callback_job(silent, message_of(store, 8), 9, NOW)


@pytest.mark.parametrize(
    "text", ["482913 la ma cua ai", "la ma cua ban", "", "{OTP} la ma cua ban", "482913 la ma cua ban!"]
)
def test_a_text_that_fits_nothing_is_written_down_without_it(store: PureStore, text: str) -> None:
    """It may hold a code. Also one that still has the marker is no text of the sender's own."""
    assert store.run(send(7, text)) == Accepted(MessageId(7), Refusal.TEMPLATE_MISMATCH)
    assert message_of(store, 7).state == "refused"
    assert [row.data for row in store.rows.values() if isinstance(row, Event)] == [""]
    assert store.balance(ACCOUNT) == 0


@pytest.mark.parametrize(
    ("registered", "text"),
    [
        ("{OTP} la ma cua ban", "A7K2 la ma cua ban"),
        ("Goi 1900 de hoi", "Goi 1900 de hoi"),
        ("Don {P1,8} cho {P2,20}", "Don 4711 cho Nguyen Van A"),
        ("Don {P1,8} ngay {P1,10}", "Don 4711 ngay 28/11/2026"),
        ("Ma: {P2,20}.", "Ma: 48 29 13."),
        ("{OTP} la ma", "123456789 la ma"),
        ("Cam on ban", "Cam on ban"),
    ],
)
def test_a_code_stands_where_a_template_has_room(registered: str, text: str) -> None:
    """Whichever placeholder, or none, and with several numbers in it."""
    store = store_with(template(registered))
    assert store.run(send(7, text)) == Accepted(MessageId(7))
    assert payload_of(store, 7).text == text


def test_texts_that_differ_in_their_code_alone_are_matched_once(store: PureStore) -> None:
    """Finding the template is what costs most."""
    store.run(send(7, "111111 la ma cua ban"))
    brandname = store.context.directory.accounts[ACCOUNT].brandnames["Acme"]
    assert brandname.remembered("{OTP} la ma cua ban", 6) is not None
    assert with_marker("222222 la ma cua ban") == ("{OTP} la ma cua ban", "222222")
    store.run(send(8, "222222 la ma cua ban"))
    assert payload_of(store, 8).text == "222222 la ma cua ban"


@pytest.mark.parametrize(
    "text", ["la ma", "123 la ma", "12345678901 la ma", "1234 hay 5678", "{OTP} 123456", "12345A\u0301 la"]
)
def test_what_may_be_no_code_keeps_its_place(text: str) -> None:
    """Such a text is looked at as it is."""
    assert with_marker(text) == (text, "")


@pytest.mark.parametrize(
    ("fold", "folded", "sent", "segments"),
    [
        (True, None, "482913 la ma cua ban", 1),
        (False, None, "482913 là mã của bạn", 1),
        (False, True, "482913 la ma cua ban", 1),
        (True, False, "482913 là mã của bạn", 1),
        (True, True, "482913 la ma cua ban", 1),
    ],
)
def test_accents_are_sent_as_the_request_or_the_template_says(
    fold: bool, folded: bool | None, sent: str, segments: int
) -> None:
    """The request's word counts, the template's where it has none."""
    store = store_with(template("{OTP} là mã của bạn", fold=fold))
    store.run(send(7, "482913 là mã của bạn", folded=folded))
    assert payload_of(store, 7).text == sent
    assert message_of(store, 7).segments == segments


def test_accents_that_are_asked_for_are_paid_for() -> None:
    """A text that a template would send in one segment takes two with its accents."""
    words = "mã " * 30
    store = store_with(template("{OTP} la " + words))
    store.run(send(7, "482913 la " + words))
    store.run(send(8, "482913 la " + words, folded=False))
    assert [message_of(store, number).segments for number in (7, 8)] == [1, 2]
    assert message_of(store, 8).price == 2 * message_of(store, 7).price


def test_a_reference_is_used_once_for_as_long_as_it_says(store: PureStore) -> None:
    """And by one account: another reference, or the same one later, is another message."""
    store.run(send(7, once_seconds=DAY_SECONDS))
    assert refusal_of(store, send(8, once_seconds=DAY_SECONDS)) is Refusal.DUPLICATE
    last = NOW + DAY_SECONDS * 1000 - 1
    assert refusal_of(store, send(8, once_seconds=DAY_SECONDS, now=last)) is Refusal.DUPLICATE
    store.run(send(8, once_seconds=DAY_SECONDS, reference="other"))
    store.run(send(9, once_seconds=DAY_SECONDS, now=last + 1))


def test_a_reference_of_a_refused_message_is_free(store: PureStore) -> None:
    """Whoever tops the wallet up, or mends the text, asks again with the same one."""
    store.run(send(7, "no such text", once_seconds=DAY_SECONDS))
    store.rows[Wallet, ACCOUNT] = Wallet(account=ACCOUNT, balance=-30_000_000)  # type: ignore[arg-type]
    assert refusal_of(store, send(8, once_seconds=DAY_SECONDS)) is Refusal.BALANCE_TOO_LOW
    del store.rows[Wallet, ACCOUNT]
    assert store.run(send(9, once_seconds=DAY_SECONDS)) == Accepted(MessageId(9))


def together(*phones: str, **changed: Any) -> SendTogether:
    first = changed.pop("once_seconds", 0)
    return SendTogether(
        tuple(
            send(7 + at, phone=phone, together=7, once_seconds=0 if at else first, **changed)
            for at, phone in enumerate(phones)
        )
    )


def test_several_phones_get_a_message_each(store: PureStore) -> None:
    """Each is priced, and knows the first."""
    command = together(PHONE, "+84901888485", once_seconds=DAY_SECONDS)
    assert store.run(command) == Accepted(MessageId(7))
    assert [message_of(store, number).phone for number in (7, 8)] == [PHONE, "+84901888485"]
    assert [message_of(store, number).together for number in (7, 8)] == [7, 7]
    assert payload_of(store, 8).phone == "+84901888485"
    assert store.balance(ACCOUNT) == -17_000_000
    assert sum(row.amount for row in store.rows.values() if isinstance(row, LedgerEntry)) == -17_000_000
    assert refusal_of(store, send(9, once_seconds=DAY_SECONDS)) is Refusal.DUPLICATE


@pytest.mark.parametrize("phones", [3 * (PHONE,), tuple(f"+8490188848{at}" for at in range(4, 8))])
def test_where_one_is_refused_nobody_gets_any(store: PureStore, phones: tuple[str, ...]) -> None:
    """Here the window of a phone, or the wallet, has no room for the last."""
    with pytest.raises(Refused):
        store.run(together(*phones))
    assert not store.rows


def test_what_was_decided_for_some_does_not_stay_when_one_is_refused(store: PureStore) -> None:
    """The batch goes on with the world that the command saw."""
    world = World({})
    with pytest.raises(Refused):
        together(*3 * (PHONE,)).decide(world, store.context)
    assert (world.written, world.inserted, world.has_changed) == ({}, [], False)


def test_a_text_for_several_that_fits_nothing_is_written_down_once(store: PureStore) -> None:
    """One message, which names its first phone."""
    command = together(PHONE, "+84901888485", text="no such text")
    assert store.run(command) == Accepted(MessageId(7), Refusal.TEMPLATE_MISMATCH)
    assert [row.id for row in store.rows.values() if isinstance(row, Message)] == [7]


def test_a_dry_run_is_decided_and_leaves_nothing(store: PureStore) -> None:
    """Not even the use of its reference; but whoever asks on and on with texts that fit nothing is stopped."""
    assert store.run(send(7, once_seconds=DAY_SECONDS, dry_run=True)) == Accepted(MessageId(7))
    assert not store.rows
    store.run(send(8, once_seconds=DAY_SECONDS))
    assert refusal_of(store, send(9, once_seconds=DAY_SECONDS, dry_run=True)) is Refusal.DUPLICATE
    refused = store.run(send(10, "no such text", dry_run=True))
    assert refused == Accepted(MessageId(10), Refusal.TEMPLATE_MISMATCH)
    assert (Message, ACCOUNT, 10) not in store.rows
    assert store.rows[Window, ACCOUNT, REFUSED_TEXTS, ""]


HOUR = 3_600_000


def test_a_text_for_later_waits_under_a_kind_of_its_own(store: PureStore) -> None:
    """What the sweeper takes for put off by a clock ahead must not be sent early. Its hour begins then."""
    store.run(send(7, send_at=NOW + HOUR))
    job = store.rows[Job, 7]
    assert isinstance(job, Job)
    assert (job.kind, job.due_at) == ("scheduled", NOW + HOUR)
    assert payload_of(store, 7).valid_until == NOW + HOUR + TEXT_VALID_MS
    (event,) = (row for row in store.rows.values() if isinstance(row, Event))
    assert (event.kind, event.data) == ("scheduled", "for 2027-01-15T09:00:00.000Z")


@pytest.mark.parametrize("send_at", [0, NOW - HOUR, NOW])
def test_a_time_that_has_passed_is_now(store: PureStore, send_at: int) -> None:
    """Clocks differ, and requests travel."""
    store.run(send(7, send_at=send_at))
    job = store.rows[Job, 7]
    assert isinstance(job, Job)
    assert (job.kind, job.due_at) == ("sms", NOW)


FIXED = msgspec.structs.replace(ACME, fixed_number="8088")


def test_any_text_comes_from_the_fixed_number() -> None:
    """In its one form, and without accents unless they were asked for."""
    store = store_with(FIXED)
    store.run(send(7, "Mã của  bạn: 4711", brandname=""))
    store.run(send(8, "Mã của bạn: 4711", brandname="", folded=False))
    assert [payload_of(store, number).text for number in (7, 8)] == ["Ma cua ban: 4711", "Mã của bạn: 4711"]
    assert payload_of(store, 7).sender == message_of(store, 7).sender == "8088"


@pytest.mark.parametrize("text", ["", " ", "\u200b", "a" * 6_001, "{OTP} la ma"])
def test_what_is_no_text_is_not_sent_from_the_fixed_number(text: str) -> None:
    """Nor what still has the place for a code."""
    assert refusal_of(store_with(FIXED), send(7, text, brandname="")) is Refusal.TEXT_NOT_SENDABLE


def test_an_account_without_a_fixed_number_sends_no_such_texts(store: PureStore) -> None:
    """Giving it one is how an operator allows them."""
    assert refusal_of(store, send(7, brandname="")) is Refusal.FEATURE_OFF


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"phone": "+8562022345678"}, Refusal.COUNTRY_NOT_ALLOWED),
        ({"phone": "+842438222222"}, Refusal.DESTINATION_NOT_ALLOWED),
        ({"brandname": "Other"}, Refusal.BRANDNAME_UNKNOWN),
        ({"account": 2}, Refusal.CREDENTIAL_UNKNOWN),
    ],
)
def test_it_is_refused_as_every_message_is(
    store: PureStore, changed: dict[str, Any], refusal: Refusal
) -> None:
    """What is decided in one place holds here too."""
    assert refusal_of(store, send(7, **changed)) is refusal
