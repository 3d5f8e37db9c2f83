"""Texts: the account's named templates that need nothing but a code. https://www.twilio.com/docs/verify/api/templates

`login` and `login.vi` are one template of the vendor's with two translations: what follows the dot is the locale.
"""

import re
from collections.abc import Iterator
from typing import Any

from onema.dialects.twilio_verify.auth import account_sid
from onema.dialects.twilio_verify.errors import (
    INVALID_PARAMETER,
    NOT_SUPPORTED,
    SERVICE_CONFIGURATION,
    Failed,
)
from onema.dialects.twilio_verify.sids import named_digits
from onema.dialects.twilio_verify.wire import Form, Page, seconds
from onema.domain.configuration import documents as doc
from onema.domain.configuration.directory import AccountView, ApplicationView, CredentialView
from onema.domain.configuration.message_template import CODE_MARKER, is_whole_with_a_code
from onema.domain.ids import EPOCH_MS
from onema.engine.gateway import Gateway
from onema.http.messages import Request, Response

TEMPLATE = "HJ"
MOST_TEMPLATES = 10
_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,4})?")
_DEFAULT = "default"


def template_sid(account: AccountView, name: str) -> str:
    return TEMPLATE + named_digits(account.name, "template", name.partition(".")[0])


def text_of(account: AccountView, service: ApplicationView, form: Form) -> doc.Template:
    """What a verification is sent as: the template that the request names, or the service, or the only one there is; in
    the request's language where it has that. Raises Failed.
    """
    locale = form.text("Locale")
    if locale and not _LOCALE.fullmatch(locale):
        raise Failed(INVALID_PARAMETER, "Locale")
    for sid in _asked(form):
        for name in _groups(account):
            if template_sid(account, name) == sid:
                return _translated(account, name, locale)
        if not form.text("Templates"):
            raise Failed(INVALID_PARAMETER, "TemplateSid")
    if form.text("Templates"):
        raise Failed(INVALID_PARAMETER, "Templates has no template of the account")
    if service.document.template:
        return _translated(account, service.document.template.partition(".")[0], locale)
    return _only_text(account)


def _asked(form: Form) -> Iterator[str]:
    """The SIDs in order of preference. Raises Failed for substitutions, since registered texts have no such places."""
    several = form.json("Templates")
    if several is not None:
        if not isinstance(several, list) or not 0 < len(several) <= MOST_TEMPLATES:
            raise Failed(INVALID_PARAMETER, f"Templates is a list of 1 to {MOST_TEMPLATES}")
        for one in several:
            if not isinstance(one, dict) or not isinstance(one.get("sid"), str):
                raise Failed(INVALID_PARAMETER, "Templates has an entry without sid")
            if one.get("substitutions"):
                raise Failed(NOT_SUPPORTED, "Templates with substitutions")
            yield one["sid"]
    if form.json("TemplateCustomSubstitutions"):
        raise Failed(NOT_SUPPORTED, "TemplateCustomSubstitutions")
    if several is None and form.text("TemplateSid"):
        yield form.text("TemplateSid")


def _groups(account: AccountView) -> dict[str, dict[str, doc.Template]]:
    """By name in front of the dot: the texts by locale."""
    groups: dict[str, dict[str, doc.Template]] = {}
    for name, template in sorted(account.named_templates.items()):
        if is_whole_with_a_code(template.text):
            group, _, locale = name.partition(".")
            groups.setdefault(group, {})[locale.lower()] = template
    return groups


def _translated(account: AccountView, group: str, locale: str) -> doc.Template:
    """The text in the locale, or else in its language, or else the one without a locale or the first."""
    texts = _groups(account).get(group)
    if not texts:
        raise Failed(SERVICE_CONFIGURATION, "its template is gone or needs more than a code")
    for wanted in (locale.lower(), locale.lower().partition("-")[0], ""):
        if wanted in texts:
            return texts[wanted]
    return next(iter(texts.values()))


def _only_text(account: AccountView) -> doc.Template:
    brandnames = [one for one in account.brandnames.values() if one.active]
    if len(brandnames) == 1:
        for template in brandnames[0].templates:
            if is_whole_with_a_code(template.text):
                return template
    raise Failed(
        SERVICE_CONFIGURATION, "it names no template, and the account has no brandname or several, or no text"
    )


class Templates:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def every(self, caller: CredentialView, request: Request) -> Response:
        wanted = Form(request.query, query=True).text("FriendlyName")
        account = caller.account
        told = [
            self._told(account, group, texts)
            for group, texts in _groups(account).items()
            if wanted in ("", group)
        ]
        return Page(request).of("templates", told)

    def _told(self, account: AccountView, group: str, texts: dict[str, doc.Template]) -> dict[str, Any]:
        known_since = seconds(EPOCH_MS)
        default = "" if "" in texts else next(iter(texts))
        return {
            "sid": template_sid(account, group),
            "account_sid": account_sid(self._gateway.directory, account),
            "friendly_name": group,
            "channels": ["sms"],
            "translations": {
                locale or _DEFAULT: {
                    "is_default_translation": locale == default,
                    "status": "approved",
                    "locale": locale or None,
                    "text": template.text.replace(CODE_MARKER, "{{code}}"),
                    "date_updated": known_since,
                    "date_created": known_since,
                }
                for locale, template in texts.items()
            },
        }
