"""What is sent of a text where carriers and countries ask for registrations, and what is refused before it costs."""

from collections.abc import Mapping
from typing import Any

import pytest

from onema.domain.codes.send_code import SendCode
from onema.domain.codes.send_text import SendText
from onema.domain.codes.start_verification import ENTROPY_BYTES, NewCode
from onema.domain.configuration import documents as doc
from onema.domain.configuration.directory import Directory
from onema.domain.configuration.needs import Need
from onema.domain.decision import Context
from onema.domain.delivery.payload import SmsPayload, open_payload
from onema.domain.ids import AccountId, MessageId
from onema.domain.keyring import Keyring
from onema.domain.records import Job, LedgerEntry, Message, Wallet, Window
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.phone import Phone
from onema.testing.pure_store import PureStore

NOW = 1_800_000_000_000
CHINA, INDIA, VIETNAM = "+8613812345678", "+919876543210", "+84901888484"
KEYRING = Keyring(b"k" * 32)
DLT = {"entity_id": "1101456780000012345", "dlt_id": "1107161234567890123"}


def store(
    *more: doc.Document,
    brandname: Mapping[str, Any] = {},
    texts: tuple[doc.Template, ...] = (),
    needs: Mapping[str, tuple[Need, ...]] = {},
) -> PureStore:
    """An account that may send anywhere, with a route to each carrier; `needs` are what their types would say."""
    carriers = [one for one in more if isinstance(one, doc.Carrier)] or [
        doc.Carrier(name="smsc", type="test")
    ]
    others = [one for one in more if not isinstance(one, doc.Carrier)]
    documents: list[doc.Document] = [
        doc.Tariff(name="default", rates=(doc.Rate(channel="sms", price="850"),)),
        doc.Account(name="acme", number=1, wallet="postpaid", countries=("*",)),
        doc.Brandname(account="acme", name="Acme", **brandname),
        doc.Template(account="acme", brandname="Acme", text="{OTP} is your code"),
        *texts,
        *carriers,
        *(doc.Route(channel="sms", carrier=one.name, priority=turn) for turn, one in enumerate(carriers)),
        *others,
    ]
    keyed = {(one.kind, one.identity): one for one in documents}
    return PureStore(Context(Directory(keyed, 1, lambda carrier: needs.get(carrier.name, ())), KEYRING))


def send(
    store: PureStore, phone: str, text: str = "{OTP} is your code", now: int = NOW
) -> tuple[SmsPayload, Message]:
    """What is handed to a carrier, and the message that it is."""
    store.run(
        SendCode(
            account=AccountId(1),
            id=MessageId(7),
            now=now,
            entropy=b"e" * ENTROPY_BYTES,
            dialect="test",
            phone=Phone(phone),
            home_country="VN",
            client_ip="203.0.113.7",
            brandname="Acme",
            text=text,
            code=NewCode("0123456789", 6, 300_000),
        )
    )
    return handed(store)


def send_text(store: PureStore, phone: str, text: str, brandname: str = "Acme") -> tuple[SmsPayload, Message]:
    store.run(
        SendText(
            account=AccountId(1),
            id=MessageId(7),
            now=NOW,
            entropy=b"e" * ENTROPY_BYTES,
            dialect="test",
            phone=Phone(phone),
            home_country="VN",
            client_ip="203.0.113.7",
            brandname=brandname,
            text=text,
        )
    )
    return handed(store)


def handed(store: PureStore) -> tuple[SmsPayload, Message]:
    job, message = store.rows[Job, 7], store.rows[Message, AccountId(1), MessageId(7)]
    assert isinstance(job, Job)
    assert isinstance(message, Message)
    payload = open_payload(job.payload, MessageId(7), KEYRING)
    assert isinstance(payload, SmsPayload)
    return payload, message


def refused(store: PureStore, phone: str, now: int = NOW) -> str:
    """Why, for operators; nothing was counted, held or written."""
    with pytest.raises(Refused) as refusal:
        send(store, phone, now=now)
    assert refusal.value.refusal is Refusal.NOT_REGISTERED
    assert not [
        row for row in store.rows.values() if isinstance(row, Wallet | LedgerEntry | Window | Message | Job)
    ]
    return refusal.value.detail


INDIAN = {"smsc": (Need("entity_id", "+91"), Need("dlt_id", "+91"))}


def test_a_message_without_a_fact_that_every_carrier_needs_costs_nothing() -> None:
    """And goes where nobody asks for it."""
    asking = store(needs=INDIAN, brandname={"registered": {"entity_id": DLT["entity_id"]}})
    assert refused(asking, INDIA) == "smsc: needs dlt_id"
    assert send(asking, VIETNAM)[0].phone == VIETNAM


def test_a_message_with_all_facts_is_taken() -> None:
    """They travel in its job: the brandname's and those of the template that it fits."""
    asking = store(
        needs=INDIAN,
        brandname={"registered": {"entity_id": DLT["entity_id"]}},
        texts=(
            doc.Template(
                account="acme",
                brandname="Acme",
                text="{OTP} is your OTP",
                registered={"dlt_id": DLT["dlt_id"]},
            ),
        ),
    )
    assert send(asking, INDIA, "{OTP} is your OTP")[0].facts == DLT


def test_a_text_of_the_senders_own_is_held_to_the_same() -> None:
    """Whoever made the code."""
    asking = store(needs=INDIAN)
    with pytest.raises(Refused) as refusal:
        send_text(asking, INDIA, "123456 is your code")
    assert refusal.value.refusal is Refusal.NOT_REGISTERED
    assert not asking.rows
    given = store(brandname={"registered": DLT}, needs=INDIAN)
    assert send_text(given, INDIA, "123456 is your code")[0].facts == DLT


def test_a_message_is_taken_where_one_carrier_needs_nothing() -> None:
    """Routing passes over the other."""
    asking = store(
        doc.Carrier(name="smsc", type="test"), doc.Carrier(name="other", type="test"), needs=INDIAN
    )
    assert send(asking, INDIA)[0].phone == INDIA


def test_an_inactive_carrier_helps_nobody() -> None:
    """What only it would take is refused."""
    asking = store(
        doc.Carrier(name="smsc", type="test"),
        doc.Carrier(name="other", type="test", state="inactive"),
        needs=INDIAN,
    )
    assert refused(asking, INDIA) == "smsc: needs entity_id"


def test_what_the_carrier_itself_registered_is_no_need() -> None:
    """The chain of telemarketers is known to whoever connects it."""
    chain = (Need("tm_chain"),)
    asking = store(doc.Carrier(name="smsc", type="test"), needs={"smsc": chain})
    assert refused(asking, VIETNAM) == "smsc: needs tm_chain"
    told = store(
        doc.Carrier(name="smsc", type="test", registered={"tm_chain": "1102"}), needs={"smsc": chain}
    )
    assert send(told, VIETNAM)


# China: real-name filing of signatures, in lenticular brackets before or behind the text.
@pytest.mark.parametrize(
    ("sign_at", "text"), [("start", "【云片网】{} is your code"), ("end", "{} is your code【云片网】")]
)
def test_a_text_to_china_is_signed(sign_at: str, text: str) -> None:
    """Where the brandname says; and no text to another country."""
    asking = store(brandname={"registered": {"signature": "云片网"}, "sign_at": sign_at})
    payload, message = send(asking, CHINA)
    assert payload.text == text.format(payload.text[5 if sign_at == "start" else 0 :][:6])
    assert payload.facts == {"signature": "云片网"}
    assert message.segments == 1
    asking.rows.clear()
    assert send(asking, VIETNAM)[0].text.endswith("is your code")


def test_a_signature_is_counted_and_paid() -> None:
    """With it the text is UCS-2, of which 70 units are one segment."""
    long = doc.Template(account="acme", brandname="Acme", text="{OTP} " + "x" * 60)
    plain = store(texts=(long,))
    assert send(plain, CHINA, long.text)[1].segments == 1
    asking = store(texts=(long,), brandname={"registered": {"signature": "云片网"}})
    message = send(asking, CHINA, long.text)[1]
    assert (message.segments, message.price) == (2, 2 * message.unit_price)
    assert asking.balance(AccountId(1)) == -message.price


def test_a_text_is_signed_once() -> None:
    """Who writes a signature himself, at either end, gets no second one; and it counts for carriers that ask."""
    for text in ("【云片网】 {OTP}", "{OTP} 【别的】"):
        asking = store(
            texts=(doc.Template(account="acme", brandname="Acme", text=text),),
            brandname={"registered": {"signature": "云片网"}},
            needs={"smsc": (Need("signature", "+86"),)},
        )
        payload, _ = send(asking, CHINA, text)
        assert payload.text.count("【") == 1
    assert payload.facts == {"signature": "别的"}


def test_a_text_of_the_senders_own_is_signed_too() -> None:
    """Once, and counted."""
    asking = store(brandname={"registered": {"signature": "云片网"}})
    assert send_text(asking, CHINA, "123456 is your code")[0].text == "【云片网】123456 is your code"


def test_a_template_may_have_a_signature_of_its_own() -> None:
    """It is closer to the message than its brandname's."""
    asking = store(
        texts=(
            doc.Template(account="acme", brandname="Acme", text="{OTP}!", registered={"signature": "乙"}),
        ),
        brandname={"registered": {"signature": "甲"}},
    )
    assert send(asking, CHINA, "{OTP}!")[0].text.startswith("【乙】")


def test_a_brandname_signs_where_it_says() -> None:
    """Some vendors put the signature there themselves."""
    asking = store(brandname={"registered": {"signature": "甲"}, "sign_to": ("+84",)})
    assert send(asking, VIETNAM)[0].text.startswith("【甲】")
    asking.rows.clear()
    payload = send(asking, CHINA)[0]
    assert not payload.text.startswith("【")
    assert payload.facts == {"signature": "甲"}


def test_a_text_without_the_signature_that_a_carrier_demands_is_refused() -> None:
    """Its document may say so: no type can know it."""
    asking = store(doc.Carrier(name="smsc", type="test", needs=("+86:signature",)))
    assert refused(asking, CHINA) == "smsc: needs signature"
    assert send(asking, VIETNAM)


def registration(status: str, country: str = "CN", **fields: str) -> doc.Registration:
    return doc.Registration(country=country, status=status, **fields)  # type: ignore[arg-type]  # one of the four


@pytest.mark.parametrize("status", ["pending", "filed", "refused"])
def test_a_brandname_that_is_not_approved_is_not_sent(status: str) -> None:
    """To that country; elsewhere it is."""
    asking = store(brandname={"registrations": (registration(status),)})
    assert refused(asking, CHINA) == f"smsc: registration for CN is {status}"
    assert send(asking, VIETNAM)


def test_a_registration_at_one_carrier_counts_there() -> None:
    """Before that for the whole country; another carrier may take it."""
    both = (doc.Carrier(name="smsc", type="test"), doc.Carrier(name="other", type="test"))
    asking = store(
        *both,
        brandname={"registrations": (registration("refused"), registration("approved", carrier="other"))},
    )
    assert send(asking, CHINA)
    nowhere = store(
        *both, brandname={"registrations": (registration("refused", carrier="other"), registration("filed"))}
    )
    assert refused(nowhere, CHINA) == (
        "smsc: registration for CN is filed; other: registration for CN is refused"
    )


def test_a_registration_ends() -> None:
    """At its time, not before."""
    asking = store(brandname={"registrations": (registration("approved", expires_at="2027-01-15T08:00:00"),)})
    assert send(asking, CHINA, now=NOW - 1)
    asking.rows.clear()
    assert refused(asking, CHINA, now=NOW) == "smsc: registration for CN has expired"


def test_a_carrier_may_demand_a_registration() -> None:
    """Without the demand nothing is known, and it goes."""
    assert send(store(), CHINA)
    demanding = doc.Carrier(name="smsc", type="test", needs=("+86:registration",))
    assert refused(store(demanding), CHINA) == "smsc: not registered for CN"
    assert send(store(demanding), VIETNAM)
    assert send(store(demanding, brandname={"registrations": (registration("approved"),)}), CHINA)


def test_a_senders_own_number_is_no_brandname() -> None:
    """It has no registration, and the account's facts and signature."""
    account = doc.Account(
        name="acme",
        number=1,
        wallet="postpaid",
        countries=("*",),
        fixed_number="1900",
        registered={"signature": "云片网", **DLT},
    )
    asking = store(account, needs=INDIAN)
    payload = send_text(asking, CHINA, "123456 is your code", brandname="")[0]
    assert (payload.text, payload.sender) == ("【云片网】123456 is your code", "1900")
    asking.rows.clear()
    assert send_text(asking, INDIA, "123456 is your code", brandname="")[0].facts["dlt_id"] == DLT["dlt_id"]
    demanding = store(account, doc.Carrier(name="smsc", type="test", needs=("registration",)))
    with pytest.raises(Refused) as refusal:
        send_text(demanding, CHINA, "123456 is your code", brandname="")
    assert refusal.value.detail == "smsc: needs a brandname"
