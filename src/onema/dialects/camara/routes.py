"""CAMARA one-time-password-sms 1.1.1, its token endpoint and discovery. docs/vendors/camara.md"""

from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from urllib.parse import unquote_plus

import msgspec

from onema.dialects.camara.auth import DIALECT, LIFE_SECONDS, SCOPE, authenticate, log_in, new_token
from onema.dialects.camara.errors import (
    EXPIRED,
    FAILED,
    INTERNAL,
    INVALID_ARGUMENT,
    INVALID_OTP,
    JSON,
    MAX_CODES,
    METHOD,
    NOT_FOUND,
    PERMISSION_DENIED,
    REFUSALS,
    Failed,
)
from onema.dialects.camara.wire import (
    CODE_PLACE,
    SendRequest,
    ValidateRequest,
    correlated,
    correlator,
    message_of,
    read,
    sent,
)
from onema.domain.codes.accept_message import Accepted
from onema.domain.codes.admission import admit_account, admit_application
from onema.domain.codes.check_code import Check, CheckCode
from onema.domain.codes.send_code import SendCode
from onema.domain.codes.start_verification import ENTROPY_BYTES, NewCode
from onema.domain.codes.verification import DIGITS
from onema.domain.configuration.directory import CredentialView
from onema.domain.configuration.message_template import CODE_MARKER
from onema.domain.ids import MessageId
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.phone import parse_phone
from onema.engine.customer_reads import CustomerReads
from onema.engine.gateway import Gateway
from onema.engine.refusals import Asking
from onema.http.basic_login import basic_login
from onema.http.messages import Request, Response
from onema.http.parameters import parse_form

API = "/one-time-password-sms"
SEND, VALIDATE = f"{API}/v1/send-code", f"{API}/v1/validate-code"
TOKEN, DISCOVERY = f"{API}/oauth2/token", f"{API}/.well-known/openid-configuration"
DESCRIPTION = f"{API}/v1/openapi.yaml"
PURPOSE = "one-time-password-sms"
ALIVE_MS = 300_000
_NO_STORE = ((b"cache-control", b"no-store"),)
# What refuses nothing.
_ANSWERS = frozenset(("ok", INVALID_OTP.code))


@cache
def description() -> bytes:
    """The API in OpenAPI 3.1, in our words."""
    return (Path(__file__).parent / "openapi.yaml").read_bytes()


Operation = Callable[[Request, Asking], Awaitable[Response]]


class CamaraApi:
    """JSON over HTTP. `checks` decides checks, also those of codes that a carrier made."""

    name = DIALECT
    path_segments = frozenset({PURPOSE})
    operations = (SEND, VALIDATE, TOKEN, DISCOVERY, DESCRIPTION)
    refusals = REFUSALS
    callbacks = None

    def __init__(
        self,
        gateway: Gateway,
        reads: CustomerReads,
        checks: Callable[[CheckCode], Awaitable[Check]] | None = None,
    ) -> None:
        self._gateway = gateway
        self._reads = reads
        self._checks = checks or gateway.execute
        self._operations: dict[str, tuple[str, Operation]] = {
            SEND: ("POST", self._send),
            VALIDATE: ("POST", self._validate),
            TOKEN: ("POST", self._token),
            DISCOVERY: ("GET", self._discovery),
            DESCRIPTION: ("GET", self._described),
        }

    async def answer(self, request: Request) -> Response:
        asking = Asking(DIALECT, request.client_ip)
        response = await self._answer(request, asking)
        if response.outcome not in _ANSWERS:
            self._gateway.refusals.note(asking, response.outcome)
        return correlated(request, response)

    async def _answer(self, request: Request, asking: Asking) -> Response:
        try:
            method, operation = self._operations.get(request.path, ("", self._discovery))
            if not method:
                raise Failed(NOT_FOUND)
            if request.method != method:
                raise Failed(METHOD)
            if correlator(request) is None:
                raise Failed(INVALID_ARGUMENT, "x-correlator")
            return await operation(request, asking)
        except Failed as failed:
            asking.detail = failed.detail
            return failed.error.response(failed.detail)
        except Refused as refused:
            asking.detail = refused.detail
            error = REFUSALS[refused.refusal]
            if request.path == SEND and refused.refusal is Refusal.RATE_LIMITED:
                error = MAX_CODES
            return error.response(outcome=refused.refusal.value)

    def _caller(self, request: Request, asking: Asking) -> CredentialView:
        """Raises Refused."""
        gateway = self._gateway
        caller = authenticate(gateway.directory, request.header(b"authorization"), gateway.now(), asking)
        admit_account(caller.account, request.client_ip)
        if caller.application is not None:
            admit_application(caller.application, request.client_ip, calls=False)
        return caller

    async def _send(self, request: Request, asking: Asking) -> Response:
        caller = self._caller(request, asking)
        asked = read(request.body, SendRequest)
        asking.phone = asked.phone
        if CODE_MARKER in asked.message:
            raise Failed(INVALID_ARGUMENT, "message")
        account, application, gateway = caller.account, caller.application, self._gateway
        told: Accepted = await gateway.execute(
            SendCode(
                account=account.id,
                id=MessageId(gateway.next_id()),
                now=gateway.now(),
                entropy=gateway.token(ENTROPY_BYTES),
                dialect=DIALECT,
                phone=parse_phone(asked.phone, account.country),
                home_country=account.country,
                client_ip=request.client_ip,
                application=application.name if application else "",
                code=NewCode(
                    DIGITS, application.document.code_length if application else 6, ALIVE_MS, PURPOSE
                ),
                brandname=_brandname(caller),
                text=asked.message.replace(CODE_PLACE, CODE_MARKER),
                category=PURPOSE,
            )
        )
        if told.refusal is not None:
            raise Refused(told.refusal)
        return sent(told.message)

    async def _validate(self, request: Request, asking: Asking) -> Response:
        caller = self._caller(request, asking)
        asked = read(request.body, ValidateRequest)
        account, identifier = caller.account.id, message_of(asked.authentication)
        message = await self._reads.message(account, identifier) if identifier else None
        if message is None or message.category != PURPOSE or not message.verification:
            raise Failed(NOT_FOUND)
        checked = await self._checks(
            CheckCode(
                account=account,
                id=self._gateway.next_id(),
                now=self._gateway.now(),
                phone=message.phone,
                code=asked.code,
                purpose=PURPOSE,
                verification=message.verification,
            )
        )
        match checked:
            case Check.RIGHT:
                return Response(204, b"")
            case Check.NOTHING_TO_CHECK:
                raise Failed(EXPIRED)
            case Check.EXHAUSTED:
                raise Failed(FAILED)
        live = await self._reads.code(account, message.phone, PURPOSE)
        used_up = live is not None and live.verification == message.verification and not live.attempts_left
        raise Failed(FAILED if used_up else INVALID_OTP)

    async def _token(self, request: Request, asking: Asking) -> Response:
        """Errors are RFC 6749's, 5.2."""
        try:
            form = parse_form(request.body)
        except ValueError:
            return _token_error(400, "invalid_request")
        if form.get("grant_type") != "client_credentials":
            return _token_error(400, "unsupported_grant_type" if "grant_type" in form else "invalid_request")
        try:
            key, secret = _login(request, form)
            credential = log_in(self._gateway.directory, key, secret, asking)
        except (ValueError, Refused) as error:
            asking.detail = error.detail if isinstance(error, Refused) else str(error)
            if isinstance(error, Refused) and error.refusal is Refusal.STORE_UNAVAILABLE:
                # 5.2 has no word for it; this is 4.1.2.1's.
                return _token_error(503, "temporarily_unavailable", error.refusal.value)
            return _token_error(401, "invalid_client")
        if not set(form.get("scope", SCOPE).split()) <= {SCOPE, "openid"}:
            return _token_error(400, "invalid_scope")
        told = {
            "access_token": new_token(credential, self._gateway.now()),
            "token_type": "Bearer",
            "expires_in": LIFE_SECONDS,
            "scope": SCOPE,
        }
        return Response(200, msgspec.json.encode(told), JSON, _NO_STORE)

    async def _discovery(self, request: Request, asking: Asking) -> Response:
        """OpenID Connect Discovery 1.0, as far as a client with credentials of its own needs it."""
        secure = (request.header(b"x-forwarded-proto") or b"").strip().lower() == b"https"
        issuer = f"{'https' if secure else 'http'}://{request.host}{API}"
        told = {
            "issuer": issuer,
            "token_endpoint": f"{issuer}/oauth2/token",
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "scopes_supported": [SCOPE],
            "response_types_supported": [],
        }
        return Response(200, msgspec.json.encode(told), JSON)

    async def _described(self, request: Request, asking: Asking) -> Response:
        return Response(200, description(), b"application/yaml")

    def refuse_oversized(self, request: Request) -> Response:
        return correlated(request, INVALID_ARGUMENT.response("the body is too large"))

    def fault(self, request: Request, incident: str) -> Response:
        return correlated(request, INTERNAL.response(f"incident {incident}"))


def _login(request: Request, form: dict[str, str]) -> tuple[str, bytes]:
    """Raises ValueError. RFC 6749 encodes both parts of a Basic login as a form does (2.3.1)."""
    if request.header(b"authorization") is None:
        return form.get("client_id", ""), form.get("client_secret", "").encode()
    key, secret = basic_login(request.header(b"authorization"))
    return unquote_plus(key), unquote_plus(secret.decode()).encode()


def _token_error(status: int, error: str, outcome: str = "") -> Response:
    headers = (*_NO_STORE, (b"www-authenticate", b"Basic")) if status == 401 else _NO_STORE
    return Response(status, msgspec.json.encode({"error": error}), JSON, headers, outcome=outcome or error)


def _brandname(caller: CredentialView) -> str:
    """That of the application's template, else the only one that the account has. Raises Failed."""
    account = caller.account
    named = caller.application.document.template if caller.application else ""
    if template := account.named_templates.get(named):
        return template.brandname
    brandnames = [name for name, brandname in account.brandnames.items() if brandname.active]
    if len(brandnames) != 1:
        raise Failed(PERMISSION_DENIED, "the account has no sender or several")
    return brandnames[0]
