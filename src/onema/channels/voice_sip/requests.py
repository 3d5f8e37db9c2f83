"""The shape of a trunk's INVITE: where the number called and the caller's stand, and how they are written."""

import functools
import re
from collections.abc import Iterator, Mapping

import phonenumbers
from phonenumbers import PhoneNumberFormat

from onema.channels.contract import Outgoing
from onema.channels.voice_sip.configuration import NumberForm, Settings, where
from onema.channels.voice_sip.line import Invite
from onema.channels.voice_sip.placeholders import fill
from onema.domain.delivery.payload import CallPayload
from onema.domain.refusals import Refused
from onema.domain.values.phone import Phone, country_of, parse_phone
from onema.protocols.sip.header_values import NameAddr
from onema.protocols.sip.uris import SipUri

ANONYMOUS = NameAddr("sip:anonymous@anonymous.invalid", "Anonymous")
"""RFC 3323 §4.1.1.3."""
_NUMBER = re.compile(r"\+?[0-9*#]+")
_USER_IS_PHONE = (("user", "phone"),)


class NoCaller(Exception):
    """There is no caller's number, and the trunk takes no call without."""


def invite_of(settings: Settings, outgoing: Outgoing, payload: CallPayload) -> Invite:
    """Raises NoCaller."""
    caller = payload.caller or settings.caller
    if not caller and settings.caller_required:
        raise NoCaller
    written = written_number(caller, settings.caller_form, settings)
    values = {
        "caller": written,
        "called": settings.called_prefix + written_number(payload.phone, settings.called_form, settings),
        "auth_user": settings.auth_user,
        "account": str(outgoing.account),
        "message": f"{outgoing.message:x}",
        "attempt": str(outgoing.attempt),
    }
    return Invite(
        request_uri=_uri(settings, values["called"], settings.domain),
        from_=_from(settings, values).encode(),
        to=NameAddr(
            _uri(settings, fill(settings.to_user, values), settings.to_domain or settings.domain)
        ).encode(),
        headers=(
            *(_identities(settings, values) if caller else ()),
            *((("Privacy", "id"),) if settings.privacy else ()),
            *((header.name, fill(header.value, values)) for header in settings.headers),
        ),
        contact_user=settings.auth_user or "onema",
    )


def written_number(number: str, form: NumberForm, settings: Settings) -> str:
    """A number as a trunk wants it; one that the home country does not know, a short code say, as it is."""
    if settings.home and not number.startswith("+"):
        number = _international(number, settings.home)
    if not number.startswith("+") or form == "+e164":
        return number
    if form == "e164":
        return number[1:]
    if form == "national" and country_of(Phone(number)) == settings.home:
        return _national(number)
    return settings.international_prefix + number[1:]


@functools.lru_cache(maxsize=1_000)
def _international(number: str, home: str) -> str:
    """Hotlines are often written as at home."""
    try:
        return parse_phone(number, home)
    except Refused:
        return number


@functools.lru_cache(maxsize=20_000)
def _national(number: str) -> str:
    """With its country's trunk prefix: 0901888484."""
    parsed = phonenumbers.parse(number, None)
    return "".join(filter(str.isdigit, phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL)))


def _from(settings: Settings, values: Mapping[str, str]) -> NameAddr:
    user = fill(settings.from_user, values)
    if not user or (settings.privacy and "{caller}" in settings.from_user):
        return ANONYMOUS
    uri = _uri(settings, user, settings.from_domain or settings.domain)
    return NameAddr(uri, fill(settings.from_name, values))


def _identities(settings: Settings, values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    uri = _uri(settings, fill(settings.identity_user, values), settings.identity_domain or settings.domain)
    for name in settings.identity:
        yield name, NameAddr(uri, "", _parameters(name, settings.privacy)).encode()


def _parameters(name: str, privacy: bool) -> tuple[tuple[str, str], ...]:
    if name == "Remote-Party-ID":
        # draft-ietf-sip-privacy-04 §5.1, what is left of it in the wild.
        return (("party", "calling"), ("privacy", "full" if privacy else "off"), ("screen", "yes"))
    if name == "Diversion":
        return (("reason", "unconditional"),)  # RFC 5806 §4
    return ()  # RFC 3325 §9


def _uri(settings: Settings, user: str, domain: str) -> str:
    place = where(domain)
    host = f"[{place.host}]" if ":" in place.host else place.host
    is_phone = settings.user_phone and _NUMBER.fullmatch(user)
    return SipUri(
        user=user, host=host, port=place.port or 0, parameters=_USER_IS_PHONE if is_phone else ()
    ).encode()
