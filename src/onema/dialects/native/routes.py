"""onema's own API: docs/api.md, and openapi.yaml beside this file, which the server hands out."""

import base64
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path

import msgspec

from onema.administration.answers import Administrator
from onema.administration.permissions import NotPermitted
from onema.dialects.native import wire
from onema.dialects.native.auth import DIALECT, authenticate
from onema.dialects.native.callbacks import NativeEvents
from onema.dialects.native.desk import Answering, asked_of
from onema.dialects.native.errors import (
    FAULT,
    INVALID,
    NO_VERIFICATION,
    NOT_FOUND,
    NOTHING,
    OVERSIZED,
    REFUSALS,
    SCOPE_MISSING,
    Invalid,
    ScopeMissing,
    Unfit,
    method_not_allowed,
)
from onema.dialects.native.operator_login import ACCOUNT_HEADER, OperatorLogin, operator_login
from onema.dialects.native.operators import operators_at
from onema.dialects.native.rate_limits import policies, used_up
from onema.dialects.native.reports import reports_at
from onema.dialects.native.resources import resources_at
from onema.dialects.native.result_tokens import ResultTokens
from onema.dialects.native.verifications import Unknown, Verifications
from onema.domain.codes.admission import admit_account
from onema.domain.codes.check_code import Check, CheckCode
from onema.domain.codes.preview_sms import Customer, destination_of, preview_sms
from onema.domain.configuration.directory import AccountView, CredentialView
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.money import format_amount
from onema.engine.challenges import Challenges
from onema.engine.customer_reads import CustomerReads
from onema.engine.gateway import Gateway
from onema.engine.refusals import Asking
from onema.http.messages import Request, Response

_PREVIEW, _VERIFICATIONS, _BALANCE = "/v1/sms/preview", "/v1/verifications", "/v1/balance"
_DESCRIPTION = "/v1/openapi.yaml"
_YAML = b"application/yaml"
USUAL_TTL = 600
_KEY_SET, _KEYS = "/.well-known/jwks.json", b"application/jwk-set+json"
# What answers something else than "ok" and refuses nothing.
_ANSWERS = frozenset({"ok", "unknown", "not_found", *(check.value for check in Check)})

_DOCS, _CATALOG = "/v1/docs", "/.well-known/api-catalog"
# The page has one sheet of its own and no script; base-uri and forms have no default in default-src.
_POLICY = (
    b"default-src 'none'; style-src 'sha256-%b'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

Caller = CredentialView | OperatorLogin
Operation = Callable[[Caller, Request, Asking], Awaitable[Response]]


@cache
def description() -> bytes:
    """The API in OpenAPI 3.1: openapi.yaml, with the parts in openapi/ where it has a place for them."""
    folder = Path(__file__).parent
    text = (folder / "openapi.yaml").read_text(encoding="utf-8")
    for part in sorted((folder / "openapi").glob("*.yaml")):
        place, _, what = part.stem.rpartition("-")
        mark = f"# {what} of openapi/{place}-{what}.yaml\n"
        text = text.replace(mark, part.read_text(encoding="utf-8"))
    return text.encode()


def _described(request: Request) -> Response:
    return Response(200, description(), _YAML)


@cache
def _reference() -> Response:
    """The reference for people, which `./dev docs` makes of the description."""
    page = (Path(__file__).parent / "reference.html").read_bytes()
    sheet = page.partition(b"<style>")[2].partition(b"</style>")[0]
    digest = base64.b64encode(hashlib.sha256(sheet).digest())
    headers = ((b"content-security-policy", _POLICY % digest), (b"x-content-type-options", b"nosniff"))
    return Response(200, page, b"text/html; charset=utf-8", headers)


def _catalog(request: Request) -> Response:
    """Where programs find the API (RFC 9727, a link set of RFC 9264)."""
    links = {
        "linkset": [
            {
                "anchor": "/v1",
                "service-desc": [{"href": _DESCRIPTION, "type": "application/yaml"}],
                "service-doc": [{"href": _DOCS, "type": "text/html"}],
                "status": [{"href": "/health/ready"}],
            }
        ]
    }
    media_type = b'application/linkset+json; profile="https://www.rfc-editor.org/info/rfc9727"'
    link = b'</.well-known/api-catalog>; rel="api-catalog"'
    return Response(200, msgspec.json.encode(links), media_type, ((b"link", link),))


_OPEN: Mapping[str, Callable[[Request], Response]] = {
    _DESCRIPTION: _described,
    _DOCS: lambda request: _reference(),
    _CATALOG: _catalog,
}
"""What needs no login."""


class NativeApi:
    """JSON over HTTP; errors are problem details (RFC 9457). `reads` is what is looked up with; `checks` decides
    checks, also those of codes that a carrier made.
    """

    name = DIALECT
    path_segments = frozenset({"v1", ".well-known"})
    operations = (_PREVIEW, _VERIFICATIONS, _BALANCE)
    refusals = REFUSALS

    def __init__(
        self,
        gateway: Gateway,
        reads: CustomerReads,
        checks: Callable[[CheckCode], Awaitable[Check]] | None = None,
        tokens: ResultTokens | None = None,
        longest_ttl: int = USUAL_TTL,
    ) -> None:
        self._gateway = gateway
        self._reads = reads
        self.callbacks = NativeEvents(gateway)
        self._tokens = tokens or ResultTokens(gateway.result_keys, number=1, issuer="onema", seconds=600)
        self._verifications = Verifications(
            gateway, reads, checks or gateway.execute, self._tokens, longest_ttl
        )
        self._administrator: Administrator | None = None
        """Answers for the account; `administer` says who does."""

    async def answer(self, request: Request) -> Response:
        if request.method == "GET" and request.path in _OPEN:
            return _OPEN[request.path](request)
        if request.path == _KEY_SET and request.method == "GET":
            return Response(200, self._tokens.key_set, _KEYS, ((b"cache-control", b"public, max-age=300"),))
        asking = Asking(DIALECT, request.client_ip)
        response = await self._answer(request, asking)
        if response.outcome not in _ANSWERS:
            self._gateway.refusals.note(asking, response.outcome)
        return response

    async def _answer(self, request: Request, asking: Asking) -> Response:
        operations = self._operations(request)
        if not operations:
            return NOT_FOUND
        operation = operations.get(request.method)
        if operation is None:
            return method_not_allowed(", ".join(operations).encode())
        try:
            return await operation(self._caller(request, asking), request, asking)
        except ScopeMissing as missing:
            return SCOPE_MISSING.response(str(missing))
        except NotPermitted:
            return NOTHING
        except Unfit as unfit:
            return unfit.response()
        except Invalid as invalid:
            asking.detail = f"{invalid.pointer}: {invalid}"
            return INVALID.response(str(invalid), invalid.pointer)
        except Unknown:
            return NO_VERIFICATION
        except Refused as refused:
            asking.detail = refused.detail
            # Who has too many reads under way is not told for how long.
            wait_ms = refused.wait_ms or (1_000 if refused.refusal is Refusal.RATE_LIMITED else 0)
            response = REFUSALS[refused.refusal].response(wait_ms=wait_ms)
            more = used_up(refused.quota, refused.wait_ms) if refused.quota else ()
            return msgspec.structs.replace(response, headers=(*response.headers, *more))

    def _caller(self, request: Request, asking: Asking) -> Caller:
        """Raises Refused and NotPermitted."""
        directory, authorization = self._gateway.directory, request.header(b"authorization")
        if directory.operator_keys:
            operator = operator_login(directory, authorization, request.header(ACCOUNT_HEADER))
            if operator is not None:
                return operator
        caller = authenticate(directory, authorization, asking)
        admit_account(caller.account, request.client_ip)
        return caller

    def administer(self, administrator: Administrator) -> None:
        """Answer what accounts read and administer, too."""
        self._administrator = administrator

    def challenge_by(self, challenges: Challenges) -> None:
        """Let people solve what the guard asks for, too."""
        self._verifications.challenges = challenges

    def _operations(self, request: Request) -> dict[str, Operation]:
        """What answers a path, by method; nothing for a path that there is not."""
        method, operation = self._operation(request)
        if method:
            return {method: _within_scope(operation, changes=method == "POST")}
        administrator, path = self._administrator, request.path.split("/")[2:]
        if administrator is None or not request.path.startswith("/v1/"):
            return {}
        methods = reports_at(path) or resources_at(path) or operators_at(path)
        return {name: self._at_the_desk(administrator, one) for name, one in methods.items()}

    def _at_the_desk(self, administrator: Administrator, answering: Answering) -> Operation:
        def answer(caller: Caller, request: Request, _: Asking) -> Awaitable[Response]:
            return answering(asked_of(request, caller, administrator, self._gateway.token))

        return answer

    def _operation(self, request: Request) -> tuple[str, Operation]:
        """The method that a path about codes takes, and what answers it; "" for a path that there is not."""
        match request.path.removeprefix("/v1/").split("/") if request.path.startswith("/v1/") else ():
            case ["verifications"]:
                return "POST", self._create
            case ["verifications", text] if identifier := wire.verification_of(text):
                return "GET", lambda caller, *_: self._verifications.show(caller.account, identifier)
            case ["verifications", text, "check"] if identifier := wire.verification_of(text):
                return "POST", lambda caller, asked, _: self._verifications.check(
                    caller.account, caller.application, identifier, asked.body
                )
            case ["verifications", text, "cancel"] if identifier := wire.verification_of(text):
                return "POST", lambda caller, asked, _: self._verifications.cancel(
                    caller.account, identifier, asked.body
                )
            case ["verifications", text, "next" | "resend" as how] if identifier := wire.verification_of(
                text
            ):
                return "POST", lambda caller, asked, asking: self._verifications.send_more(
                    caller.account, identifier, asked, asking, by_next=how == "next"
                )
            case ["sms", "preview"]:
                return "POST", self._preview
            case ["balance"]:
                return "GET", self._balance
        return "", self._preview

    async def _create(self, caller: Caller, request: Request, asking: Asking) -> Response:
        response = await self._verifications.create(caller.account, caller.application, request, asking)
        return msgspec.structs.replace(
            response, headers=(*response.headers, *policies(caller.account.windows))
        )

    async def _balance(self, caller: Caller, request: Request, asking: Asking) -> Response:
        account: AccountView = caller.account
        balance = await self._reads.balance(account.id)
        return wire.told(
            {
                "currency": account.document.currency,
                "balance": format_amount(balance),
                "wallet": account.document.wallet,
                "expires_at": account.document.wallet_expires_at or None,
            }
        )

    async def _preview(self, caller: Caller, request: Request, asking: Asking) -> Response:
        asked = wire.read(request.body, wire.PreviewRequest)
        account = caller.account
        customer = Customer(self._gateway.directory, account, self._gateway.now())
        to = destination_of(asked.to, account) if asked.to else ""
        return wire.previewed(
            preview_sms(
                asked.text,
                code_length=asked.code_length,
                sender=asked.sender,
                to=to,
                customer=customer,
                last_line=wire.last_line(asked),
            )
        )

    def refuse_oversized(self, request: Request) -> Response:
        return OVERSIZED

    def fault(self, request: Request, incident: str) -> Response:
        return FAULT.response(incident=incident)


def _within_scope(operation: Operation, *, changes: bool) -> Operation:
    """For keys that may send and check codes; what changes nothing, for those that read, too."""
    scopes = {"verify"} if changes else {"verify", "read"}

    def answer(caller: Caller, request: Request, asking: Asking) -> Awaitable[Response]:
        if scopes.isdisjoint(caller.scopes):
            raise ScopeMissing("verify")
        return operation(caller, request, asking)

    return answer
