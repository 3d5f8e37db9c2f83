"""What became of codes: each message of a verification is an attempt, and converted when its code was typed in.
https://www.twilio.com/docs/verify/api/list-verification-attempts, .../verification-attempts-summary

Of a period its newest messages are looked at, `customer_reads.MOST_CODES` of them.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from onema.dialects.twilio_verify.auth import DIALECT, account_sid
from onema.dialects.twilio_verify.errors import INVALID_PARAMETER, Failed, not_found
from onema.dialects.twilio_verify.services import Services
from onema.dialects.twilio_verify.sids import ATTEMPT, VERIFICATION, id_in, service_sid, sid_of
from onema.dialects.twilio_verify.verifications import purpose_of
from onema.dialects.twilio_verify.wire import Form, Page, answer, base_url, seconds
from onema.domain.configuration.directory import ApplicationView, CredentialView
from onema.domain.ids import LARGEST_ID, first_id_at, time_of_id
from onema.domain.records import Message
from onema.domain.values.money import format_amount
from onema.domain.values.phone import country_of
from onema.engine.customer_reads import CodesOf, CustomerReads
from onema.engine.gateway import Gateway
from onema.http.messages import Request, Response
from onema.storage.contract import SentCode

_CHANNELS = frozenset(("sms", "call", "email", "whatsapp", "rbm"))
_STATUSES = {"converted": True, "unconverted": False}
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_PREFIX = re.compile(r"[+ ]?[0-9]{1,15}")
Fits = Callable[[SentCode], bool]


class Attempts:
    """Each operation raises Failed and Refused."""

    def __init__(self, gateway: Gateway, reads: CustomerReads, services: Services) -> None:
        self._gateway = gateway
        self._reads = reads
        self._services = services

    async def every(self, caller: CredentialView, request: Request) -> Response:
        """Newest first."""
        form, page = Form(request.query, query=True), Page(request)
        services = self._asked(caller, form, request)
        fits = _fitting(form)
        found = await self._reads.codes(
            caller.account.id, self._period(services, form), fits, page.skip, page.size + 1
        )
        told = [self._told(caller, services, one, request) for one in found[: page.size]]
        return page.told("attempts", told, len(found) > page.size)

    async def fetch(self, caller: CredentialView, request: Request, sid: str) -> Response:
        identifier = id_in(ATTEMPT, sid)
        services = self._by_purpose(caller)
        asked = CodesOf(DIALECT, tuple(services), identifier, identifier + 1)
        found = (
            await self._reads.codes(caller.account.id, asked, lambda one: True, 0, 1) if identifier else []
        )
        if not found:
            raise Failed(not_found(request.path))
        return answer(self._told(caller, services, found[0], request))

    async def summary(self, caller: CredentialView, request: Request) -> Response:
        form = Form(request.query, query=True)
        services = self._asked(caller, form, request)
        total, converted = await self._reads.count_codes(
            caller.account.id, self._period(services, form), _fitting(form)
        )
        told = {
            "total_attempts": total,
            "total_converted": converted,
            "total_unconverted": total - converted,
            "conversion_rate_percentage": round(100 * converted / total, 2) if total else 0,
            "url": f"{base_url(request)}/v2/Attempts/Summary",
        }
        return answer(told)

    def _by_purpose(self, caller: CredentialView) -> dict[str, ApplicationView]:
        return {purpose_of(one): one for one in self._services.of(caller)}

    def _asked(self, caller: CredentialView, form: Form, request: Request) -> dict[str, ApplicationView]:
        """By purpose, the services that the login and the request are about."""
        services = self._by_purpose(caller)
        sid = form.text("VerifyServiceSid")
        if not sid:
            return services
        return {name: one for name, one in services.items() if service_sid(caller.account, one) == sid}

    def _period(self, services: Mapping[str, ApplicationView], form: Form) -> CodesOf:
        after, before = _time(form, "DateCreatedAfter"), _time(form, "DateCreatedBefore")
        return CodesOf(
            DIALECT,
            tuple(services),
            min(first_id_at(after), LARGEST_ID) if after is not None else 0,
            min(first_id_at(before), LARGEST_ID) if before is not None else LARGEST_ID,
        )

    def _told(
        self,
        caller: CredentialView,
        services: Mapping[str, ApplicationView],
        one: SentCode,
        request: Request,
    ) -> dict[str, Any]:
        message = one.message
        sid = sid_of(ATTEMPT, message.id)
        return {
            "sid": sid,
            "account_sid": account_sid(self._gateway.directory, caller.account),
            "service_sid": service_sid(caller.account, services[message.category]),
            "verification_sid": sid_of(VERIFICATION, message.verification),
            "date_created": seconds(time_of_id(message.id)),
            "date_updated": seconds(max(message.ended_at, time_of_id(message.id))),
            "conversion_status": "converted" if one.verified else "unconverted",
            "channel": message.channel,
            "price": {
                "value": format_amount(message.charged or message.held),
                "currency": caller.account.document.currency.lower(),
            },
            "channel_data": {
                "to": message.phone,
                "message_status": message.state,
                "country": country_of(message.phone),
            },
            "url": f"{base_url(request)}/v2/Attempts/{sid}",
        }


def _fitting(form: Form) -> Fits:
    """Whether an attempt is one of those that the parameters ask for. Raises Failed."""
    wanted: list[Callable[[Message], bool]] = []
    if channel := form.text("Channel").lower():
        if channel not in _CHANNELS:
            raise Failed(INVALID_PARAMETER, "Channel")
        wanted.append(lambda message: message.channel == channel)
    if phone := _number(form, "ChannelData.To"):
        wanted.append(lambda message: message.phone == phone)
    if prefix := _number(form, "DestinationPrefix"):
        wanted.append(lambda message: message.phone.startswith(prefix))
    if country := form.text("Country").upper():
        if not _COUNTRY.fullmatch(country):
            raise Failed(INVALID_PARAMETER, "Country")
        wanted.append(lambda message: country_of(message.phone) == country)
    if sid := form.text("VerificationSid"):
        verification = id_in(VERIFICATION, sid)
        wanted.append(lambda message: message.verification == verification)
    status = form.text("Status").lower()
    if status and status not in _STATUSES:
        raise Failed(INVALID_PARAMETER, "Status")
    verified = _STATUSES.get(status)
    return lambda one: (
        (verified is None or one.verified == verified) and all(fits(one.message) for fits in wanted)
    )


def _number(form: Form, name: str) -> str:
    """A number or the beginning of one, with its plus; "" for none. Raises Failed."""
    written = form.text(name)
    if written and not _PREFIX.fullmatch(written):
        raise Failed(INVALID_PARAMETER, name)
    return f"+{written.lstrip('+ ')}" if written else ""


def _time(form: Form, name: str) -> int | None:
    """Unix ms; None for none. Raises Failed."""
    written = form.text(name)
    if not written:
        return None
    try:
        found = datetime.fromisoformat(written)
        at = found if found.tzinfo else found.replace(tzinfo=UTC)
        return max(int(at.timestamp() * 1000), 0)
    except (ValueError, OverflowError):
        raise Failed(INVALID_PARAMETER, name) from None
