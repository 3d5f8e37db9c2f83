"""What a request for a code says of how it is sent: by which channels in turn, and what each of them needs."""

from onema.dialects.native import wire
from onema.dialects.native.auth import DIALECT
from onema.dialects.native.errors import Invalid
from onema.domain.codes.admission import admit_application
from onema.domain.codes.channel_plan import HowToSend, Step
from onema.domain.configuration.directory import AccountView, ApplicationView
from onema.domain.configuration.message_template import (
    AMOUNT_MARKER,
    PAYEE_MARKER,
    is_whole_for_a_payment,
    is_whole_with_a_code,
)
from onema.domain.records import Channel
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.language import fits, is_language, voice_for
from onema.domain.values.written_form import text_form
from onema.engine.gateway import Gateway

_TIMES = 2
"""How often a call says its code: who misses a digit has no other way to hear it again."""
_VOICE = "vi-north"


def how_to_send(
    account: AccountView,
    application: ApplicationView | None,
    asked: wire.VerificationRequest,
    person: str,
    client_ip: str,
    gateway: Gateway,
) -> HowToSend:
    """`application` is the credential's, `person` the address that windows count.

    Raises Invalid and Refused.
    """
    if asked.locale and not is_language(asked.locale):
        raise Invalid("/locale", "it is no language such as vi or zh-Hant")
    steps = _steps(asked)
    channels = {step.channel for step in steps}
    voice, sender, text = "", "", ""
    line = wire.last_line(asked)
    if line and Channel.SMS not in channels:
        raise Invalid("/origin" if asked.origin else "/app_hash", "a call has no last line")
    if Channel.CALL in channels:
        if asked.amount:
            raise Invalid("/amount", "a call does not say it")
        if asked.application:
            application = account.applications.get(asked.application)
        if application is None:
            raise Refused(Refusal.APPLICATION_UNKNOWN, "a call needs an application")
        admit_application(application, client_ip)
        voice = asked.voice or voice_for(asked.locale, application.document.voice or _VOICE)
    if Channel.SMS in channels:
        sender, text = _text(account, asked)
        text = _with_payment(text, asked)
    told = person if asked.client_ip else ""
    return HowToSend(
        steps=steps,
        dialect=DIALECT,
        home_country=account.country,
        client_ip=person,
        application=application.name if application else "",
        reference=asked.reference,
        category=asked.purpose,
        brandname=sender,
        text=text,
        voice=voice,
        times=_TIMES,
        last_line=line,
        person_ip=told,
        person_country=gateway.country_of_address(told) if told else "",
        device=_device(asked.device_id),
        job=gateway.next_id() if len(steps) > 1 else 0,
    )


def _device(name: str) -> str:
    """Raises Invalid."""
    if text_form(name) != name or not name.isprintable():
        raise Invalid("/device_id", "it has what cannot be seen")
    return name


def _steps(asked: wire.VerificationRequest) -> tuple[Step, ...]:
    """Raises Invalid."""
    if not asked.channels:
        return (Step(Channel(asked.channel or Channel.SMS)),)
    if asked.channel is not None:
        raise Invalid("/channel", "`channels` says it")
    steps, waited = list[Step](), 0
    for number, one in enumerate(asked.channels):
        if bool(one.after) is not bool(number):
            what = "the first channel begins at once" if one.after else "it is missing"
            raise Invalid(f"/channels/{number}/after", what)
        waited += one.after
        if waited >= asked.ttl:
            raise Invalid(f"/channels/{number}/after", "the code has expired by then")
        steps.append(Step(Channel(one.channel), one.after * 1000, one.without))
    return tuple(steps)


def _text(account: AccountView, asked: wire.VerificationRequest) -> tuple[str, str]:
    """Under which brandname, and which text: the named template, or the text as it is given, or the only one there is.

    Raises Invalid and Refused.
    """
    is_whole = is_whole_for_a_payment if asked.amount else is_whole_with_a_code
    places = f"{{OTP}}, {AMOUNT_MARKER}, {PAYEE_MARKER}" if asked.amount else "{OTP}"
    if asked.template:
        if asked.text:
            raise Invalid("/text", "a template is named already")
        template = account.named_templates.get(asked.template)
        if template is None or not is_whole(template.text):
            raise Invalid("/template", f"there is no template of this name with {places} and no other places")
        if asked.sender not in ("", template.brandname):
            raise Invalid("/sender", "the template belongs to another brandname")
        return template.brandname, template.text
    if asked.sender:
        senders = [asked.sender]
    else:
        senders = [name for name, brandname in account.brandnames.items() if brandname.active]
    if len(senders) != 1:
        raise Invalid("/sender", "it is missing: the account has no brandname or several")
    (sender,) = senders
    if asked.text:
        return sender, asked.text
    brandname = account.brandnames.get(sender)
    if brandname is None:
        raise Refused(Refusal.BRANDNAME_UNKNOWN)
    whole = [template for template in brandname.templates if is_whole(template.text)]
    if whole:
        # The first of those that fit best: without a `locale` each is as good as any.
        best = max(whole, key=lambda one: fits(one.locale, asked.locale) if asked.locale else 0)
        return sender, best.text
    raise Invalid("/text", f"it is missing: the brandname has no template with {places} and no other places")


def _with_payment(text: str, asked: wire.VerificationRequest) -> str:
    """With what the code confirms, which the person must be able to read. Raises Invalid."""
    for name, marker, value in (
        ("amount", AMOUNT_MARKER, asked.amount),
        ("payee", PAYEE_MARKER, asked.payee),
    ):
        if (marker in text) != bool(value):
            raise Invalid(
                f"/{name}", f"the text does not show it: it has no {marker}" if value else "it is missing"
            )
        text = text.replace(marker, value)
    return text
