"""A client of the vendor's API as its documents describe one, and the application that it belongs to."""

import base64
import hmac
import json
from typing import Any

from onema.dialects.vbee.routes import VbeeApi
from onema.domain.configuration import documents as doc
from onema.domain.delivery.payload import CallPayload, open_payload
from onema.domain.records import Job, Message
from onema.http.messages import Request, Response

from ..running_core import RunningCore

# The worked example of docs/vendors/vbee.md#the-access-token.
API_KEY = "11111111-2222-4333-8444-555555555555"
API_SECRET = "Secret8c"
OTP_CODE = "686868"
ISSUED_AT = 1_700_000_000
CLAIMS: dict[str, object] = {"apiKey": API_KEY, "otpCode": OTP_CODE, "iat": ISSUED_AT}

VOICE_OTP = "/api/v1/public-api/voice-otp"
PHONE = "0901888484"
VOICE = "hn_female_ngochuyen_full_48k-fhg"
BODY: dict[str, object] = {"phone_number": PHONE, "voice": VOICE}
CLIENT_IP = "203.0.113.9"
MINUTE_PRICE = "600"
SENTENCE = "Mã xác thực của bạn là"

ACCOUNT = doc.Account(name="shop", wallet="postpaid", windows=())
APPLICATION = doc.Application(account="shop", name="otp", sentence=SENTENCE, pool="POOL_SYSTEM")
CREDENTIAL = doc.Credential(account="shop", dialect="vbee", key=API_KEY, secret=API_SECRET, application="otp")
POOL = doc.HotlinePool(name="POOL_SYSTEM")
HOTLINE = doc.Hotline(pool="POOL_SYSTEM", number="02471098888")
TARIFF = doc.Tariff(name="default", rates=(doc.Rate(channel="call", price=MINUTE_PRICE),))
DOCUMENTS = (TARIFF, ACCOUNT, APPLICATION, CREDENTIAL, POOL, HOTLINE)

Headers = tuple[tuple[bytes, bytes], ...]


def segment(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def token_of(header: bytes, claims: bytes, secret: str = API_SECRET, algorithm: str = "sha256") -> str:
    """A JWT of exactly these bytes."""
    signed = f"{segment(header)}.{segment(claims)}"
    return f"{signed}.{segment(hmac.digest(secret.encode(), signed.encode(), algorithm))}"


def token(claims: dict[str, object], secret: str = API_SECRET) -> str:
    """As node-jsonwebtoken makes one: `{alg,typ}`, no spaces; claims that are ... are left out."""
    wanted = {name: value for name, value in claims.items() if value is not ...}
    return token_of(
        b'{"alg":"HS256","typ":"JWT"}', json.dumps(wanted, separators=(",", ":")).encode(), secret
    )


class VendorClient:
    """Asks a VbeeApi; `client_ip` is where from."""

    def __init__(self, api: VbeeApi, core: RunningCore) -> None:
        self._api = api
        self._core = core
        self.client_ip = CLIENT_IP

    async def ask(
        self,
        body: bytes,
        headers: Headers,
        *,
        path: str = VOICE_OTP,
        query: bytes = b"",
        method: str = "POST",
    ) -> Response:
        """A request as it stands."""
        return await self._api.answer(Request(method, path, query, headers, body, self.client_ip))

    async def post(self, access_token: str, body: bytes) -> Response:
        return await self.ask(
            body,
            (
                (b"content-type", b"application/json"),
                (b"authorization", b"Bearer " + access_token.encode("latin-1")),
            ),
        )

    async def call_with(self, **claims: object) -> Response:
        """The worked token with some claims changed, and the smallest body."""
        return await self.post(token({**CLAIMS, **claims}), json.dumps(BODY).encode())

    async def call(self, **fields: object) -> Response:
        """The worked token, and the smallest body with some fields changed; those that are ... are left out."""
        wanted = {name: value for name, value in {**BODY, **fields}.items() if value is not ...}
        return await self.post(token(CLAIMS), json.dumps(wanted).encode())

    async def message_of(self, response: Response) -> Message:
        """The message that an accepting answer names."""
        assert response.status == 200, response.body
        contact = members(response)["result"]["contact_id"]
        (message,) = [row for row in await self._core.messages("shop") if row.reference == contact]
        return message

    async def payload_of(self, response: Response) -> CallPayload:
        """What waits to be delivered for an accepting answer, code and all."""
        message = await self.message_of(response)
        job = (await self._core.storage.read([(Job, message.id)]))[Job, message.id]
        assert isinstance(job, Job)
        payload = open_payload(job.payload, message.id, self._core.keyring)
        assert isinstance(payload, CallPayload)
        return payload


def members(response: Response) -> dict[str, Any]:
    answer = json.loads(response.body)
    assert isinstance(answer, dict)
    return answer


def business_error(code: int, message: str) -> tuple[int, bytes]:
    """Sorted, with HTTP status 200."""
    return 200, f'{{"code":{code},"message":"{message}","status":0}}'.encode()


def http_error(code: int, message: str) -> tuple[int, bytes]:
    """As the vendor's document prints it, with the HTTP status of its code."""
    return code, f'{{"status":0,"code":{code},"message":"{message}"}}'.encode()


def told(response: Response) -> tuple[int, bytes]:
    return response.status, response.body
