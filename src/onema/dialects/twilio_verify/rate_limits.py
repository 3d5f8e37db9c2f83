"""Rate limits of a service, and their buckets. https://www.twilio.com/docs/verify/api/service-rate-limits

They stand in the application's document; a verification that names one is counted for the value that it gives.
"""

import hashlib
import re
from typing import Any

import msgspec

from onema.dialects.twilio_verify.auth import account_sid
from onema.dialects.twilio_verify.errors import (
    BUCKET_EXISTS,
    BUCKETS_FULL,
    INVALID_PARAMETER,
    NAME_EXISTS,
    NAME_UNFIT,
    SERVICE_FULL,
    Failed,
    not_found,
)
from onema.dialects.twilio_verify.services import Services, document_now
from onema.dialects.twilio_verify.sids import id_in, service_sid, sid_of
from onema.dialects.twilio_verify.wire import Form, Page, answer, base_url, seconds
from onema.domain.codes.accept_message import Counted
from onema.domain.configuration.directory import AccountView, ApplicationView, CredentialView
from onema.domain.configuration.document_rules import (
    LARGEST_NUMBER,
    LONGEST_TITLE,
    LONGEST_WINDOW,
    MOST_LIMITS,
)
from onema.domain.configuration.documents import Application, Bucket, NamedLimit
from onema.domain.ids import EPOCH_MS, time_of_id
from onema.domain.refusals import Refusal, Refused
from onema.engine.gateway import Gateway
from onema.http.messages import Request, Response

RATE_LIMIT, BUCKET = "RK", "BL"
SCOPE = "limit"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def counted(service: ApplicationView, form: Form) -> tuple[Counted, ...]:
    """What a verification names in `RateLimits`: `{"unique name": "value"}`. Raises Failed."""
    named = form.json("RateLimits")
    if named is None:
        return ()
    if not isinstance(named, dict):
        raise Failed(INVALID_PARAMETER, "RateLimits")
    known = {limit.name: limit for limit in service.document.limits}
    every = []
    for name, value in named.items():
        limit = known.get(name)
        if limit is None or not isinstance(value, str | int):
            raise Failed(INVALID_PARAMETER, "RateLimits")
        # What is counted may be a person's, and of any length.
        subject = hashlib.sha256(str(value).encode(errors="surrogatepass")).hexdigest()[:32]
        windows = tuple((bucket.seconds, bucket.limit) for bucket in limit.buckets)
        if windows:
            every.append(Counted(f"{SCOPE} {service.name}/{name}", subject, windows))
    return tuple(every)


class RateLimits:
    def __init__(self, gateway: Gateway, services: Services) -> None:
        self._gateway = gateway
        self._services = services

    async def every(self, caller: CredentialView, service: ApplicationView, request: Request) -> Response:
        told = [self._told(caller, service, one, request) for one in service.document.limits]
        return Page(request).of("rate_limits", told)

    async def create(self, caller: CredentialView, service: ApplicationView, request: Request) -> Response:
        form, limits = Form(request.body), service.document.limits
        name = form.required("UniqueName")
        if not _NAME.fullmatch(name):
            raise Failed(NAME_UNFIT)
        if any(one.name == name for one in limits):
            raise Failed(NAME_EXISTS)
        if len(limits) >= MOST_LIMITS:
            raise Failed(SERVICE_FULL)
        made = NamedLimit(name=name, description=_description(form, ""), number=self._gateway.next_id())
        await self._keep(caller, service, request, (*limits, made))
        return answer(self._told(caller, service, made, request), 201)

    async def fetch(
        self, caller: CredentialView, service: ApplicationView, request: Request, sid: str
    ) -> Response:
        return answer(self._told(caller, service, _limit(service, sid, request), request))

    async def update(
        self, caller: CredentialView, service: ApplicationView, request: Request, sid: str
    ) -> Response:
        limit = _limit(service, sid, request)
        changed = msgspec.structs.replace(
            limit, description=_description(Form(request.body), limit.description)
        )
        await self._replace(caller, service, request, limit, changed)
        return answer(self._told(caller, service, changed, request))

    async def delete(
        self, caller: CredentialView, service: ApplicationView, request: Request, sid: str
    ) -> Response:
        await self._replace(caller, service, request, _limit(service, sid, request), None)
        return Response(204, b"")

    async def buckets(
        self, caller: CredentialView, service: ApplicationView, request: Request, sid: str
    ) -> Response:
        limit = _limit(service, sid, request)
        told = [self._told_bucket(caller, service, limit, one, request) for one in limit.buckets]
        return Page(request).of("buckets", told)

    async def create_bucket(
        self, caller: CredentialView, service: ApplicationView, request: Request, sid: str
    ) -> Response:
        limit = _limit(service, sid, request)
        form = Form(request.body)
        form.required("Max"), form.required("Interval")
        made = _bucket(form, Bucket(seconds=1, limit=1, number=self._gateway.next_id()))
        if len(limit.buckets) >= MOST_LIMITS:
            raise Failed(BUCKETS_FULL)
        await self._with_buckets(caller, service, request, limit, (*limit.buckets, made))
        return answer(self._told_bucket(caller, service, limit, made, request), 201)

    async def fetch_bucket(
        self, caller: CredentialView, service: ApplicationView, request: Request, sid: str, bucket: str
    ) -> Response:
        limit = _limit(service, sid, request)
        return answer(self._told_bucket(caller, service, limit, _found(limit, bucket, request), request))

    async def update_bucket(
        self, caller: CredentialView, service: ApplicationView, request: Request, sid: str, bucket: str
    ) -> Response:
        limit = _limit(service, sid, request)
        found = _found(limit, bucket, request)
        changed = _bucket(Form(request.body), found)
        await self._with_buckets(
            caller, service, request, limit, tuple(changed if one is found else one for one in limit.buckets)
        )
        return answer(self._told_bucket(caller, service, limit, changed, request))

    async def delete_bucket(
        self, caller: CredentialView, service: ApplicationView, request: Request, sid: str, bucket: str
    ) -> Response:
        limit = _limit(service, sid, request)
        found = _found(limit, bucket, request)
        left = tuple(one for one in limit.buckets if one is not found)
        await self._with_buckets(caller, service, request, limit, left)
        return Response(204, b"")

    async def _with_buckets(
        self,
        caller: CredentialView,
        service: ApplicationView,
        request: Request,
        limit: NamedLimit,
        buckets: tuple[Bucket, ...],
    ) -> None:
        if len({one.seconds for one in buckets}) < len(buckets):
            raise Failed(BUCKET_EXISTS)
        changed = msgspec.structs.replace(limit, buckets=buckets)
        await self._replace(caller, service, request, limit, changed)

    async def _replace(
        self,
        caller: CredentialView,
        service: ApplicationView,
        request: Request,
        limit: NamedLimit,
        changed: NamedLimit | None,
    ) -> None:
        every = (changed if one is limit else one for one in service.document.limits)
        await self._keep(caller, service, request, tuple(one for one in every if one is not None))

    async def _keep(
        self,
        caller: CredentialView,
        service: ApplicationView,
        request: Request,
        limits: tuple[NamedLimit, ...],
    ) -> None:
        def changed(account: AccountView) -> tuple[Application]:
            document = document_now(account, service, request)
            if document.limits != service.document.limits:
                raise Refused(Refusal.CONFLICT, "the limits changed meanwhile; try again")
            return (msgspec.structs.replace(document, limits=limits),)

        await self._services.configure(caller, request, changed)

    def _told(
        self, caller: CredentialView, service: ApplicationView, limit: NamedLimit, request: Request
    ) -> dict[str, Any]:
        owner = service_sid(caller.account, service)
        sid, made = sid_of(RATE_LIMIT, limit.number), _made_at(limit.number)
        url = f"{base_url(request)}/v2/Services/{owner}/RateLimits/{sid}"
        return {
            "sid": sid,
            "service_sid": owner,
            "account_sid": account_sid(self._gateway.directory, caller.account),
            "unique_name": limit.name,
            "description": limit.description,
            "date_created": made,
            "date_updated": made,
            "url": url,
            "links": {"buckets": f"{url}/Buckets"},
        }

    def _told_bucket(
        self,
        caller: CredentialView,
        service: ApplicationView,
        limit: NamedLimit,
        bucket: Bucket,
        request: Request,
    ) -> dict[str, Any]:
        owner, above = service_sid(caller.account, service), sid_of(RATE_LIMIT, limit.number)
        sid, made = sid_of(BUCKET, bucket.number), _made_at(bucket.number)
        return {
            "sid": sid,
            "rate_limit_sid": above,
            "service_sid": owner,
            "account_sid": account_sid(self._gateway.directory, caller.account),
            "max": bucket.limit,
            "interval": bucket.seconds,
            "date_created": made,
            "date_updated": made,
            "url": f"{base_url(request)}/v2/Services/{owner}/RateLimits/{above}/Buckets/{sid}",
        }


def _made_at(number: int) -> str:
    return seconds(time_of_id(number) if number else EPOCH_MS)


def _limit(service: ApplicationView, sid: str, request: Request) -> NamedLimit:
    """Raises Failed."""
    number = id_in(RATE_LIMIT, sid)
    for limit in service.document.limits:
        if number and limit.number == number:
            return limit
    raise Failed(not_found(request.path))


def _found(limit: NamedLimit, sid: str, request: Request) -> Bucket:
    """Raises Failed."""
    number = id_in(BUCKET, sid)
    for bucket in limit.buckets:
        if number and bucket.number == number:
            return bucket
    raise Failed(not_found(request.path))


def _description(form: Form, known: str) -> str:
    told = form.text("Description") if form.has("Description") else known
    if len(told) > LONGEST_TITLE:
        raise Failed(INVALID_PARAMETER, f"Description has at most {LONGEST_TITLE} characters")
    return told


def _bucket(form: Form, known: Bucket) -> Bucket:
    return msgspec.structs.replace(
        known,
        limit=form.number("Max", 1, LARGEST_NUMBER - 1) or known.limit,
        seconds=form.number("Interval", 1, LONGEST_WINDOW) or known.seconds,
    )
