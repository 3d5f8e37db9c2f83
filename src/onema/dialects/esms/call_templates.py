"""Calls that read out a registered text: MakeCallTemplate_V2.

https://developers.esms.vn/esms-api/ham-goi-voice/ham-tao-cuoc-goi-tu-dong-theo-template (seen 2026-11).
"""

from collections.abc import Mapping

from onema.dialects.esms import query_wire
from onema.dialects.esms.auth import DIALECT
from onema.dialects.esms.errors import (
    LATER_CALL,
    LONG_REQUEST_ID,
    NO_CALL_TEMPLATE,
    OTHER_DATE,
    OTHER_URL,
    OTHER_VALUES,
    Rejected,
    VendorError,
)
from onema.dialects.esms.phones import HOME_COUNTRY
from onema.dialects.esms.plain_sends import BLOCKED_SECONDS, LONGEST_REQUEST_ID
from onema.dialects.esms.times import moment_of
from onema.dialects.esms.voice_calls import TIMES, rate_of, speed_of, voice_of
from onema.dialects.esms.wire import smsid
from onema.domain.codes.accept_message import Accepted
from onema.domain.codes.call_with_text import CallWithText
from onema.domain.configuration.callback_target import url_problem
from onema.domain.configuration.directory import AccountView, ApplicationView
from onema.domain.configuration.message_template import MessageTemplate
from onema.domain.ids import MessageId
from onema.domain.keyring import NONCE_BYTES
from onema.domain.refusals import Refusal
from onema.domain.values.phone import parse_phone
from onema.engine.gateway import Gateway
from onema.http.messages import Response

OPERATION = "mainservice.svc/json/makecalltemplate_v2"
CATEGORY = "call template"

_BETWEEN_VALUES = "||"
_OF_THE_TEXT = (Refusal.TEMPLATE_MISMATCH.value, Refusal.TEXT_NOT_SENDABLE.value)

Parameters = Mapping[str, str]


class CallTemplates:
    """`private_targets` allows callback URLs that are not on the public Internet."""

    def __init__(self, gateway: Gateway, *, private_targets: bool) -> None:
        self._gateway = gateway
        self._private_targets = private_targets

    async def call(
        self, account: AccountView, application: ApplicationView, parameters: Parameters, client_ip: str
    ) -> Response:
        """In the order of docs/vendors/esms.md#errors. Raises Rejected and Refused."""
        gateway, given = self._gateway, parameters.get
        home = account.country or HOME_COUNTRY
        phone = parse_phone(given("phone", ""), home, space_is_plus=True)
        name = given("templateid", "").strip()
        template = account.named_templates.get(name)
        if template is None or not template.spoken:
            raise Rejected(NO_CALL_TEMPLATE, "template_unknown")
        values = given("variableliststr", "")
        text = MessageTemplate.parse(template.text).filled(values.split(_BETWEEN_VALUES) if values else ())
        reference = given("requestid", "").strip()
        if len(reference) > LONGEST_REQUEST_ID:
            raise Rejected(LONG_REQUEST_ID, "not_served")
        self._refuse_later(given("senddate", "").strip())
        called: Accepted = await gateway.execute(
            CallWithText(
                account=account.id,
                application=application.name,
                id=MessageId(gateway.next_id()),
                now=gateway.now(),
                entropy=gateway.token(NONCE_BYTES),
                dialect=DIALECT,
                phone=phone,
                home_country=home,
                client_ip=client_ip,
                reference=reference,
                template=name,
                text=text,
                voice=voice_of(parameters, application),
                rate=rate_of(speed_of(parameters)),
                times=TIMES,
                once_seconds=BLOCKED_SECONDS if reference else 0,
                callback_url=self._callback_url(given("callbackurl", "").strip()),
                category=CATEGORY,
            )
        )
        return Response(200, b'{"CodeResult":"100","SMSID":"%b"}' % smsid(called.message).encode())

    def _refuse_later(self, date: str) -> None:
        """Calls are made at once. Raises Rejected."""
        try:
            later = bool(date) and moment_of(date) > self._gateway.now()
        except (ValueError, OverflowError):
            raise Rejected(OTHER_DATE, "not_served") from None
        if later:
            raise Rejected(LATER_CALL, "not_served")

    def _callback_url(self, url: str) -> str:
        """Raises Rejected."""
        if url and url_problem(url, private_targets=self._private_targets):
            raise Rejected(OTHER_URL, "callback_url")
        return url


def refused(error: VendorError, outcome: str) -> Response:
    """The errors of the vendor's page have no CountRegenerate, and none is about the text of a brandname."""
    if outcome in _OF_THE_TEXT:
        error = OTHER_VALUES
    return Response(200, query_wire.refused(error.code, error.message), outcome=outcome)
