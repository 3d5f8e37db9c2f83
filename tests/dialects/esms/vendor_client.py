"""A client of the vendor's API as its documents describe one, and the account that it belongs to."""

import json
from typing import Any
from urllib.parse import quote, urlencode

from onema.dialects.esms.routes import EsmsApi
from onema.dialects.esms.wire import message_of_smsid
from onema.domain.configuration import documents as doc
from onema.http.messages import Request, Response

from ..running_core import RunningCore

GENCODE = "/MainService.svc/json/SendMessageAutoGenCode_V4_get"
CHECKCODE = "/MainService.svc/json/CheckCodeGen_V4_get"

API_KEY = "0A1B2C3D4E5F60718293A4B5C6D7E8"
SECRET_KEY = "F0E1D2C3B4A5968778695A4B3C2D1E"
KEYS = {"ApiKey": API_KEY, "SecretKey": SECRET_KEY}
CLIENT_IP = "203.0.113.9"
PHONE = "0901888484"
TEXT = "{OTP} la ma xac minh dang ky Baotrixemay cua ban"
SEGMENT_PRICE = "850"

ACCOUNT = doc.Account(name="shop", wallet="postpaid", windows=())
CREDENTIAL = doc.Credential(account="shop", dialect="esms", key=API_KEY, secret=SECRET_KEY)
BRANDNAME = doc.Brandname(account="shop", name="Baotrixemay")
TEMPLATE = doc.Template(account="shop", brandname="Baotrixemay", text=TEXT)
TARIFF = doc.Tariff(name="default", rates=(doc.Rate(channel="sms", price=SEGMENT_PRICE),))
DOCUMENTS = (TARIFF, ACCOUNT, CREDENTIAL, BRANDNAME, TEMPLATE)

GENCODE_PARAMETERS = {
    "Phone": PHONE,
    **KEYS,
    "TimeAlive": "2",
    "NumCharOfCode": "6",
    "Brandname": "Baotrixemay",
    "Type": "2",
    "message": TEXT,
    "IsNumber": "1",
}
"""What the samples of docs/vendors/esms.md#gencode send, with the rest of the parameters."""


def gencode_parameters(changes: dict[str, str | None]) -> dict[str, str]:
    """The worked request with some parameters changed, and those that are None left out."""
    return {name: value for name, value in {**GENCODE_PARAMETERS, **changes}.items() if value is not None}


def query_of(parameters: dict[str, str]) -> bytes:
    return urlencode(parameters, quote_via=quote).encode()


class VendorClient:
    """Asks an EsmsApi; `client_ip` is where it asks from."""

    def __init__(self, api: EsmsApi, core: RunningCore) -> None:
        self._api = api
        self._core = core
        self.client_ip = CLIENT_IP

    async def ask(
        self,
        path: str,
        query: bytes = b"",
        *,
        method: str = "GET",
        body: bytes = b"",
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> Response:
        return await self._api.answer(Request(method, path, query, headers, body, self.client_ip))

    async def gencode(self, **changes: str | None) -> bytes:
        """The answer to the worked request, changed as in `gencode_parameters`."""
        return (await self.ask(GENCODE, query_of(gencode_parameters(changes)))).body

    async def checkcode(self, code: str, phone: str = PHONE) -> bytes:
        return (await self.ask(CHECKCODE, query_of({**KEYS, "Phone": phone, "Code": code}))).body

    async def send(self, **changes: str | None) -> int:
        """Send a code with success; the message's id."""
        return sent_message(await self.gencode(**changes))

    async def send_code(self, **changes: str | None) -> str:
        """Send a code with success; the code, as the phone would show it."""
        return await self.code_of(await self.send(**changes))

    async def code_of(self, message: int) -> str:
        """The code that waits to be delivered in a message of the template TEXT."""
        sms = await self._core.queued_sms(message)
        return sms.text.removesuffix(TEXT.removeprefix("{OTP}"))


def members(body: bytes) -> dict[str, Any]:
    answer = json.loads(body)
    assert isinstance(answer, dict)
    return answer


def code_result(body: bytes) -> object:
    return members(body).get("CodeResult")


def sent_message(body: bytes) -> int:
    """The id of the message that an accepting answer names."""
    answer = members(body)
    assert answer["CodeResult"] == "100", body
    return message_of_smsid(answer["SMSID"])


def other_code(code: str) -> str:
    """A code of the same length that differs."""
    return ("A" if code[0] != "A" else "B") + code[1:]


def invalid_body(code: str, phone: str = PHONE) -> bytes:
    text = f"{phone}, Content: {code} Code Invalid"
    return f'{{"CodeResult":"117","CountRegenerate":0,"ErrorMessage":"{text}"}}'.encode()


def valid_body(phone: str = PHONE) -> bytes:
    return f'{{"CodeResult":"100","CountRegenerate":0,"ErrorMessage":"{phone}, Content: Success!"}}'.encode()


def error_body(code: str, message: str) -> bytes:
    return f'{{"CodeResult":"{code}","CountRegenerate":0,"ErrorMessage":"{message}"}}'.encode()
