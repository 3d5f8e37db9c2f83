"""A client of onema's own API, and an account that it may use."""

import base64
import json
from typing import Any

from onema.domain.configuration import documents as doc
from onema.http.messages import Request

CLIENT_IP = "203.0.113.9"
KEY, SECRET = "nk-4f1d9c", "ns-Zq83hfTTopSecretOfTheShop"
PATH = "/v1/sms/preview"
TEXT = "{OTP} là mã xác thực của bạn. Không chia sẻ mã này với bất kỳ ai, kể cả nhân viên."

ACCOUNT = doc.Account(name="shop", wallet="postpaid", windows=(), country="VN")
CREDENTIAL = doc.Credential(account="shop", dialect="native", key=KEY, secret=SECRET)
DOCUMENTS: tuple[doc.AnyDocument, ...] = (
    doc.Tariff(name="default", rates=(doc.Rate(channel="sms", prefix="+84", price="850"),)),
    ACCOUNT,
    CREDENTIAL,
    doc.Brandname(account="shop", name="Shop"),
)


def login(key: str = KEY, secret: str = SECRET) -> tuple[bytes, bytes]:
    return b"authorization", b"Basic " + base64.b64encode(f"{key}:{secret}".encode())


def preview(members: Any, key: str = KEY, secret: str = SECRET) -> Request:
    """A request; `members` that are bytes are the body as it is."""
    body = members if isinstance(members, bytes) else json.dumps(members).encode()
    return Request("POST", PATH, b"", (login(key, secret),), body, CLIENT_IP)
