"""Who sends in a demo's day, through which carriers, and to whom. Domains end in .example (RFC 2606), addresses are for
documentation (RFC 5737), networks have the country code for tests (MCC 999), and the phones are what regulators keep
for fiction, or in Vietnam, where none are kept, a block of 0991. Nothing goes to them: every carrier is the handset.
"""

import secrets
from collections.abc import Mapping
from typing import NamedTuple

from onema.domain.configuration import documents as doc
from onema.domain.configuration.key_lengths import OPERATOR_SECRET_BYTES, operator_secret_hash
from onema.domain.values.money import Minor, parse_amount

VIETNAM = "+84991"


class Customer(NamedTuple):
    """One account: its share of the messages, and what is special about its traffic."""

    name: str
    brandname: str
    share: float
    calls: float
    """Of its messages."""
    dialect: str
    purposes: tuple[str, ...]
    abroad: float = 0.0
    """Of its messages go to other countries."""
    top_up: Minor = Minor(0)
    """Before the day; none where the wallet is postpaid."""


CUSTOMERS = (
    Customer("harbour-bank", "HarbourBank", 0.5, 0.3, "native", ("login", "payment"), 0.2),
    Customer("cafe-lua", "CafeLua", 0.35, 0.1, "esms", ("signup",), 0.0, parse_amount("2000000")),
    Customer("night-market", "NightMkt", 0.15, 0.2, "vbee", ("signup",), 0.0, parse_amount("150000")),
)
"""The last one's wallet is empty in the evening."""
ABROAD = {
    "+1": tuple(f"+12025550{number}" for number in range(100, 200)),
    "+46": tuple(f"+46701740{number}" for number in range(605, 700)),
    "+61": tuple(f"+61491570{number}" for number in (156, 157, 158, 159, 110)),
}
"""By prefix, mobiles that are kept for fiction: 555-0100 to 555-0199 of the North American plan, and those that the
regulators of Sweden (pts.se) and Australia (acma.gov.au) name."""
NETWORKS: Mapping[str, tuple[str, str]] = {
    "north": ("North Mobile", "99901"),
    "delta": ("Delta Telecom", "99902"),
    "world": ("Far Shore", "99903"),
}
"""Operator and MCC-MNC by the carrier that reaches it."""
TEXT = "{OTP} is your code for {P1,30}. It is valid for 5 minutes."
SENTENCE = "Mã xác thực của bạn là {OTP}"
POOL = "traffic"
HOTLINES = ("+842471000101", "+842471000102", "+842871000101")
SMS_ROUTES = ((VIETNAM, "north", 7), (VIETNAM, "delta", 3))
CALL_CARRIERS = ("trunk-hanoi", "trunk-saigon")


def documents() -> tuple[doc.AnyDocument, ...]:
    rates = (
        doc.Rate(channel="sms", prefix="+84", price="850"),
        doc.Rate(channel="sms", price="1900"),
        doc.Rate(channel="call", prefix="+84", price="400", period=60),
    )
    carriers = ("north", "delta", "world", *CALL_CARRIERS)
    return (
        doc.Tariff(name="traffic", rates=rates),
        doc.OperatorKey(
            name="reports",
            secret_hash=operator_secret_hash(secrets.token_bytes(OPERATOR_SECRET_BYTES)),
            role="viewer",
        ),
        doc.HotlinePool(name=POOL),
        *(doc.Hotline(pool=POOL, number=number, daily_cap=500) for number in HOTLINES),
        *(doc.Carrier(name=name, type="handset") for name in carriers),
        doc.Carrier(name="old-gateway", type="handset", draining=True),
        *(doc.Route(channel="sms", prefix=prefix, carrier=name, weight=w) for prefix, name, w in SMS_ROUTES),
        doc.Route(channel="sms", prefix=VIETNAM, carrier="old-gateway", priority=5),
        *(doc.Route(channel="sms", prefix=prefix, carrier="world") for prefix in ABROAD),
        *(doc.Route(channel="call", prefix=VIETNAM, carrier=name) for name in CALL_CARRIERS),
        *(document for customer in CUSTOMERS for document in _of(customer)),
    )


def _of(customer: Customer) -> tuple[doc.AnyDocument, ...]:
    account, host = customer.name, f"https://{customer.name}.example"
    keys = [("", "native"), ("codes", "native"), ("trial", "native")]
    if customer.dialect != "native":
        keys.append(("codes", customer.dialect))
    return (
        doc.Account(
            name=account,
            tariff="traffic",
            wallet="prepaid" if customer.top_up else "postpaid",
            country="VN",
            countries=("VN", *(("US", "SE", "AU") if customer.abroad else ())),
            callback_url=f"{host}/events",
            allowed_ips=("192.0.2.0/24", "198.51.100.0/24") if customer.dialect == "vbee" else (),
        ),
        doc.Application(
            account=account,
            name="codes",
            voice="vi-north",
            sentence=SENTENCE,
            pool=POOL,
            callback_url=f"{host}/events",
        ),
        doc.Application(account=account, name="trial", environment="sandbox", voice="vi-south", pool=POOL),
        *(
            doc.Credential(
                account=account,
                application=application,
                dialect=dialect,
                key=secrets.token_hex(8),
                secret=secrets.token_urlsafe(24),
            )
            for application, dialect in keys
        ),
        doc.Brandname(account=account, name=customer.brandname, registrations=_registrations(customer)),
        doc.Template(account=account, brandname=customer.brandname, text=TEXT, name="code"),
    )


def _registrations(customer: Customer) -> tuple[doc.Registration, ...]:
    """Abroad one is asked for, and one was refused."""
    home = doc.Registration(country="VN", status="approved", expires_at="2099-12-31")
    if not customer.abroad:
        return (home,)
    return (
        home,
        *(doc.Registration(country=country, status="approved") for country in ("US", "SE", "AU")),
        doc.Registration(country="SG", status="pending"),
        doc.Registration(country="CN", status="refused"),
    )
