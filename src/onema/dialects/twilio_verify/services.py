"""Services: each application of the account is one. https://www.twilio.com/docs/verify/api/service"""

from typing import Any, Literal

import msgspec

from onema.administration.author import Author, changed_document
from onema.administration.permissions import Actor, forbidden_changes
from onema.administration.requests import PutDocuments
from onema.dialects.twilio_verify.auth import account_sid
from onema.dialects.twilio_verify.errors import (
    INVALID_PARAMETER,
    NOT_SUPPORTED,
    PERMISSION_DENIED,
    SERVICE_CONFIGURATION,
    Failed,
    not_found,
)
from onema.dialects.twilio_verify.sids import SERVICE, service_sid
from onema.dialects.twilio_verify.templates import template_sid
from onema.dialects.twilio_verify.wire import Form, Page, answer, base_url, seconds
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import masked
from onema.domain.configuration.configure import Configure, Proposal
from onema.domain.configuration.directory import AccountView, ApplicationView, CredentialView
from onema.domain.configuration.problems import InvalidConfiguration
from onema.domain.ids import EPOCH_MS, LARGEST_ID, time_of_id
from onema.domain.refusals import Refusal, Refused
from onema.engine.gateway import Gateway
from onema.http.messages import Request, Response

LONGEST_NAME = 30
_ENTROPY_BYTES = 32
_TRIES = 3
# What would change what is sent or asked, and is not here. A value that leaves it as it is is taken.
_UNSUPPORTED = {
    "LookupEnabled": "false",
    "Psd2Enabled": "false",
    "DtmfInputRequired": "false",
    "DoNotShareWarningEnabled": "false",
    "VerifyEventSubscriptionEnabled": "false",
    "TtsName": "",
}
_UNSUPPORTED_GROUPS = ("push.", "totp.", "whatsapp.", "passkeys.")


class Services:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def find(self, caller: CredentialView, sid: str, path: str) -> ApplicationView:
        """The account's application of this SID, where the login is for that one or for all. Raises Failed."""
        for application in self.of(caller):
            if service_sid(caller.account, application) == sid:
                return application
        raise Failed(not_found(path))

    def of(self, caller: CredentialView) -> list[ApplicationView]:
        """Those that the login is for."""
        if caller.application is not None:
            return [caller.application]
        return [one for _, one in sorted(caller.account.applications.items())]

    async def every(self, caller: CredentialView, request: Request) -> Response:
        told = [self._told(caller.account, one, request) for one in self.of(caller)]
        return Page(request).of("services", told)

    async def fetch(self, caller: CredentialView, service: ApplicationView, request: Request) -> Response:
        return answer(self._told(caller.account, service, request))

    async def create(self, caller: CredentialView, request: Request) -> Response:
        """A new application, whose `appid` is its SID, and tells when it was made."""
        if caller.application is not None:
            raise Failed(NOT_SUPPORTED, "this login is for one service")
        form = Form(request.body)
        form.required("FriendlyName")
        identifier = self._gateway.next_id()
        document = doc.Application(
            account=caller.account.name, name=f"service-{identifier}", appid=f"{identifier:032x}"
        )
        return await self._keep(caller, _changed(caller.account, document, form), request, 201)

    async def update(self, caller: CredentialView, service: ApplicationView, request: Request) -> Response:
        document = _changed(caller.account, service.document, Form(request.body))
        return await self._keep(caller, document, request, 200)

    async def delete(self, caller: CredentialView, service: ApplicationView, request: Request) -> Response:
        document = service.document
        await self.configure(caller, request, (), ((document.kind, document.identity),))
        return Response(204, b"")

    async def configure(
        self,
        caller: CredentialView,
        request: Request,
        documents: tuple[doc.AnyDocument, ...],
        remove: tuple[tuple[str, str], ...] = (),
        role: Literal["admin", "developer"] = "developer",
    ) -> None:
        """As the key's change, which the audit log has. Raises Failed where it may not, or where the configuration
        would not hold together, and Refused.
        """
        actor = Actor(
            name=caller.key,
            how="key",
            role=role,
            account=caller.account.name,
            address=request.client_ip,
        )
        author = Author(self._gateway, actor, PutDocuments(documents=documents, remove=remove))
        for tried in range(_TRIES):
            before = self._gateway.directory.documents
            proposal = Proposal(before, documents, remove)
            if any(forbidden_changes(before, proposal, actor)):
                raise Failed(PERMISSION_DENIED)
            command = Configure(
                entropy=self._gateway.token(_ENTROPY_BYTES), documents=documents, remove=remove
            )
            changed = [
                changed_document(key, before.get(key), after, lambda document: masked(document, None))
                for key, after in proposal.after.changed.items()
            ]
            try:
                await author.change(command, changed)
                return
            except InvalidConfiguration as invalid:
                raise Failed(SERVICE_CONFIGURATION, invalid.problems[0].sentence) from None
            except Refused as refused:
                # Somebody else changed something meanwhile, mostly something else.
                if refused.refusal is not Refusal.CONFLICT or tried == _TRIES - 1:
                    raise

    async def _keep(
        self, caller: CredentialView, document: doc.Application, request: Request, status: int
    ) -> Response:
        await self.configure(caller, request, (document,))
        kept = self._gateway.directory.accounts[caller.account.id].applications[document.name]
        return answer(self._told(caller.account, kept, request), status)

    def _told(self, account: AccountView, service: ApplicationView, request: Request) -> dict[str, Any]:
        sid = service_sid(account, service)
        document = service.document
        made = seconds(_made_at(sid))
        url = f"{base_url(request)}/v2/Services/{sid}"
        template = account.named_templates.get(document.template)
        return {
            "sid": sid,
            "account_sid": account_sid(self._gateway.directory, account),
            "friendly_name": document.title or document.name,
            "code_length": document.code_length,
            "lookup_enabled": False,
            "psd2_enabled": False,
            "skip_sms_to_landlines": True,
            "dtmf_input_required": False,
            "tts_name": None,
            "do_not_share_warning_enabled": False,
            "custom_code_enabled": document.own_codes,
            "push": None,
            "totp": None,
            "whatsapp": None,
            "passkeys": None,
            "default_template_sid": template_sid(account, template.name) if template else None,
            "verify_event_subscription_enabled": False,
            "date_created": made,
            "date_updated": made,
            "url": url,
            "links": {
                "verifications": f"{url}/Verifications",
                "verification_checks": f"{url}/VerificationCheck",
                "rate_limits": f"{url}/RateLimits",
            },
        }


def _made_at(sid: str) -> int:
    """When a service was made that was made through this API; of others nobody knows."""
    number = int(sid.removeprefix(SERVICE), 16)
    return time_of_id(number) if number <= LARGEST_ID else EPOCH_MS


def _changed(account: AccountView, document: doc.Application, form: Form) -> doc.Application:
    """Raises Failed for what a service here has not."""
    form.refuse_unless(_UNSUPPORTED, NOT_SUPPORTED)
    form.refuse_groups(_UNSUPPORTED_GROUPS, NOT_SUPPORTED)
    title = form.text("FriendlyName") or document.title
    if len(title) > LONGEST_NAME:
        raise Failed(INVALID_PARAMETER, f"FriendlyName has at most {LONGEST_NAME} characters")
    own_codes = form.flag("CustomCodeEnabled")
    form.flag("SkipSmsToLandlines")
    template = document.template
    if form.has("DefaultTemplateSid"):
        template = _named(account, form.text("DefaultTemplateSid"))
    return msgspec.structs.replace(
        document,
        title=title,
        code_length=form.number("CodeLength", 4, 10) or document.code_length,
        own_codes=document.own_codes if own_codes is None else own_codes,
        template=template,
    )


def _named(account: AccountView, sid: str) -> str:
    for name in account.named_templates:
        if sid == template_sid(account, name):
            return name
    if sid:
        raise Failed(INVALID_PARAMETER, "DefaultTemplateSid is no template of the account")
    return ""
