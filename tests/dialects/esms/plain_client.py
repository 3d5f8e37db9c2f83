"""What clients of the plain send ask with, in the dresses that the vendor documents."""

import json
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from .vendor_client import ACCOUNT, KEYS, PHONE, VendorClient, query_of, sent_message

SERVICE = "/MainService.svc"
JSON_POST = f"{SERVICE}/json/SendMultipleMessage_V4_post_json/"
GET = f"{SERVICE}/json/SendMultipleMessage_V4_get"
FORM = f"{SERVICE}/json/SendMultipleMessage_V4_post/"
TEXT_POST = f"{SERVICE}/json/SendMultipleMessage_V4/"
XML_POST = f"{SERVICE}/xml/SendMultipleMessage_V4/"
XML_GET = f"{SERVICE}/xml/SendMultipleMessage_V4_get"
ADS = f"{SERVICE}/json/SendMultipleSMSBrandname_json/"
CHANNELS = f"{SERVICE}/json/MultiChannelMessage/"

CONTENT = "686868 la ma xac minh dang ky Baotrixemay cua ban"
SEND = {"Phone": PHONE, "Content": CONTENT, **KEYS, "SmsType": "2", "Brandname": "Baotrixemay"}
"""The vendor's own sample."""
FIXED = replace(ACCOUNT, fixed_number="8088")


def rqst(given: Mapping[str, Any], phones: tuple[str, ...] = (PHONE,)) -> bytes:
    """As the vendor's demos join it."""
    fields = "".join(f"<{name.upper()}>{value}</{name.upper()}>" for name, value in given.items())
    customers = "".join(f"<CUSTOMER><PHONE>{phone}</PHONE></CUSTOMER>" for phone in phones)
    return f"<RQST>{fields}<ISFLASH>0</ISFLASH><CONTACTS>{customers}</CONTACTS></RQST>".encode()


async def ask_json(client: VendorClient, given: Mapping[str, Any], path: str = JSON_POST) -> bytes:
    headers = ((b"content-type", b"application/json"),)
    response = await client.ask(path, method="POST", body=json.dumps(given).encode(), headers=headers)
    assert response.status == 200
    return response.body


async def send(client: VendorClient, **changed: Any) -> bytes:
    return await ask_json(client, {**SEND, **changed})


async def sent(client: VendorClient, **changed: Any) -> int:
    return sent_message(await send(client, **changed))


def without_phone(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name != "Phone"}


async def ask_get(client: VendorClient, path: str, given: Mapping[str, str]) -> bytes:
    return (await client.ask(path, query_of(dict(given)))).body
