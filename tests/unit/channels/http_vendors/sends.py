"""What the tests of vendors have in common: a message to send, and an API made of settings."""

import json
from typing import Any

from onema.channels.contract import Outgoing
from onema.channels.http_sender.contract import Vendor, VendorApi
from onema.channels.http_sender.sender import problems_of, receipt_url
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import settings_of, settings_problems
from onema.domain.delivery.payload import SmsPayload
from onema.domain.ids import AccountId, MessageId
from onema.domain.values.phone import Phone
from onema.http.client.contract import HttpAnswer, HttpRequest

NOW = 1_795_800_000_000
PUBLIC = "https://sms.example.com"
TOKEN = "0123456789abcdef0123456789abcdef"
TEXT = "482913 là mã của bạn"
NAME = "1267-2"
"""Our name for the message below."""


def outgoing(text: str = "482913 is your code", *, valid_ms: int = 300_000, **facts: str) -> Outgoing:
    payload = SmsPayload(Phone("+84901888484"), "Acme", text, NOW + valid_ms if valid_ms else 0)
    return Outgoing(AccountId(7), MessageId(4711), 2, payload, facts)


def document(kind: str, settings: dict[str, Any]) -> doc.Carrier:
    return doc.Carrier(name="main", type=kind, settings=settings)


def api_of(vendor: Vendor, **settings: Any) -> VendorApi:
    found = settings_of(vendor.settings, document("test", settings))
    return vendor.api("main", found, receipt_url("main", found))


def problems(vendor: Vendor, **settings: Any) -> list[str]:
    """The places of what is wrong."""
    carrier = document("test", settings)
    found = list(settings_problems(vendor.settings, carrier)) or list(problems_of(vendor, carrier))
    return [problem.place for problem in found]


def request(api: VendorApi, what: Outgoing) -> HttpRequest:
    made = api.request_of(what, NOW)
    assert isinstance(made, HttpRequest)
    return made


def answer(status: int, members: object) -> HttpAnswer:
    return HttpAnswer(status, (), json.dumps(members).encode())
