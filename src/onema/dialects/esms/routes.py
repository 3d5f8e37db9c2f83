"""The vendor's code operations: GENCODE makes a code and sends it, CHECKCODE checks one, VoiceOTP reads out a given
one. What else is served is asked for from here.
"""

from collections.abc import Awaitable, Callable
from typing import Literal

from onema.dialects.esms import call_templates, wire
from onema.dialects.esms.auth import DIALECT, authenticate
from onema.dialects.esms.call_templates import CallTemplates
from onema.dialects.esms.callbacks import EsmsCallbacks
from onema.dialects.esms.errors import (
    INVALID_REQUEST,
    NO_TEMPLATE_ID,
    OTHER_TEMPLATE_ID,
    REFUSALS,
    REFUSED,
    TYPE_MISSING,
    TYPE_NOT_SUPPORTED,
    Rejected,
    fault,
    refused_message,
)
from onema.dialects.esms.phones import HOME_COUNTRY
from onema.dialects.esms.plain_sends import DRESSES, SPELLED, PlainSends
from onema.dialects.esms.queries import OPERATIONS, EsmsQueries
from onema.dialects.esms.voice_calls import VoiceCalls
from onema.domain.codes.accept_message import Accepted
from onema.domain.codes.check_code import Check, CheckCode
from onema.domain.codes.send_code import SendCode
from onema.domain.codes.send_text import LONGEST_AHEAD_DAYS
from onema.domain.codes.show_code import ShowCode
from onema.domain.codes.start_verification import ENTROPY_BYTES, NewCode
from onema.domain.codes.verification import (
    DIGITS,
    LETTERS_AND_DIGITS,
    MAX_LENGTH,
    MIN_LENGTH,
    VENDORS_LIFE_MINUTES,
)
from onema.domain.configuration.directory import AccountView
from onema.domain.configuration.message_template import is_whole_with_a_code
from onema.domain.ids import MessageId
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.phone import parse_phone
from onema.engine.customer_reads import CustomerReads
from onema.engine.gateway import Gateway
from onema.engine.refusals import Asking
from onema.http.messages import Request, Response

_CUSTOMER_CARE = "2"
# TypeId of V5.
_ONLY_MAKE = "1"
_MAKE_AND_SEND = "2"
_DEFAULT_LENGTH = 6
_DEFAULT_MINUTES = 5
_LEAST_MINUTES = 2
_MINUTE_MS = 60_000

# What answers something else than "ok" and refuses nothing.
_ANSWERS = frozenset({"ok", *(check.value for check in Check)})
# An enum's value is a property in Python, which costs as much as a call.
_TEMPLATE_MISMATCH = Refusal.TEMPLATE_MISMATCH.value

Parameters = dict[str, str]


class EsmsApi:
    """What is under /MainService.svc/json/ and /xml/, checked in the order of docs/vendors/esms.md#errors.

    `time_alive_max` is the longest validity in minutes; `invalid_code` the CodeResult of a code that does not
    match, on which the vendor's own pages disagree; `reads` is what queries read with; `checks` decides checks, also
    those of codes that a carrier made. The rest is for plain sends (plain_sends.py).
    """

    name = DIALECT
    path_segments = frozenset({"mainservice.svc"})
    refusals = REFUSALS
    callbacks = EsmsCallbacks()

    def __init__(
        self,
        gateway: Gateway,
        *,
        time_alive_max: int,
        invalid_code: Literal["117", "171"],
        reads: CustomerReads,
        checks: Callable[[CheckCode], Awaitable[Check]] | None = None,
        fixed_number_texts: Literal["any", "registered"] = "any",
        private_targets: bool = False,
        longest_ahead_days: int = LONGEST_AHEAD_DAYS,
    ) -> None:
        self._gateway = gateway
        self._checks = checks or gateway.execute
        self._time_alive_max = time_alive_max
        self._invalid_code = invalid_code
        self._queries = EsmsQueries(gateway, reads)
        self._plain = PlainSends(
            gateway,
            fixed_number_texts=fixed_number_texts,
            private_targets=private_targets,
            longest_ahead_days=longest_ahead_days,
        )
        self._voice = VoiceCalls(gateway)
        self._call_templates = CallTemplates(gateway, private_targets=private_targets)
        self._sends: dict[str, Callable[[AccountView, Parameters, str], Awaitable[Response]]] = {
            "mainservice.svc/json/sendmessageautogencode_v4_get": self._send_code,
            "mainservice.svc/json/checkcodegen_v4_get": self._check_code,
            "mainservice.svc/json/sendmessageautogencode_v5": self._send_named,
            "mainservice.svc/json/voiceotp": self._voice.voice_otp,
            call_templates.OPERATION: self._call_template,
            # As they are documented, and nearly always written.
            "/MainService.svc/json/SendMessageAutoGenCode_V4_get": self._send_code,
            "/MainService.svc/json/CheckCodeGen_V4_get": self._check_code,
        }
        self.operations = (*self._sends, *DRESSES, *OPERATIONS)

    async def answer(self, request: Request) -> Response:
        asking = Asking(DIALECT, request.client_ip)
        response = await self._answer(request, asking)
        if response.outcome not in _ANSWERS:
            self._gateway.refusals.note(asking, response.outcome)
        return response

    async def _answer(self, request: Request, asking: Asking) -> Response:
        operation = self._sends.get(request.path)
        if operation is None:
            if (dress := SPELLED.get(request.path)) is None:
                path = "/".join([segment for segment in request.path.lower().split("/") if segment])
                operation, dress = self._sends.get(path), DRESSES.get(path)
            if dress is not None:
                return await self._plain.answer(dress, request, asking)
        if operation is None:
            return await self._queries.answer(request, asking)
        if request.method not in ("GET", "POST"):
            return INVALID_REQUEST
        try:
            parameters = wire.read_parameters(request)
        except ValueError:
            return INVALID_REQUEST
        asking.phone = parameters.get("phone", "")
        account = authenticate(self._gateway.directory, parameters, asking)
        of_template = operation == self._call_template
        if isinstance(account, Refusal):
            return (
                call_templates.refused(REFUSALS[account], account.value) if of_template else REFUSED[account]
            )
        try:
            response = await operation(account, parameters, request.client_ip)
            if response.outcome == _TEMPLATE_MISMATCH:
                asking.detail = (
                    f"onema message list {account.name} --state refused, then message show: which text"
                )
            return response
        except Rejected as rejected:
            if of_template:
                return call_templates.refused(rejected.error, rejected.outcome)
            return rejected.error.response(rejected.outcome)
        except Refused as refused:
            asking.detail = refused.detail
            if of_template:
                return call_templates.refused(REFUSALS[refused.refusal], refused.refusal.value)
            return REFUSED[refused.refusal]

    def refuse_oversized(self, request: Request) -> Response:
        return INVALID_REQUEST

    def fault(self, request: Request, incident: str) -> Response:
        return fault(incident)

    async def _send_code(self, account: AccountView, parameters: Parameters, client_ip: str) -> Response:
        given = parameters.get
        if (message_type := given("type", "").strip()) != _CUSTOMER_CARE:
            return TYPE_NOT_SUPPORTED if message_type else TYPE_MISSING
        gateway, home = self._gateway, account.country or HOME_COUNTRY
        minutes = wire.clamped(given("timealive"), _DEFAULT_MINUTES, _LEAST_MINUTES, self._time_alive_max)
        sent: Accepted = await gateway.execute(
            SendCode(
                account=account.id,
                id=MessageId(gateway.next_id()),
                now=gateway.now(),
                entropy=gateway.token(ENTROPY_BYTES),
                dialect=DIALECT,
                phone=parse_phone(given("phone", ""), home, space_is_plus=True),
                home_country=home,
                client_ip=client_ip,
                brandname=given("brandname", ""),
                text=given("message", ""),
                code=NewCode(
                    DIGITS if wire.is_yes(given("isnumber", "")) else LETTERS_AND_DIGITS,
                    wire.clamped(given("numcharofcode"), _DEFAULT_LENGTH, MIN_LENGTH, MAX_LENGTH),
                    minutes * _MINUTE_MS,
                ),
            )
        )
        if sent.refusal is not None:
            return refused_message(sent.refusal, sent.message)
        return Response(200, wire.accepted(sent.message))

    async def _send_named(self, account: AccountView, parameters: Parameters, client_ip: str) -> Response:
        """Its text is a template that is named as MultiChannelTempId says. Only its SMS is served."""
        given = parameters.get
        if (what := given("typeid", "").strip()) not in (_ONLY_MAKE, _MAKE_AND_SEND):
            return TYPE_NOT_SUPPORTED if what else TYPE_MISSING
        gateway, home = self._gateway, account.country or HOME_COUNTRY
        phone = parse_phone(given("phone", ""), home, space_is_plus=True)
        name = given("multichanneltempid", "").strip()
        template = account.named_templates.get(name)
        if template is None or not is_whole_with_a_code(template.text):
            error = OTHER_TEMPLATE_ID if name else NO_TEMPLATE_ID
            return error.response("template_unknown")
        minutes = wire.clamped(given("timealive"), _DEFAULT_MINUTES, _LEAST_MINUTES, VENDORS_LIFE_MINUTES)
        command = SendCode if what == _MAKE_AND_SEND else ShowCode
        sent: Accepted = await gateway.execute(
            command(
                account=account.id,
                id=MessageId(gateway.next_id()),
                now=gateway.now(),
                entropy=gateway.token(ENTROPY_BYTES),
                dialect=DIALECT,
                phone=phone,
                home_country=home,
                client_ip=client_ip,
                brandname=template.brandname,
                text=template.text,
                code=NewCode(LETTERS_AND_DIGITS, _DEFAULT_LENGTH, minutes * _MINUTE_MS),
            )
        )
        return Response(200, wire.accepted(sent.message))

    async def _call_template(self, account: AccountView, parameters: Parameters, client_ip: str) -> Response:
        application = self._voice.application(parameters, client_ip)
        return await self._call_templates.call(account, application, parameters, client_ip)

    async def _check_code(self, account: AccountView, parameters: Parameters, client_ip: str) -> Response:
        raw_phone, code = parameters.get("phone", ""), parameters.get("code", "")
        phone = parse_phone(raw_phone, account.country or HOME_COUNTRY, space_is_plus=True)
        check = Check.NOTHING_TO_CHECK
        if code:
            gateway = self._gateway
            check = await self._checks(
                CheckCode(
                    account=account.id,
                    id=gateway.next_id(),
                    now=gateway.now(),
                    phone=phone,
                    code=code,
                    as_number=isinstance(code, wire.JsonNumber),
                )
            )
        if check is Check.RIGHT:
            return Response(200, wire.code_valid(raw_phone))
        return Response(200, wire.code_invalid(self._invalid_code, raw_phone, code), outcome=check.value)
