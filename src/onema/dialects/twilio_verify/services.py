"""Services: each application of the account is one. https://www.twilio.com/docs/verify/api/service"""

import asyncio
from collections.abc import Callable
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
from onema.domain.configuration.rules import problems
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
        self._configuring = asyncio.Lock()
        """Held during a change, so that changes of this process do not refuse each other."""

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
        await self.configure(caller, request, lambda account: (_changed(account, document, form),))
        return self._kept(caller, document.name, request, 201)

    async def update(self, caller: CredentialView, service: ApplicationView, request: Request) -> Response:
        form = Form(request.body)

        def changed(account: AccountView) -> tuple[doc.Application]:
            return (_changed(account, document_now(account, service, request), form),)

        await self.configure(caller, request, changed)
        return self._kept(caller, service.name, request, 200)

    async def delete(self, caller: CredentialView, service: ApplicationView, request: Request) -> Response:
        document = service.document
        await self.configure(caller, request, lambda _: (), ((document.kind, document.identity),))
        return Response(204, b"")

    async def configure(
        self,
        caller: CredentialView,
        request: Request,
        wanted: Callable[[AccountView], tuple[doc.AnyDocument, ...]],
        remove: tuple[tuple[str, str], ...] = (),
        role: Literal["admin", "developer"] = "developer",
    ) -> None:
        """As the key's change, which the audit log has. `wanted` makes the documents of what is there: once more where
        somebody else has changed it meanwhile. Raises Failed where the key may not, or where the configuration would
        not hold together, and Refused.
        """
        actor = Actor(
            name=caller.key,
            how="key",
            role=role,
            account=caller.account.name,
            address=request.client_ip,
        )
        author = Author(self._gateway, actor, PutDocuments())
        async with self._configuring:
            for tried in range(_TRIES):
                try:
                    await self._configure_once(author, caller, wanted, remove)
                    return
                except Refused as refused:
                    # Somebody else changed something meanwhile, mostly something else.
                    if refused.refusal is not Refusal.CONFLICT or tried == _TRIES - 1:
                        raise

    async def _configure_once(
        self,
        author: Author,
        caller: CredentialView,
        wanted: Callable[[AccountView], tuple[doc.AnyDocument, ...]],
        remove: tuple[tuple[str, str], ...],
    ) -> None:
        directory = self._gateway.directory
        before, documents = directory.documents, wanted(directory.accounts[caller.account.id])
        proposal = Proposal(before, documents, remove)
        if any(forbidden_changes(before, proposal, author.actor)):
            raise Failed(PERMISSION_DENIED)
        if wrong := next(iter(problems(proposal.after)), None):
            raise Failed(SERVICE_CONFIGURATION, wrong.sentence)
        command = Configure(
            entropy=self._gateway.token(_ENTROPY_BYTES),
            documents=documents,
            remove=remove,
            judged=directory.revision,
        )
        changed = [
            changed_document(key, before.get(key), after, lambda document: masked(document, None))
            for key, after in proposal.after.changed.items()
        ]
        await author.change(command, changed)

    def _kept(self, caller: CredentialView, name: str, request: Request, status: int) -> Response:
        kept = self._gateway.directory.accounts[caller.account.id].applications[name]
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


def document_now(account: AccountView, service: ApplicationView, request: Request) -> doc.Application:
    """The service's document as it is by now. Raises Failed where it has gone."""
    found = account.applications.get(service.name)
    if found is None:
        raise Failed(not_found(request.path))
    return found.document


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
