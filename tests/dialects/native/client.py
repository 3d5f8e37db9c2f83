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
    doc.Template(account="shop", brandname="Shop", text="{OTP} la ma xac minh {P1,10}"),
    doc.Template(account="shop", brandname="Shop", text=TEXT),
)
PHONE = "+84901888484"
VERIFICATIONS = "/v1/verifications"


def login(key: str = KEY, secret: str = SECRET) -> tuple[bytes, bytes]:
    return b"authorization", b"Basic " + base64.b64encode(f"{key}:{secret}".encode())


def post(path: str, members: Any = b"", key: str = KEY, secret: str = SECRET) -> Request:
    """A request; `members` that are bytes are the body as it is."""
    body = members if isinstance(members, bytes) else json.dumps(members).encode()
    return Request("POST", path, b"", (login(key, secret),), body, CLIENT_IP)


def get(path: str, key: str = KEY, secret: str = SECRET) -> Request:
    return Request("GET", path, b"", (login(key, secret),), b"", CLIENT_IP)


def preview(members: Any, key: str = KEY, secret: str = SECRET) -> Request:
    return post(PATH, members, key, secret)


def create(members: dict[str, Any], key: str = KEY, secret: str = SECRET) -> Request:
    """A code for the phone; `members` are put over that."""
    return post(VERIFICATIONS, {"to": PHONE} | members, key, secret)
