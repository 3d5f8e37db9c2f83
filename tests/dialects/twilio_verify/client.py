"""A client of Twilio Verify, and an account that it may use."""

import base64
from urllib.parse import urlencode

from onema.domain.configuration import documents as doc
from onema.http.messages import Request

CLIENT_IP = "203.0.113.9"
ACCOUNT_SID, AUTH_TOKEN = "AC" + "1a" * 16, "0fD5c7b2A9e84136bb7a1e0d5c3f2a91"
APPID = "5e" * 16
SERVICE_SID = "VA" + APPID
SERVICE = f"/v2/Services/{SERVICE_SID}"
PHONE = "+84901888484"
TEXT = "{OTP} la ma xac minh cua ban"

ACCOUNT = doc.Account(name="shop", wallet="postpaid", windows=(), country="VN")
CREDENTIAL = doc.Credential(account="shop", dialect="twilio_verify", key=ACCOUNT_SID, secret=AUTH_TOKEN)
APPLICATION = doc.Application(
    account="shop", name="login", appid=APPID, title="Shop", template="login", sentence="Ma la {OTP}"
)
DOCUMENTS: tuple[doc.AnyDocument, ...] = (
    doc.Tariff(
        name="default",
        rates=(
            doc.Rate(channel="sms", prefix="+84", price="850"),
            doc.Rate(channel="call", prefix="+84", price="400", period=60),
        ),
    ),
    ACCOUNT,
    CREDENTIAL,
    APPLICATION,
    doc.Brandname(account="shop", name="Shop"),
    doc.Template(account="shop", brandname="Shop", text=TEXT, name="login"),
    doc.Template(account="shop", brandname="Shop", text="Your code is {OTP}", name="login.en"),
    doc.Template(account="shop", brandname="Shop", text="{OTP} de doi mat khau", name="reset"),
)
START = {"To": PHONE, "Channel": "sms"}


def login(key: str = ACCOUNT_SID, secret: str = AUTH_TOKEN) -> tuple[bytes, bytes]:
    return b"authorization", b"Basic " + base64.b64encode(f"{key}:{secret}".encode())


def post(
    path: str,
    parameters: dict[str, str] | bytes,
    key: str = ACCOUNT_SID,
    secret: str = AUTH_TOKEN,
    method: str = "POST",
) -> Request:
    """A request; `parameters` that are bytes are the body as it is."""
    body = parameters if isinstance(parameters, bytes) else urlencode(parameters).encode()
    headers = (login(key, secret), (b"host", b"onema.test:8400"))
    return Request(method, path, b"", headers, body, CLIENT_IP)


def get(path: str, key: str = ACCOUNT_SID, secret: str = AUTH_TOKEN) -> Request:
    target, _, query = path.partition("?")
    headers = (login(key, secret), (b"host", b"onema.test:8400"))
    return Request("GET", target, query.encode(), headers, b"", CLIENT_IP)


def start(parameters: dict[str, str], key: str = ACCOUNT_SID, secret: str = AUTH_TOKEN) -> Request:
    """A code for the phone by SMS; `parameters` are put over that."""
    return post(f"{SERVICE}/Verifications", START | parameters, key, secret)


def check(parameters: dict[str, str]) -> Request:
    return post(f"{SERVICE}/VerificationCheck", {"To": PHONE} | parameters)
