"""A client of CAMARA's one-time-password-sms, and an account that it may use."""

import base64
import hmac
import json
from typing import Any
from urllib.parse import urlencode

from onema.dialects.camara.routes import SEND, TOKEN, VALIDATE
from onema.domain.configuration import documents as doc
from onema.http.messages import Request

CLIENT_IP = "203.0.113.9"
CLIENT_ID, CLIENT_SECRET = "bank-7c1d", "cs-0fD5c7b2A9e84136bb7a"
PHONE, CORRELATOR = "+84901888484", "b4333c46-49c0-4f62-80d7-f0ef930f1c46"
MESSAGE = "{{code}} la ma xac minh cua ban"

ACCOUNT = doc.Account(name="shop", wallet="postpaid", windows=(), country="VN")
CREDENTIAL = doc.Credential(account="shop", dialect="camara", key=CLIENT_ID, secret=CLIENT_SECRET)
DOCUMENTS: tuple[doc.AnyDocument, ...] = (
    doc.Tariff(name="default", rates=(doc.Rate(channel="sms", prefix="+84", price="850"),)),
    ACCOUNT,
    CREDENTIAL,
    doc.Brandname(account="shop", name="Shop"),
    doc.Template(account="shop", brandname="Shop", text="{OTP} la ma xac minh cua ban"),
)


def post(path: str, members: Any, token: str | None) -> Request:
    """A request with a correlator; members that are bytes are the body as it is."""
    body = members if isinstance(members, bytes) else json.dumps(members).encode()
    headers = [(b"content-type", b"application/json"), (b"x-correlator", CORRELATOR.encode())]
    if token is not None:
        headers.append((b"authorization", b"Bearer " + token.encode()))
    return Request("POST", path, b"", tuple(headers), body, CLIENT_IP)


def send(token: str | None, **changed: Any) -> Request:
    return post(SEND, {"phoneNumber": PHONE, "message": MESSAGE} | changed, token)


def validate(token: str | None, authentication: str, code: str) -> Request:
    return post(VALIDATE, {"authenticationId": authentication, "code": code}, token)


def ask_for_token(key: str = CLIENT_ID, secret: str = CLIENT_SECRET, **form: str) -> Request:
    login = base64.b64encode(f"{key}:{secret}".encode())
    body = urlencode({"grant_type": "client_credentials"} | form).encode()
    return Request("POST", TOKEN, b"", ((b"authorization", b"Basic " + login),), body, CLIENT_IP)


def token_of(key: str, secret: str, expires_at: int) -> str:
    """What the token endpoint would give to a client with this secret."""
    claims = json.dumps([key, expires_at], separators=(",", ":")).encode()
    mac = hmac.digest(secret.encode(), claims, "sha256")
    return b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (claims, mac)).decode()
