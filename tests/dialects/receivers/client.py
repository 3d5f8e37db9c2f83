"""Identity servers that bring codes, and an account that sends them."""

import base64
import hmac
import json
from typing import Any

from onema.domain.configuration import documents as doc
from onema.http.messages import Request

CLIENT_IP = "203.0.113.9"
PERSON = "198.51.100.23"
KEY, SECRET = "auth-7c1d", "rs-0fD5c7b2A9e84136bb7a1e0d5c3f2a91"
PHONE, CODE = "+84901888484", "686868"

ACCOUNT = doc.Account(name="shop", wallet="postpaid", windows=(), country="VN")
CREDENTIAL = doc.Credential(account="shop", dialect="receivers", key=KEY, secret=SECRET)
DOCUMENTS: tuple[doc.AnyDocument, ...] = (
    doc.Tariff(name="default", rates=(doc.Rate(channel="sms", prefix="+84", price="850"),)),
    ACCOUNT,
    CREDENTIAL,
    doc.Brandname(account="shop", name="Shop"),
    doc.Template(account="shop", brandname="Shop", text="{OTP} la ma xac minh cua ban"),
)
SUPABASE: dict[str, Any] = {
    "metadata": {
        "uuid": "0b7a4f5e-8f1c-4a53-9d3a-3d2c6c1f1b11",
        "time": "2026-11-29T01:00:00Z",
        "name": "send-sms",
        "ip_address": PERSON,
    },
    "user": {"id": "6481a5c1", "phone": "84901888400", "app_metadata": {"provider": "phone"}},
    "sms": {"otp": CODE, "sms_type": "phone_change", "phone": PHONE[1:]},
}
LOGTO: dict[str, Any] = {
    "to": PHONE[1:],
    "type": "SignIn",
    "payload": {"code": CODE, "locale": "en"},
    "ip": PERSON,
}
KRATOS: dict[str, Any] = {
    "recipient": PHONE,
    "template_type": "login_code_valid",
    "template_data": {"to": PHONE, "login_code": CODE, "expires_in_minutes": 60},
    "client_ip": PERSON,
}
ZITADEL: dict[str, Any] = {
    "contextInfo": {
        "eventType": "user.human.phone.code.added",
        "provider": {"id": "285181292935381355", "description": "onema"},
        "recipientPhoneNumber": PHONE,
    },
    "templateData": {"text": f"Your code is {CODE}"},
    "args": {"code": CODE, "domain": "login.example"},
}


def post(name: str, members: Any, *headers: tuple[bytes, bytes], key: str = KEY) -> Request:
    body = members if isinstance(members, bytes) else json.dumps(members).encode()
    return Request("POST", f"/receivers/{key}/{name}", b"", headers, body, CLIENT_IP)


def bearer(secret: str = SECRET) -> tuple[bytes, bytes]:
    return b"authorization", f"Bearer {secret}".encode()


def webhook(
    members: Any, now: int, identifier: str = "msg_1", *keys: bytes, joined: str = ", ", key: str = KEY
) -> Request:
    """As Supabase Auth signs, which joins several signatures by a comma and a space; `now` is Unix ms."""
    body = members if isinstance(members, bytes) else json.dumps(members).encode()
    signed = f"{identifier}.{now // 1000}.".encode() + body
    macs = [
        base64.b64encode(hmac.digest(one, signed, "sha256")).decode() for one in keys or (SECRET.encode(),)
    ]
    return post(
        "supabase",
        body,
        (b"webhook-id", identifier.encode()),
        (b"webhook-timestamp", str(now // 1000).encode()),
        (b"webhook-signature", joined.join(f"v1,{mac}" for mac in macs).encode()),
        key=key,
    )


def zitadel(members: Any, now: int, secret: str = SECRET) -> Request:
    """As Zitadel signs; `now` is Unix ms."""
    body = members if isinstance(members, bytes) else json.dumps(members).encode()
    mac = hmac.new(secret.encode(), f"{now // 1000}.".encode() + body, "sha256").hexdigest()
    return post("zitadel", body, (b"zitadel-signature", f"t={now // 1000},v1={mac}".encode()))
