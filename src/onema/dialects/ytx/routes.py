"""The vendor's voice code (CodeCallOut), its calls that read out a text (NoticeCall), its SMS (TemplateSMS), records of
calls (CallCdr), and the balance (getBlance, the vendor's spelling).
"""

import re
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from onema.dialects.ytx import wire
from onema.dialects.ytx.auth import DIALECT, Environment, authenticate, environment_of
from onema.dialects.ytx.call_records import CallRecords, InvalidQuestion
from onema.dialects.ytx.callbacks import YtxCallbacks
from onema.dialects.ytx.errors import (
    FIELD_MISSING,
    INVALID_ACTION,
    INVALID_JSON,
    INVALID_TIMES,
    INVALID_VALUE,
    NOT_FOUND,
    OVERSIZED,
    REFUSALS,
    REFUSED,
    Rejected,
    accepted,
    fault,
)
from onema.domain.codes.accept_message import Accepted
from onema.domain.codes.admission import admit_account, admit_application
from onema.domain.codes.call_with_code import CallWithCode
from onema.domain.codes.call_with_text import CallWithText
from onema.domain.codes.send_text import SendText
from onema.domain.codes.send_together import SendTogether
from onema.domain.codes.start_verification import ENTROPY_BYTES, GivenCode
from onema.domain.configuration.directory import AccountView, ApplicationView
from onema.domain.configuration.message_template import MessageTemplate
from onema.domain.ids import MessageId
from onema.domain.keyring import NONCE_BYTES
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.phone import parse_phone
from onema.engine.customer_reads import CustomerReads
from onema.engine.gateway import Gateway
from onema.engine.refusals import Asking
from onema.http.messages import Request, Response
from onema.http.parameters import parse_query

HOME_COUNTRY = "CN"
DEFAULT_VOICE = "zh"

# The document has 201512. The vendor's .NET helper asks getBlance under 201612 (github.com/megatontech/yzbcore,
# yzbcore/Bussiness/CommenHelper.cs).
_VERSIONS = frozenset({"201512", "201612"})
# "Letters and digits, shorter than 20" (console.ytx.net/FileDetails/FileCodeCallOut). The same table calls it a
# long, which would lose leading zeros.
_CODE = re.compile(r"[0-9A-Za-z]{1,19}", re.ASCII)

MOST_PHONES = 100
"""Of one request."""

Members = dict[str, object]


class _Caller(msgspec.Struct, frozen=True):
    account_sid: str
    account: AccountView
    application: ApplicationView
    client_ip: str


class _Function(msgspec.Struct, frozen=True):
    """What is behind one path: its actions, and the members that they cannot do without."""

    actions: tuple[str, ...]
    required: tuple[str, ...]
    perform: Callable[[_Caller, Members], Awaitable[Response]]
    to: str = "dst"
    """The member that names the phone."""
    calls: bool = True
    """Whether the application needs voice codes switched on."""


class YtxApi:
    """/{version}/sid/{accountSID}/{func}/{funcURL}?Sign=, checked in the order of docs/vendors/ytx.md#order-of-checks.

    `environments` says which Host headers, in lower case with or without a port, are production's and which
    the sandbox's; a host that it does not name serves both. `reads` is what is read with.
    """

    name = DIALECT
    path_segments = _VERSIONS
    refusals = REFUSALS

    def __init__(
        self,
        gateway: Gateway,
        *,
        environments: Mapping[str, Environment],
        reads: CustomerReads,
    ) -> None:
        self._gateway = gateway
        self._environments = environments
        self._reads = reads
        self._records = CallRecords(reads)
        self.callbacks = YtxCallbacks(gateway)
        self.operations = {
            "call/codecallout.wx": _Function(
                ("callOutCode",), ("action", "appid", "dst", "code"), self._call_out
            ),
            "call/noticecall.wx": _Function(
                ("templateNoticeCall",), ("action", "appid", "dst", "templateId"), self._read_out
            ),
            "sms/templatesms.wx": _Function(
                ("templateSms",),
                ("action", "appid", "mobile", "templateId"),
                self._send_sms,
                to="mobile",
                calls=False,
            ),
            "account/getblance.wx": _Function(("queryBlance",), ("action", "appid"), self._tell_balance),
            "call/callcdr.wx": _Function(
                ("getCdrByResId", "getCdrByTime"), ("action", "appid"), self._tell_records, calls=False
            ),
            "call/dailbackcall.wx": _Function(
                ("callDailBack",), ("action", "appid", "src", "dst"), self._refuse_bridge
            ),
        }

    async def answer(self, request: Request) -> Response:
        asking = Asking(DIALECT, request.client_ip)
        response = await self._answer(request, asking)
        if response.outcome not in ("ok", "not_found"):
            self._gateway.refusals.note(asking, response.outcome)
        return response

    async def _answer(self, request: Request, asking: Asking) -> Response:
        function, account_sid = self._route(request)
        if function is None:
            return NOT_FOUND
        try:
            members = wire.read_body(request.body)
        except ValueError:
            return INVALID_JSON
        if not all(name in members for name in function.required):
            return FIELD_MISSING
        asking.phone = wire.text(members.get(function.to, ""))
        try:
            caller = self._admit(request, account_sid, wire.text(members["appid"]), asking, function.calls)
            if members["action"] not in function.actions:
                return INVALID_ACTION
            return await function.perform(caller, members)
        except Rejected as rejected:
            return rejected.response
        except Refused as refused:
            asking.detail = refused.detail
            return REFUSED[refused.refusal]

    def refuse_oversized(self, request: Request) -> Response:
        return OVERSIZED

    def fault(self, request: Request, incident: str) -> Response:
        return fault(incident)

    def _route(self, request: Request) -> tuple[_Function | None, str]:
        match [segment for segment in request.path.split("/") if segment]:
            case [_, sid, account_sid, *function] if sid.lower() == "sid" and request.method == "POST":
                return self.operations.get("/".join(function).lower()), account_sid
            case _:
                return None, ""

    def _admit(self, request: Request, account_sid: str, appid: str, asking: Asking, calls: bool) -> _Caller:
        directory = self._gateway.directory
        authorization = request.header(b"authorization")
        sign, now = _sign_of(request), self._gateway.now()
        account = authenticate(directory, account_sid, authorization, sign, now, asking)
        admit_account(account, request.client_ip)
        owner, application = directory.application_with_appid.get(appid, (None, None))
        if application is None or owner is not account:
            raise Refused(Refusal.APPLICATION_UNKNOWN, "the account has no application with this appid")
        asking.application = application.name
        environment = environment_of(request.host, self._environments)
        admit_application(application, request.client_ip, environment, calls=calls)
        return _Caller(account_sid, account, application, request.client_ip)

    async def _call_out(self, caller: _Caller, members: Members) -> Response:
        gateway, account, application = self._gateway, caller.account, caller.application
        home = account.country or HOME_COUNTRY
        phone = parse_phone(wire.text(members["dst"]), home)
        code = wire.text(members["code"])
        if not _CODE.fullmatch(code):
            raise Refused(Refusal.CODE_INVALID)
        times = wire.times_to_play(members.get("time"))
        if times is None:
            return INVALID_TIMES
        sent: Accepted = await gateway.execute(
            CallWithCode(
                account=account.id,
                application=application.name,
                id=MessageId(gateway.next_id()),
                now=gateway.now(),
                entropy=gateway.token(ENTROPY_BYTES),
                dialect=DIALECT,
                phone=phone,
                home_country=home,
                client_ip=caller.client_ip,
                code=GivenCode(code),
                voice=application.document.voice or DEFAULT_VOICE,
                times=times,
                # The vendor's caller numbers are its own; nobody names a pool through this API.
                pool_required=False,
            )
        )
        return accepted(sent.message)

    async def _read_out(self, caller: _Caller, members: Members) -> Response:
        """Several phones are joined by bars: so says a comment of a client (docs/vendors/ytx.md#sources)."""
        gateway, account, application = self._gateway, caller.account, caller.application
        home = account.country or HOME_COUNTRY
        phones = [parse_phone(each, home) for each in wire.text(members["dst"]).split("|")]
        times, rate = wire.times_to_play(members.get("time")), wire.rate_of(members.get("speed"))
        if times is None:
            return INVALID_TIMES
        name = wire.text(members["templateId"])
        template = account.named_templates.get(name)
        values = wire.texts(members.get("datas", []))
        if rate is None or template is None or values is None or len(phones) > MOST_PHONES:
            return INVALID_VALUE
        text = MessageTemplate.parse(template.text).filled(values)
        keys = wire.text(members.get("isdtmfcallback", "")) == "1"
        ids = [MessageId(gateway.next_id()) for _ in phones]
        calls = tuple(
            CallWithText(
                account=account.id,
                application=application.name,
                id=identifier,
                now=gateway.now(),
                entropy=gateway.token(NONCE_BYTES),
                dialect=DIALECT,
                phone=phone,
                home_country=home,
                client_ip=caller.client_ip,
                template=name,
                text=text,
                voice=application.document.voice or DEFAULT_VOICE,
                rate=rate,
                times=times,
                category=wire.NOTICE_WITH_KEYS if keys else wire.NOTICE,
                together=ids[0] if len(ids) > 1 else 0,
            )
            for identifier, phone in zip(ids, phones, strict=True)
        )
        await gateway.execute(calls[0] if len(calls) == 1 else SendTogether(calls))
        return accepted(ids[0], wire.NOTICE_FUNCTION)

    async def _send_sms(self, caller: _Caller, members: Members) -> Response:
        gateway, account = self._gateway, caller.account
        home = account.country or HOME_COUNTRY
        phones = [parse_phone(each, home) for each in wire.text(members["mobile"]).split(",")]
        template = account.named_templates.get(wire.text(members["templateId"]))
        values = wire.texts(members.get("datas", []))
        if template is None or values is None or len(phones) > MOST_PHONES:
            return INVALID_VALUE
        text = MessageTemplate.parse(template.text).filled(values)
        ids = [MessageId(gateway.next_id()) for _ in phones]
        sends = tuple(
            SendText(
                account=account.id,
                application=caller.application.name,
                id=identifier,
                now=gateway.now(),
                entropy=gateway.token(NONCE_BYTES),
                dialect=DIALECT,
                phone=phone,
                home_country=home,
                client_ip=caller.client_ip,
                brandname=template.brandname,
                text=text,
                together=ids[0] if len(ids) > 1 else 0,
            )
            for identifier, phone in zip(ids, phones, strict=True)
        )
        sent: Accepted = await gateway.execute(sends[0] if len(sends) == 1 else SendTogether(sends))
        if sent.refusal is not None:
            raise Refused(sent.refusal, "a value does not fit its place in the template")
        return accepted(sent.message, wire.SMS_FUNCTION)

    async def _tell_records(self, caller: _Caller, members: Members) -> Response:
        """One of the two ways to ask for them; each has two members of its own."""
        by_id = members["action"] == "getCdrByResId"
        if not all(name in members for name in (("lastresid", "limit") if by_id else ("pdate", "ptime"))):
            return FIELD_MISSING
        account, application = caller.account, caller.application
        try:
            if by_id:
                told = await self._records.after(account, application, members, self._gateway.now())
            else:
                told = await self._records.of_hour(account, application, members)
        except InvalidQuestion:
            return INVALID_VALUE
        return Response(200, told)

    async def _refuse_bridge(self, caller: _Caller, members: Members) -> Response:
        """A function that the application does not have, in the vendor's words."""
        raise Refused(Refusal.FEATURE_OFF, "a call between two people verifies nobody: it is not offered")

    async def _tell_balance(self, caller: _Caller, members: Members) -> Response:
        return Response(200, wire.balance(caller.account_sid, await self._reads.balance(caller.account.id)))


def _sign_of(request: Request) -> str:
    """Empty, which signs nothing, for a query that cannot be read."""
    try:
        return parse_query(request.query).get("sign", "")
    except ValueError:
        return ""
