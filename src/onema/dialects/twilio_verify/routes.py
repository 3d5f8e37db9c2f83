"""Twilio Verify v2: Services and what is below them, Templates, Attempts, SafeList. docs/vendors/twilio_verify.md"""

from collections.abc import Awaitable, Callable
from functools import partial

from onema.dialects.twilio_verify.attempts import Attempts
from onema.dialects.twilio_verify.auth import DIALECT, authenticate
from onema.dialects.twilio_verify.errors import (
    INTERNAL,
    INVALID_PARAMETER,
    METHOD_NOT_ALLOWED,
    NOT_SUPPORTED,
    REFUSALS,
    Failed,
    not_found,
)
from onema.dialects.twilio_verify.rate_limits import RateLimits
from onema.dialects.twilio_verify.safe_list import SafeList
from onema.dialects.twilio_verify.services import Services
from onema.dialects.twilio_verify.templates import Templates
from onema.dialects.twilio_verify.verifications import Verifications
from onema.domain.codes.admission import admit_account
from onema.domain.codes.check_code import Check, CheckCode
from onema.domain.configuration.directory import ApplicationView, CredentialView
from onema.domain.refusals import Refused
from onema.engine.customer_reads import CustomerReads
from onema.engine.gateway import Gateway
from onema.engine.refusals import Asking
from onema.http.messages import Request, Response

Operation = Callable[[], Awaitable[Response]]
# What is answered something else than "ok" and refuses nothing.
_ANSWERS = frozenset(("ok", Check.WRONG.value))
# Push, TOTP, passkeys and what belongs to them: documented paths of the vendor that are not here.
_NOT_HERE = frozenset(
    ("entities", "factors", "accesstokens", "webhooks", "messagingconfigurations", "passkeys")
)


class TwilioVerifyApi:
    """Forms in, JSON out; errors have the vendor's numbers. `checks` decides checks, also those of codes that a carrier
    made.
    """

    name = DIALECT
    path_segments = frozenset({"v2"})
    operations = (
        "/v2/Services",
        "/v2/Services/{ServiceSid}",
        "/v2/Services/{ServiceSid}/Verifications",
        "/v2/Services/{ServiceSid}/Verifications/{Sid}",
        "/v2/Services/{ServiceSid}/VerificationCheck",
        "/v2/Services/{ServiceSid}/RateLimits",
        "/v2/Services/{ServiceSid}/RateLimits/{Sid}",
        "/v2/Services/{ServiceSid}/RateLimits/{RateLimitSid}/Buckets",
        "/v2/Services/{ServiceSid}/RateLimits/{RateLimitSid}/Buckets/{Sid}",
        "/v2/Templates",
        "/v2/Attempts",
        "/v2/Attempts/{Sid}",
        "/v2/Attempts/Summary",
        "/v2/SafeList/Numbers",
        "/v2/SafeList/Numbers/{PhoneNumber}",
    )
    refusals = REFUSALS
    callbacks = None

    def __init__(
        self,
        gateway: Gateway,
        reads: CustomerReads,
        checks: Callable[[CheckCode], Awaitable[Check]] | None = None,
    ) -> None:
        self._gateway = gateway
        self._services = Services(gateway)
        self._rate_limits = RateLimits(gateway, self._services)
        self._templates = Templates(gateway)
        self._attempts = Attempts(gateway, reads, self._services)
        self._safe_list = SafeList(self._services)
        self._verifications = Verifications(gateway, reads, checks or gateway.execute)

    async def answer(self, request: Request) -> Response:
        asking = Asking(DIALECT, request.client_ip)
        response = await self._answer(request, asking)
        if response.outcome not in _ANSWERS:
            self._gateway.refusals.note(asking, response.outcome)
        return response

    async def _answer(self, request: Request, asking: Asking) -> Response:
        try:
            caller = authenticate(self._gateway.directory, request.header(b"authorization"), asking)
            admit_account(caller.account, request.client_ip)
            operations = self._operations(caller, request, asking)
            if not operations:
                raise Failed(not_found(request.path))
            operation = operations.get(request.method)
            if operation is None:
                raise Failed(METHOD_NOT_ALLOWED)
            return await operation()
        except Failed as failed:
            why = failed.refused
            asking.detail = why.detail if why else failed.detail
            return failed.error.response(failed.detail, why.refusal.value if why else "")
        except Refused as refused:
            asking.detail = refused.detail
            return REFUSALS[refused.refusal].response(outcome=refused.refusal.value)

    def _operations(self, caller: CredentialView, request: Request, asking: Asking) -> dict[str, Operation]:
        """By method, what a path takes; nothing for one that there is not. Raises Failed."""
        services, codes = self._services, self._verifications
        match request.path.split("/")[2:]:
            case ["Templates"]:
                return {"GET": partial(self._templates.every, caller, request)}
            case ["Attempts"]:
                return {"GET": partial(self._attempts.every, caller, request)}
            case ["Attempts", "Summary"]:
                return {"GET": partial(self._attempts.summary, caller, request)}
            case ["Attempts", sid]:
                return {"GET": partial(self._attempts.fetch, caller, request, sid)}
            case ["SafeList", "Numbers"]:
                return {"POST": partial(self._safe_list.add, caller, request)}
            case ["SafeList", "Numbers", named]:
                return {
                    "GET": partial(self._safe_list.fetch, caller, request, named),
                    "DELETE": partial(self._safe_list.remove, caller, request, named),
                }
            case ["Services"]:
                return {
                    "GET": partial(services.every, caller, request),
                    "POST": partial(services.create, caller, request),
                }
            case ["Services", sid]:
                service = services.find(caller, sid, request.path)
                return {
                    "GET": partial(services.fetch, caller, service, request),
                    "POST": partial(services.update, caller, service, request),
                    "DELETE": partial(services.delete, caller, service, request),
                }
            case ["Services", sid, "Verifications"]:
                service = services.find(caller, sid, request.path)
                return {"POST": partial(codes.create, caller, service, request, asking)}
            case ["Services", sid, "Verifications", named]:
                service = services.find(caller, sid, request.path)
                return {
                    "GET": partial(codes.fetch, caller, service, request, named),
                    "POST": partial(codes.update, caller, service, request, named),
                }
            case ["Services", sid, "VerificationCheck"]:
                service = services.find(caller, sid, request.path)
                return {"POST": partial(codes.check, caller, service, request, asking)}
            case ["Services", sid, "RateLimits", *rest]:
                service = services.find(caller, sid, request.path)
                return self._limit_operations(caller, service, request, rest)
            case ["Services", _, other, *_] if other.lower() in _NOT_HERE:
                raise Failed(NOT_SUPPORTED, other)
        return {}

    def _limit_operations(
        self, caller: CredentialView, service: ApplicationView, request: Request, rest: list[str]
    ) -> dict[str, Operation]:
        limits, asked = self._rate_limits, (caller, service, request)
        match rest:
            case []:
                return {"GET": partial(limits.every, *asked), "POST": partial(limits.create, *asked)}
            case [limit]:
                return {
                    "GET": partial(limits.fetch, *asked, limit),
                    "POST": partial(limits.update, *asked, limit),
                    "DELETE": partial(limits.delete, *asked, limit),
                }
            case [limit, "Buckets"]:
                return {
                    "GET": partial(limits.buckets, *asked, limit),
                    "POST": partial(limits.create_bucket, *asked, limit),
                }
            case [limit, "Buckets", bucket]:
                return {
                    "GET": partial(limits.fetch_bucket, *asked, limit, bucket),
                    "POST": partial(limits.update_bucket, *asked, limit, bucket),
                    "DELETE": partial(limits.delete_bucket, *asked, limit, bucket),
                }
        return {}

    def refuse_oversized(self, request: Request) -> Response:
        return INVALID_PARAMETER.response("the body is too large")

    def fault(self, request: Request, incident: str) -> Response:
        return INTERNAL.response(f"incident {incident}")
