"""What no dialect may get wrong, whoever its vendor is."""

import json
import logging
from typing import Protocol

import msgspec
import pytest
import pytest_asyncio
from starlette.types import Receive, Scope, Send

from onema.dialects.camara.routes import CamaraApi
from onema.dialects.contract import Dialect
from onema.dialects.esms.routes import EsmsApi
from onema.dialects.native.routes import NativeApi
from onema.dialects.receivers.routes import Receivers
from onema.dialects.twilio_verify.routes import TwilioVerifyApi
from onema.dialects.vbee.routes import VbeeApi
from onema.dialects.ytx.routes import YtxApi
from onema.domain.configuration import documents as doc
from onema.domain.refusals import Refusal
from onema.http.application import HttpApplication
from onema.http.client_address import TrustedProxies
from onema.http.messages import Request, Response
from onema.http.reader import BODY_LIMIT
from onema.telemetry.metrics import Metrics
from onema.testing.socketless_client import SocketlessClient

from .camara import client as camara
from .esms import vendor_client as esms
from .native import client as native
from .receivers import client as receivers
from .running_core import RunningCore
from .twilio_verify import client as twilio_verify
from .vbee import vendor_client as vbee
from .ytx import vendor_client as ytx

CLIENT_IP = "203.0.113.9"
OTHER_IP = "198.51.100.7"
RIVAL = doc.Account(name="rival", wallet="postpaid", windows=())


Documents = tuple[doc.AnyDocument, ...]


class Vendor(Protocol):
    """One dialect seen by an attacker: how a request of the account "shop" is made, and what is no success.

    `borrowing` asks with the shop's keys for what belongs to the account "rival", whose documents are `rivals`.
    """

    name: str
    documents: Documents
    account: doc.Account
    credential: doc.Credential
    rivals: Documents
    unknown_path: str
    sends: bool
    """Whether `request` asks for a message."""

    def api(self, core: RunningCore) -> Dialect: ...
    def request(self, core: RunningCore, secret: str, key: str) -> Request: ...
    def borrowing(self, core: RunningCore) -> Request: ...
    def code(self, response: Response) -> str:
        """The vendor's code, "ok" for success. Fails for what is not the vendor's shape."""


class Esms:
    name = "esms"
    documents: Documents = esms.DOCUMENTS
    account = esms.ACCOUNT
    credential = esms.CREDENTIAL
    rivals: Documents = (
        RIVAL,
        doc.Brandname(account="rival", name="Rival"),
        doc.Template(account="rival", brandname="Rival", text=esms.TEXT),
    )
    unknown_path = "/MainService.svc/json/Nothing"
    sends = True

    def api(self, core: RunningCore) -> Dialect:
        return EsmsApi(core.gateway, reads=core.reads, time_alive_max=10, invalid_code="117")

    def request(self, core: RunningCore, secret: str, key: str) -> Request:
        return self._request({"SecretKey": secret, "ApiKey": key})

    def borrowing(self, core: RunningCore) -> Request:
        return self._request({"Brandname": "Rival"})

    def _request(self, changes: dict[str, str | None]) -> Request:
        query = esms.query_of(esms.gencode_parameters(changes))
        return Request("GET", esms.GENCODE, query, (), b"", CLIENT_IP)

    def code(self, response: Response) -> str:
        answer = json.loads(response.body)
        if answer == {"error": "Invalid request"}:
            return "invalid"
        assert {"CodeResult", "CountRegenerate"} <= set(answer)
        return "ok" if answer["CodeResult"] == "100" else str(answer["CodeResult"])


class Ytx:
    name = "ytx"
    documents: Documents = ytx.DOCUMENTS
    account = ytx.ACCOUNT
    credential = ytx.CREDENTIAL
    rivals: Documents = (RIVAL, doc.Application(account="rival", name="codes", appid="f" * 32))
    unknown_path = f"/201512/sid/{ytx.ACCOUNT_SID}/call/Nothing.wx"
    sends = True

    def api(self, core: RunningCore) -> Dialect:
        return YtxApi(core.gateway, environments={}, reads=core.reads)

    def request(self, core: RunningCore, secret: str, key: str) -> Request:
        return self._request(core, secret, key, {})

    def borrowing(self, core: RunningCore) -> Request:
        return self._request(core, ytx.AUTH_TOKEN, ytx.ACCOUNT_SID, {"appid": "f" * 32})

    def _request(self, core: RunningCore, secret: str, key: str, changes: dict[str, object]) -> Request:
        stamp = ytx.stamp_at(core.clock.now())
        return Request(
            "POST",
            f"/201512/sid/{key}/{ytx.CALL_OUT}",
            f"Sign={ytx.sign(stamp, key, secret)}".encode(),
            ((b"authorization", ytx.authorization(stamp, key).encode()),),
            ytx.changed(ytx.CALL_MEMBERS, changes),
            CLIENT_IP,
        )

    def code(self, response: Response) -> str:
        answer = json.loads(response.body)
        assert set(answer) == {"statusCode", "statusMsg", "requestId"}
        return "ok" if answer["statusCode"] == "0" else str(answer["statusCode"])


class Vbee:
    name = "vbee"
    documents: Documents = vbee.DOCUMENTS
    account = vbee.ACCOUNT
    credential = vbee.CREDENTIAL
    rivals: Documents = (
        RIVAL,
        doc.Application(account="rival", name="otp", sentence="Ma la", pool="POOL_SYSTEM"),
        doc.Credential(account="rival", dialect="vbee", key="rival", secret="rivals own", application="otp"),
    )
    unknown_path = "/api/v1/public-api/nothing"
    sends = True

    def api(self, core: RunningCore) -> Dialect:
        return VbeeApi(core.gateway)

    def request(self, core: RunningCore, secret: str, key: str) -> Request:
        access_token = vbee.token({**vbee.CLAIMS, "apiKey": key}, secret)
        headers = ((b"authorization", b"Bearer " + access_token.encode()),)
        body = json.dumps(vbee.BODY).encode()
        return Request("POST", vbee.VOICE_OTP, b"", headers, body, CLIENT_IP)

    def borrowing(self, core: RunningCore) -> Request:
        return self.request(core, vbee.API_SECRET, "rival")

    def code(self, response: Response) -> str:
        answer = json.loads(response.body)
        assert answer["status"] in (0, 1)
        return str(answer["code"]) if answer["status"] == 0 else "ok"


class Native:
    name = "native"
    documents: Documents = native.DOCUMENTS
    account = native.ACCOUNT
    credential = native.CREDENTIAL
    rivals: Documents = (
        RIVAL,
        doc.Brandname(account="rival", name="Rival"),
        doc.Template(account="rival", brandname="Rival", text=native.TEXT),
    )
    unknown_path = "/v1/sms/nothing"
    sends = True

    def api(self, core: RunningCore) -> Dialect:
        return NativeApi(core.gateway, core.reads)

    def request(self, core: RunningCore, secret: str, key: str) -> Request:
        return native.create({}, key, secret)

    def borrowing(self, core: RunningCore) -> Request:
        return native.create({"sender": "Rival", "text": native.TEXT})

    def code(self, response: Response) -> str:
        answer = json.loads(response.body)
        if response.status == 201:
            return "ok"
        assert {"type", "title", "status"} <= set(answer)
        return str(answer["type"]).removeprefix("urn:onema:problem:")


class TwilioVerify:
    name = "twilio_verify"
    documents: Documents = twilio_verify.DOCUMENTS
    account = twilio_verify.ACCOUNT
    credential = twilio_verify.CREDENTIAL
    rivals: Documents = (RIVAL, doc.Application(account="rival", name="codes", appid="f" * 32))
    unknown_path = "/v2/Nothing"
    sends = True

    def api(self, core: RunningCore) -> Dialect:
        return TwilioVerifyApi(core.gateway, core.reads)

    def request(self, core: RunningCore, secret: str, key: str) -> Request:
        return twilio_verify.start({}, key, secret)

    def borrowing(self, core: RunningCore) -> Request:
        return twilio_verify.post("/v2/Services/VA" + "f" * 32 + "/Verifications", twilio_verify.START)

    def code(self, response: Response) -> str:
        answer = json.loads(response.body)
        if response.status == 201:
            return "ok"
        assert set(answer) == {"code", "message", "more_info", "status"}
        assert answer["status"] == response.status
        return str(answer["code"])


class Camara:
    name = "camara"
    documents: Documents = camara.DOCUMENTS
    account = camara.ACCOUNT
    credential = camara.CREDENTIAL
    rivals: Documents = (
        RIVAL,
        doc.Brandname(account="rival", name="Rival"),
        doc.Template(account="rival", brandname="Rival", text="{OTP} for the rival"),
    )
    unknown_path = "/one-time-password-sms/v1/nothing"
    sends = True

    def api(self, core: RunningCore) -> Dialect:
        return CamaraApi(core.gateway, core.reads)

    def request(self, core: RunningCore, secret: str, key: str) -> Request:
        return camara.send(camara.token_of(key, secret, core.clock.now() + 1_000))

    def borrowing(self, core: RunningCore) -> Request:
        token = camara.token_of(camara.CLIENT_ID, camara.CLIENT_SECRET, core.clock.now() + 1_000)
        return camara.send(token, message="{{code}} for the rival")

    def code(self, response: Response) -> str:
        answer = json.loads(response.body)
        if response.status == 200:
            return "ok"
        assert set(answer) == {"status", "code", "message"}
        return str(answer["code"])


class Receiver:
    """A hook of an identity server, whose key stands in the path."""

    name = "receivers"
    documents: Documents = receivers.DOCUMENTS
    account = receivers.ACCOUNT
    credential = receivers.CREDENTIAL
    rivals: Documents = (
        RIVAL,
        doc.Credential(account="rival", dialect="receivers", key="rival", secret="secret of a rival"),
    )
    unknown_path = "/receivers/nothing"
    sends = True

    def api(self, core: RunningCore) -> Dialect:
        return Receivers(core.gateway)

    def request(self, core: RunningCore, secret: str, key: str) -> Request:
        return receivers.post("logto", receivers.LOGTO, receivers.bearer(secret), key=key)

    def borrowing(self, core: RunningCore) -> Request:
        return self.request(core, receivers.SECRET, "rival")

    def code(self, response: Response) -> str:
        answer = json.loads(response.body)
        if response.status == 200:
            return "ok"
        assert set(answer) == {"error"}
        return str(answer["error"]["http_code"])


VENDORS: tuple[Vendor, ...] = (
    Esms(),
    Ytx(),
    Vbee(),
    Native(),
    TwilioVerify(),
    Camara(),
    Receiver(),
)
TRY_AGAIN = {
    "esms": "99",
    "ytx": "-100",
    "vbee": "500",
    "native": "store_unavailable",
    "twilio_verify": "20503",
    "camara": "UNAVAILABLE",
    "receivers": "503",
}
"""What each vendor says when something is away for a while."""


@pytest.fixture(params=VENDORS, ids=lambda vendor: vendor.name)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    chosen: Vendor = request.param
    return chosen


@pytest_asyncio.fixture
async def api(vendor: Vendor, core: RunningCore) -> Dialect:
    await core.configure(*vendor.documents)
    return vendor.api(core)


async def code_of(vendor: Vendor, api: Dialect, request: Request) -> str:
    return vendor.code(await api.answer(request))


def right(vendor: Vendor, core: RunningCore) -> Request:
    return vendor.request(core, vendor.credential.secret, vendor.credential.key)


async def test_the_right_keys_open(vendor: Vendor, api: Dialect, core: RunningCore) -> None:
    """Or else the refusals below would prove nothing."""
    assert await code_of(vendor, api, right(vendor, core)) == "ok"


async def test_a_wrong_secret_is_refused(vendor: Vendor, api: Dialect, core: RunningCore) -> None:
    """Also one that differs in its last character or in case, and an empty one."""
    secret, key = vendor.credential.secret, vendor.credential.key
    expected = {
        "esms": "101",
        "ytx": "-203",
        "vbee": "401",
        "native": "credential_unknown",
        "twilio_verify": "20003",
        "camara": "UNAUTHENTICATED",
        "receivers": "401",
    }[vendor.name]
    for wrong in ("wrong", secret[:-1], secret + "0", secret.swapcase(), ""):
        assert await code_of(vendor, api, vendor.request(core, wrong, key)) == expected
    assert await core.messages("shop") == []


async def test_an_unknown_key_is_refused(vendor: Vendor, api: Dialect, core: RunningCore) -> None:
    """Whatever secret comes with it."""
    expected = {
        "esms": "101",
        "ytx": "-200",
        "vbee": "1201",
        "native": "credential_unknown",
        "twilio_verify": "20003",
        "camara": "UNAUTHENTICATED",
        "receivers": "401",
    }[vendor.name]
    for key in ("unknown", vendor.credential.key[:-1], "0"):
        request = vendor.request(core, vendor.credential.secret, key)
        assert await code_of(vendor, api, request) == expected


async def test_keys_of_another_dialect_do_not_open(vendor: Vendor, api: Dialect, core: RunningCore) -> None:
    """A key is registered for one API."""
    api_of_the_key = "esms" if vendor.name == "native" else "native"
    other = msgspec.structs.replace(vendor.credential, dialect=api_of_the_key, key="another")
    await core.configure(other)
    request = vendor.request(core, vendor.credential.secret, "another")
    expected = {
        "esms": "101",
        "ytx": "-200",
        "vbee": "1201",
        "native": "credential_unknown",
        "twilio_verify": "20003",
        "camara": "UNAUTHENTICATED",
        "receivers": "401",
    }[vendor.name]
    assert await code_of(vendor, api, request) == expected


async def test_a_retired_credential_is_refused(vendor: Vendor, api: Dialect, core: RunningCore) -> None:
    """From the moment of its retirement."""
    await core.configure(msgspec.structs.replace(vendor.credential, state="inactive"))
    assert await code_of(vendor, api, right(vendor, core)) != "ok"


async def test_an_empty_secret_opens_nothing(vendor: Vendor, api: Dialect, core: RunningCore) -> None:
    """Even where one got past the rules for documents, which refuse it."""
    empty = msgspec.structs.replace(vendor.credential, secret="")
    directory = core.gateway.directory.replace({(empty.kind, empty.identity): empty}, revision=99)
    core.committer.snapshot.use(directory)
    assert await code_of(vendor, api, vendor.request(core, "", vendor.credential.key)) != "ok"


async def test_a_suspended_account_is_refused(vendor: Vendor, api: Dialect, core: RunningCore) -> None:
    """With the right keys too."""
    await core.configure(msgspec.structs.replace(vendor.account, state="inactive"))
    expected = {
        "esms": "143",
        "ytx": "-201",
        "vbee": "403",
        "native": "account_suspended",
        "twilio_verify": "20005",
        "camara": "PERMISSION_DENIED",
        "receivers": "403",
    }[vendor.name]
    assert await code_of(vendor, api, right(vendor, core)) == expected


async def test_an_address_outside_the_accounts_list_is_refused(
    vendor: Vendor, api: Dialect, core: RunningCore
) -> None:
    """And one inside it is not."""
    await core.configure(msgspec.structs.replace(vendor.account, allowed_ips=(OTHER_IP,)))
    expected = {
        "esms": "140",
        "ytx": "-205",
        "vbee": "403",
        "native": "ip_not_allowed",
        "twilio_verify": "20003",
        "camara": "PERMISSION_DENIED",
        "receivers": "403",
    }[vendor.name]
    request = right(vendor, core)
    assert await code_of(vendor, api, request) == expected
    assert await code_of(vendor, api, msgspec.structs.replace(request, client_ip=OTHER_IP)) == "ok"
    assert await code_of(vendor, api, msgspec.structs.replace(request, client_ip="")) == expected


async def test_what_belongs_to_another_account_is_refused(
    vendor: Vendor, api: Dialect, core: RunningCore
) -> None:
    """A brandname, an application, an application's key: the shop's keys do not open the rival's."""
    await core.configure(*vendor.rivals)
    expected = {
        "esms": "104",
        "ytx": "-205",
        "vbee": "401",
        "native": "brandname_unknown",
        "twilio_verify": "20404",
        "camara": "INVALID_ARGUMENT",
        "receivers": "401",
    }[vendor.name]
    assert await code_of(vendor, api, vendor.borrowing(core)) == expected
    assert await core.messages("rival") == []


# Only ytx signs the time; eSMS has no signature, and a Vbee token lives as long as its `exp` says.
async def test_a_recorded_request_expires(core: RunningCore) -> None:
    """Outside the window it is refused, before and after."""
    vendor = Ytx()
    await core.configure(*vendor.documents)
    api, recorded = vendor.api(core), right(vendor, core)
    day = 86_400
    core.clock.advance(day)
    assert await code_of(vendor, api, recorded) == "ok"
    core.clock.advance(1)
    assert await code_of(vendor, api, recorded) == "-202"
    core.clock.advance(-2 * day - 2)
    assert await code_of(vendor, api, recorded) == "-202"


async def test_every_refusal_is_mapped(vendor: Vendor, api: Dialect) -> None:
    """A new reason to refuse fails here by name."""
    assert set(api.refusals) == set(Refusal)


async def test_a_store_that_is_away_is_told_in_the_vendors_shape(
    vendor: Vendor, api: Dialect, core: RunningCore
) -> None:
    """And nothing is promised."""
    core.storage.is_away = True
    code = await code_of(vendor, api, right(vendor, core))
    core.storage.is_away = False
    assert code == TRY_AGAIN[vendor.name]
    assert await core.messages("shop") == []


async def test_nothing_secret_is_logged(
    vendor: Vendor, api: Dialect, core: RunningCore, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither secrets nor codes nor phones, whether a request is accepted, refused or fails."""
    caplog.set_level(logging.DEBUG, logger="onema")
    await api.answer(right(vendor, core))
    await api.answer(vendor.request(core, "wrong", vendor.credential.key))
    core.storage.is_away = True
    await api.answer(right(vendor, core))
    core.storage.is_away = False
    logged = "\n".join(str(vars(record)) for record in caplog.records)
    for secret in (vendor.credential.secret, "158456", vbee.OTP_CODE, ytx.PHONE, esms.PHONE[1:]):
        assert secret not in logged


# Below, through the whole HTTP layer.


async def no_console(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("the console was asked")


async def exchange(api: Dialect, request: Request) -> Response:
    """The request as bytes on a connection, and what came back."""
    app = HttpApplication([api], no_console, TrustedProxies(), lambda: True, Metrics())
    client = SocketlessClient(app, peer=request.client_ip)
    headers = [*request.headers, (b"content-length", b"%d" % len(request.body))]
    if request.header(b"host") is None:
        headers.append((b"host", b"test"))
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    target = request.path.encode() + (b"?" + request.query if request.query else b"")
    await client.send(b"%b %b HTTP/1.1\r\n%b\r\n" % (request.method.encode(), target, lines), request.body)
    await client.answered()
    (answer,) = client.answers()
    return Response(answer.status, answer.body)


async def test_an_oversized_body_is_answered_in_the_vendors_shape(
    vendor: Vendor, api: Dialect, core: RunningCore
) -> None:
    """It is refused without being read whole, and nothing is sent."""
    body = b'{"filler":"%s"}' % (b"x" * BODY_LIMIT)
    request = msgspec.structs.replace(right(vendor, core), body=body, method="POST")
    expected = {
        "esms": "invalid",
        "ytx": "-4",
        "vbee": "400",
        "native": "oversized",
        "twilio_verify": "60200",
        "camara": "INVALID_ARGUMENT",
        "receivers": "400",
    }[vendor.name]
    assert vendor.code(await exchange(api, request)) == expected
    assert await core.messages("shop") == []


async def test_an_unknown_path_is_answered_in_the_vendors_shape(
    vendor: Vendor, api: Dialect, core: RunningCore
) -> None:
    """With keys and without."""
    expected = {
        "esms": "invalid",
        "ytx": "-3",
        "vbee": "404",
        "native": "not_found",
        "twilio_verify": "20404",
        "camara": "NOT_FOUND",
        "receivers": "404",
    }[vendor.name]
    with_keys = msgspec.structs.replace(right(vendor, core), path=vendor.unknown_path)
    bare = Request("POST", vendor.unknown_path, b"", (), b"", CLIENT_IP)
    assert vendor.code(await exchange(api, with_keys)) == expected
    assert vendor.code(await exchange(api, bare)) == ("20003" if vendor.name == "twilio_verify" else expected)


async def test_a_fault_of_ours_is_answered_in_the_vendors_shape(
    vendor: Vendor, api: Dialect, core: RunningCore, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer does not say what went wrong; the log does, under an incident that the answer names."""

    async def broken(request: Request) -> Response:
        raise RuntimeError("the secret reason")

    class Broken(type(api)):  # type: ignore[misc]  # any of the three classes
        answer = staticmethod(broken)

    broken_api = object.__new__(Broken)
    response = await exchange(broken_api, right(vendor, core))
    assert (
        vendor.code(response)
        == {
            "esms": "99",
            "ytx": "-100",
            "vbee": "500",
            "native": "fault",
            "twilio_verify": "20500",
            "camara": "INTERNAL",
            "receivers": "500",
        }[vendor.name]
    )
    assert b"secret reason" not in response.body
    assert "a request failed" in caplog.text
