"""For each check that reads the configuration: what passes it, and what fails it."""

from collections.abc import Mapping

import msgspec

from onema.domain.configuration import documents as doc
from onema.settings import Settings, shown

PAID = "{OTP} confirms {AMOUNT} to {PAYEE} at Shop"


class Made(msgspec.Struct, frozen=True):
    """A configuration: documents in place of or beside those of `BASE`, and settings that differ from the defaults."""

    documents: tuple[doc.Document, ...] = ()
    settings: dict[str, str] = {}


BASE: tuple[doc.Document, ...] = (
    doc.Account(name="acme", country="VN"),
    doc.Application(account="acme", name="app"),
    doc.Brandname(account="acme", name="Shop"),
    doc.Template(account="acme", brandname="Shop", text="{OTP} is your code at Shop"),
    doc.Carrier(name="smsc", type="test"),
    doc.Route(channel="sms", carrier="smsc"),
)
DEFAULTS = dict(shown(Settings()))


def acme(**fields: object) -> doc.Account:
    return doc.Account(**{"name": "acme", "country": "VN", **fields})  # type: ignore[arg-type]  # fields of it


def app(**fields: object) -> doc.Application:
    return doc.Application(account="acme", name="app", **fields)  # type: ignore[arg-type]  # fields of it


def shop(name: str = "Shop", **fields: object) -> doc.Brandname:
    return doc.Brandname(account="acme", name=name, **fields)  # type: ignore[arg-type]  # fields of it


def text(text: str, brandname: str = "Shop", **fields: object) -> doc.Template:
    return doc.Template(account="acme", brandname=brandname, text=text, **fields)  # type: ignore[arg-type]  # as above


def key(dialect: str) -> doc.Credential:
    return doc.Credential(account="acme", dialect=dialect, key="k", secret="s")


def guard(mode: doc.GuardMode, **fields: object) -> doc.Guard:
    return doc.Guard(name="acme", mode=mode, **fields)  # type: ignore[arg-type]  # fields of it


def registered(country: str, status: str = "approved", **fields: str) -> doc.Brandname:
    one = {"country": country, "status": status, **fields}
    return shop(registrations=(msgspec.convert(one, doc.Registration),))


def china(*limits: tuple[int, int], mode: doc.GuardMode = "block") -> doc.Guard:
    return guard(
        mode,
        limits=tuple(
            doc.GuardLimit(
                per="phone", seconds=seconds, limit=limit, how="clock", prefix="+86", offset_minutes=480
            )
            for seconds, limit in limits
        ),
    )


NO_PHONE_WINDOW = (doc.WindowLimit(per="account", seconds=60, limit=9),)
TLS = {"listen.tls_certificate": "/etc/onema/tls.pem"}
SHOWN_CODES = {"handset.beside_carriers": "true"}
SHORT = (Made(), Made((app(code_length=5),)))
OWN = (Made(), Made((app(own_codes=True),)))
LONG = (Made((key("esms"),)), Made((key("esms"),), {"esms.time_alive_max": "15"}))
ENDLESS = (Made(), Made((acme(windows=NO_PHONE_WINDOW),)))
CLEAR = (Made(settings=TLS), Made())
READ = (Made(), Made(settings=SHOWN_CODES))
IN = acme(countries=("IN",))
IDS = {"entity_id": "1101", "dlt_id": "1107", "tm_chain": "1302,1303"}
CN = acme(countries=("CN",))
SIGNED = {"signature": "Shop", "qualification_id": "Q1"}
OTHER = shop("Other", registered={**SIGNED, "qualification_id": "Q2"})

CASES: Mapping[tuple[str, str], tuple[Made, Made]] = {
    ("nist", "length"): SHORT,
    ("nist", "random"): OWN,
    ("nist", "lifetime"): LONG,
    ("nist", "throttled"): ENDLESS,
    ("nist", "device"): (Made((acme(destinations=("toll_free",)),)), Made((acme(destinations=("voip",)),))),
    ("nist", "not-shown-elsewhere"): READ,
    ("asvs-l2", "no-lock-out"): (
        Made((guard("record", rules={"purses": "block"}),)),
        Made((guard("record"),)),
    ),
    ("asvs-l2", "anti-automation"): (
        Made((guard("block"),)),
        Made((guard("block", rules={"conversion": "record"}),)),
    ),
    ("asvs-l2", "second-factor"): (
        Made(settings={"console.second_factor": "owner, operator"}),
        Made(settings={"console.second_factor": "owner"}),
    ),
    ("asvs-l2", "random"): OWN,
    ("asvs-l2", "length"): (
        Made((doc.Carrier(name="smsc", type="test", own_codes=True, settings={"code_length": 6}),)),
        Made((doc.Carrier(name="smsc", type="test", own_codes=True, settings={"code_length": 4}),)),
    ),
    ("asvs-l2", "lifetime"): (
        Made((key("esms"), text("{OTP} is your code at Shop"))),
        Made((key("esms"), text("{OTP} is your code at Shop", name="login"))),
    ),
    ("asvs-l2", "throttled"): ENDLESS,
    ("asvs-l2", "encrypted"): (Made(settings={"listen.trusted_proxies": "10.0.0.1"}), Made()),
    ("psd2", "underivable"): OWN,
    ("psd2", "sessions"): CLEAR,
    ("psd2", "amount-and-payee-shown"): (
        Made((text(PAID),)),
        Made((text(PAID), text("{OTP} confirms {AMOUNT} at Shop"))),
    ),
    ("psd2", "bound-everywhere"): (
        Made((text(PAID), key("native"))),
        Made((text(PAID), key("native"), key("vbee"))),
    ),
    ("psd2", "not-readable"): READ,
    ("vn", "retention"): (Made(settings={"retention.days": "365"}), Made(settings={"retention.days": "366"})),
    ("vn", "bank-sms-lifetime"): (
        Made((text(PAID), key("esms")), {"esms.time_alive_max": "5"}),
        Made((text(PAID), key("esms"))),
    ),
    ("vn", "bank-purpose"): (Made((text(PAID),)), Made((text(PAID), text("{OTP} Shop")))),
    ("vn", "sender-name"): (Made((shop("Shop-1.2 a"),)), Made((shop("Shop&Co"),))),
    ("vn", "sender-registered"): (
        Made((registered("VN", expires_at="2027-02-01T00:00:00Z"),)),
        Made((registered("VN", expires_at="2027-01-01T00:00:00Z"),)),
    ),
    ("cn", "signed"): (Made((CN, shop(registered=SIGNED))), Made((CN,))),
    ("cn", "one-qualification"): (
        Made((CN, shop(registered=SIGNED))),
        Made((CN, shop(registered=SIGNED), OTHER, text("{OTP} other", "Other"))),
    ),
    ("cn", "filed"): (
        Made((CN, registered("CN", carrier="smsc"))),
        Made((CN, registered("CN", "filed", carrier="smsc"))),
    ),
    ("cn", "frequency"): (
        Made((CN, china((60, 1), (3_600, 5), (86_400, 10)))),
        Made((CN, china((60, 1), (3_600, 5), (86_400, 10), mode="record"))),
    ),
    ("in", "entity"): (Made((IN, shop(registered=IDS))), Made((IN,))),
    ("in", "template"): (
        Made((IN, text("{OTP} is your code at Shop", registered=IDS))),
        Made((IN, shop(registered={"entity_id": "1101"}))),
    ),
    ("in", "chain"): (
        Made((IN, doc.Carrier(name="smsc", type="test", registered={"tm_chain": "1302"}))),
        Made((IN,)),
    ),
    ("in", "chain-form"): (
        Made((IN, shop(registered=IDS))),
        Made((IN, shop(registered={**IDS, "tm_chain": "1101,1302"}))),
    ),
    ("in", "brand-in-text"): (Made((IN,)), Made((IN, text("{OTP} is your code")))),
    ("in", "payments"): (Made((IN, text(PAID))), Made((IN, app(registered={"purpose": "payment"})))),
    ("au", "sender-name"): (
        Made((acme(countries=("AU",)), shop("Shop It"))),
        Made((acme(countries=("AU",)), shop("Shop_"))),
    ),
    ("au", "sender-registered"): (
        Made((acme(countries=("AU",)), registered("AU"))),
        Made((acme(countries=("*",)), registered("VN"))),
    ),
    ("sg", "sender-name"): (
        Made((acme(countries=("SG",)), shop("Shop"))),
        Made((acme(countries=("SG",)), shop("12345"))),
    ),
    ("sg", "sender-registered"): (
        Made((acme(countries=("SG",)), registered("SG"))),
        Made((acme(countries=("SG",)), registered("SG", "pending"))),
    ),
}
