"""Where identity servers bring the codes that they have made: /receivers/KEY/NAME. docs/identity-servers.md"""

from collections.abc import Callable, Mapping

from onema.dialects.receivers import wire
from onema.dialects.receivers.auth import (
    DIALECT,
    brings_the_secret,
    credential_of,
    signed_as_webhook,
    signed_by_zitadel,
)
from onema.dialects.receivers.errors import FAULT, INVALID, JSON, METHOD, NOT_FOUND, REFUSALS, Failed
from onema.domain.codes.accept_message import Accepted
from onema.domain.codes.admission import admit_account, admit_application
from onema.domain.codes.send_code import SendCode
from onema.domain.codes.start_verification import ENTROPY_BYTES, GivenCode
from onema.domain.codes.verification import MAX_LENGTH, MIN_LENGTH
from onema.domain.configuration import documents as doc
from onema.domain.configuration.directory import CredentialView
from onema.domain.configuration.message_template import is_whole_with_a_code
from onema.domain.ids import MessageId
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.phone import parse_phone
from onema.engine.gateway import Gateway
from onema.engine.refusals import Asking
from onema.http.messages import Request, Response

SEGMENT = "receivers"
READERS: Mapping[str, Callable[[bytes], wire.Told]] = {
    "supabase": wire.supabase,
    "logto": wire.logto,
    "kratos": wire.kratos,
    "zitadel": wire.zitadel,
}
_DONE = Response(200, b"{}", JSON)
_LONGEST_NAME = 255


class Receivers:
    """JSON in, an empty object out. The code is the identity server's, which checks it itself."""

    name = DIALECT
    path_segments = frozenset({SEGMENT})
    operations = tuple(f"/{SEGMENT}/KEY/{name}" for name in READERS)
    refusals = REFUSALS
    callbacks = None

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def answer(self, request: Request) -> Response:
        asking = Asking(DIALECT, request.client_ip)
        response = await self._answer(request, asking)
        if response.outcome != "ok":
            self._gateway.refusals.note(asking, response.outcome)
        return response

    async def _answer(self, request: Request, asking: Asking) -> Response:
        try:
            match request.path.split("/")[2:]:
                case [key, name] if name in READERS:
                    if request.method != "POST":
                        return METHOD.response()
                    return await self._send(request, key, name, asking)
            return NOT_FOUND.response()
        except Failed as failed:
            asking.detail = str(failed)
            return INVALID.response(detail=str(failed))
        except Refused as refused:
            asking.detail = refused.detail
            return REFUSALS[refused.refusal].response(refused.refusal.value)

    async def _send(self, request: Request, key: str, name: str, asking: Asking) -> Response:
        gateway = self._gateway
        credential = credential_of(gateway.directory, key, asking)
        self._authenticate(request, credential, name)
        account, application = credential.account, credential.application
        admit_account(account, request.client_ip)
        if application is not None:
            admit_application(application, request.client_ip, calls=False)
        told = READERS[name](request.body)
        asking.phone = told.phone
        if (
            not MIN_LENGTH <= len(told.code) <= MAX_LENGTH
            or not told.code.isalnum()
            or not told.code.isascii()
        ):
            raise Refused(Refusal.CODE_INVALID)
        if len(told.name) > _LONGEST_NAME:
            raise Failed("its name is too long")
        template = _template(credential)
        sent: Accepted = await gateway.execute(
            SendCode(
                account=account.id,
                id=MessageId(gateway.next_id()),
                now=gateway.now(),
                entropy=gateway.token(ENTROPY_BYTES),
                dialect=DIALECT,
                phone=parse_phone(told.phone, account.country),
                home_country=account.country,
                client_ip=told.person or request.client_ip,
                person_ip=told.person,
                person_country=gateway.country_of_address(told.person) if told.person else "",
                application=application.name if application else "",
                code=GivenCode(told.code),
                brandname=template.brandname,
                text=template.text,
                request=told.name,
                request_digest=name,
            )
        )
        if sent.refusal is not None:
            raise Refused(sent.refusal)
        return _DONE

    def _authenticate(self, request: Request, credential: CredentialView, name: str) -> None:
        """Raises Refused(CREDENTIAL_UNKNOWN)."""
        now = self._gateway.now()
        match name:
            case "supabase":
                signed_as_webhook(request, credential.secret, now)
            case "zitadel":
                signed_by_zitadel(request, credential.secret, now)
            case _:
                brings_the_secret(request, credential)

    def refuse_oversized(self, request: Request) -> Response:
        return INVALID.response(detail="the body is too large")

    def fault(self, request: Request, incident: str) -> Response:
        return FAULT.response(detail=f"incident {incident}")


def _template(credential: CredentialView) -> doc.Template:
    """The application's, else the only brandname's first text that needs nothing but a code.

    Raises Refused(TEMPLATE_MISMATCH).
    """
    account = credential.account
    named = credential.application.document.template if credential.application else ""
    if named:
        found = account.named_templates.get(named)
        if found is not None and is_whole_with_a_code(found.text):
            return found
        raise Refused(
            Refusal.TEMPLATE_MISMATCH, "the application's template is gone, or needs more than a code"
        )
    brandnames = [one for one in account.brandnames.values() if one.active]
    if len(brandnames) == 1:
        for template in brandnames[0].templates:
            if is_whole_with_a_code(template.text):
                return template
    raise Refused(Refusal.TEMPLATE_MISMATCH, "the account has no brandname or several, or no text")
