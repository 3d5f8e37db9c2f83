"""A client of the vendor's API as its documents describe one, and the account that it belongs to."""

import base64
import datetime as dt
import hashlib
import json
from typing import Any

from onema.delivery.callback_contract import CallbackRequest
from onema.dialects.ytx.callbacks import YtxCallbacks
from onema.dialects.ytx.routes import YtxApi
from onema.dialects.ytx.wire import message_of_request_id
from onema.domain.configuration import documents as doc
from onema.domain.delivery.payload import CallPayload, open_payload
from onema.domain.ids import MessageId
from onema.domain.records import Call, Job, Message
from onema.http.messages import Request, Response

from ..running_core import RunningCore

# The worked example of docs/vendors/ytx.md#signing-a-request; the appid and the phone are those of the vendor's sample.
ACCOUNT_SID = "abcdefghijklmnopqrstuvwxyz012345"
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
APPID = "ff8080813fc70a7b013fc72312324213"
PHONE = "13911281234"
CLIENT_IP = "203.0.113.9"
HOST = "127.0.0.1:46376"
MINUTE_PRICE = "0.06"

ACCOUNT = doc.Account(name="shop", wallet="postpaid", windows=())
CREDENTIAL = doc.Credential(account="shop", dialect="ytx", key=ACCOUNT_SID, secret=AUTH_TOKEN)
APPLICATION = doc.Application(account="shop", name="codes", appid=APPID)
TARIFF = doc.Tariff(name="default", rates=(doc.Rate(channel="call", price=MINUTE_PRICE),))
DOCUMENTS = (TARIFF, ACCOUNT, APPLICATION, CREDENTIAL)

CALL_OUT = "call/CodeCallOut.wx"
GET_BALANCE = "account/getBlance.wx"
CALL_MEMBERS: dict[str, object] = {
    "action": "callOutCode",
    "dst": PHONE,
    "appid": APPID,
    "code": "158456",
    "time": "3",
}
"""The vendor's sample request."""

Headers = tuple[tuple[bytes, bytes], ...]


def sign(stamp: str, account_sid: str = ACCOUNT_SID, auth_token: str = AUTH_TOKEN) -> str:
    return hashlib.md5((account_sid + auth_token + stamp).encode()).hexdigest()


def authorization(stamp: str, account_sid: str = ACCOUNT_SID, separator: str = "|") -> str:
    return base64.b64encode(f"{account_sid}{separator}{stamp}".encode()).decode()


def stamp_at(milliseconds: int) -> str:
    """China's wall clock as the vendor's clients write it."""
    china = dt.timezone(dt.timedelta(hours=8))
    return dt.datetime.fromtimestamp(milliseconds / 1000, china).strftime("%Y%m%d%H%M%S")


def milliseconds_at(stamp: str) -> int:
    moment = dt.datetime.strptime(stamp + "+0800", "%Y%m%d%H%M%S%z")
    return int(moment.timestamp() * 1000)


def changed(members: dict[str, object], changes: dict[str, object]) -> bytes:
    """The members as JSON with some changed, and those that are ... left out."""
    wanted = {name: value for name, value in {**members, **changes}.items() if value is not ...}
    return json.dumps(wanted, ensure_ascii=False).encode()


class VendorClient:
    """Asks a YtxApi; `client_ip` and `host` are where from and where to."""

    def __init__(self, api: YtxApi, core: RunningCore) -> None:
        self._api = api
        self._core = core
        self.client_ip = CLIENT_IP
        self.host = HOST
        self.account_sid = ACCOUNT_SID
        self.auth_token = AUTH_TOKEN

    async def ask(
        self, path: str, query: bytes = b"", *, body: bytes = b"", headers: Headers = (), method: str = "POST"
    ) -> Response:
        """A request as it stands; only the Host is added."""
        all_headers = ((b"host", self.host.encode()), *headers)
        return await self._api.answer(Request(method, path, query, all_headers, body, self.client_ip))

    async def post(
        self,
        function: str,
        body: bytes,
        *,
        stamp: str | None = None,
        signature: str | None = None,
        header: str | None = None,
        version: str = "201512",
    ) -> Response:
        """A signed request; parts of the signature may be given."""
        stamp = stamp or stamp_at(self._core.clock.now())
        signature = sign(stamp, self.account_sid, self.auth_token) if signature is None else signature
        header = authorization(stamp, self.account_sid) if header is None else header
        return await self.ask(
            f"/{version}/sid/{self.account_sid}/{function}",
            f"Sign={signature}".encode(),
            body=body,
            headers=((b"authorization", header.encode("latin-1")),),
        )

    async def call(self, **changes: object) -> Response:
        """The vendor's sample request, changed as in `changed`."""
        return await self.post(CALL_OUT, changed(CALL_MEMBERS, changes))

    async def status(self, **changes: object) -> str:
        """The statusCode of `call`."""
        return status_code(await self.call(**changes))

    async def place(self, **changes: object) -> int:
        """Call with success; the message's id."""
        return placed_message(await self.call(**changes))

    async def placed(self, **changes: object) -> CallPayload:
        """Call with success; what waits to be delivered, code and all."""
        message = await self.place(**changes)
        job = (await self._core.storage.read([(Job, message)]))[Job, message]
        assert isinstance(job, Job)
        payload = open_payload(job.payload, MessageId(message), self._core.keyring)
        assert isinstance(payload, CallPayload)
        return payload


def members(response: Response) -> dict[str, Any]:
    answer = json.loads(response.body)
    assert isinstance(answer, dict)
    return answer


def status_code(response: Response) -> str:
    code = members(response)["statusCode"]
    assert isinstance(code, str)
    return code


def placed_message(response: Response) -> int:
    """The id of the message that an accepting answer names."""
    answer = members(response)
    assert answer["statusCode"] == "0", response.body
    return message_of_request_id(answer["requestId"])


def error_body(code: str, message: str) -> bytes:
    return f'{{"statusCode":"{code}","statusMsg":"{message}","requestId":""}}'.encode()


def push(
    core: RunningCore, message: Message, url: str = "https://shop.example/told", call: Call | None = None
) -> CallbackRequest:
    """What tells of a message that ended."""
    told = YtxCallbacks(core.gateway).render(message, url, call)
    assert isinstance(told, CallbackRequest)
    return told
