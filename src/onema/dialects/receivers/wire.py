"""What each identity server sends: a phone and a code of its own, and mostly who asked from where."""

import ipaddress
from typing import Any

import msgspec

from onema.dialects.receivers.errors import Failed
from onema.domain.ids import MessageId
from onema.http.parameters import parse_json_object

_KRATOS_CODES = ("login_code", "registration_code", "verification_code", "recovery_code")


class Told(msgspec.Struct, frozen=True):
    """`person` is whose address asked for the code, "" where nobody tells it; `name` is the server's for the message,
    by which a repeated one is known.
    """

    phone: str
    code: str
    person: str = ""
    name: str = ""


class _Metadata(msgspec.Struct, frozen=True):
    uuid: str = ""
    ip_address: str = ""


class _Sms(msgspec.Struct, frozen=True):
    otp: str
    phone: str = ""


class _User(msgspec.Struct, frozen=True):
    phone: str = ""


class _Supabase(msgspec.Struct, frozen=True):
    sms: _Sms
    user: _User = _User()
    metadata: _Metadata = _Metadata()


class _LogtoPayload(msgspec.Struct, frozen=True):
    code: str


class _Logto(msgspec.Struct, frozen=True):
    to: str
    payload: _LogtoPayload
    ip: str = ""


class _Kratos(msgspec.Struct, frozen=True):
    recipient: str
    template_data: dict[str, Any]
    client_ip: str = ""
    id: str = ""


class _ZitadelContext(msgspec.Struct, frozen=True):
    recipient: str = msgspec.field(name="recipientPhoneNumber")


class _ZitadelArgs(msgspec.Struct, frozen=True):
    code: str


class _Zitadel(msgspec.Struct, frozen=True):
    context: _ZitadelContext = msgspec.field(name="contextInfo")
    args: _ZitadelArgs


def supabase(body: bytes) -> Told:
    """Supabase Auth's hook: docs/identity-servers.md#supabase-auth. Numbers come without their plus."""
    told = _read(body, _Supabase)
    # A phone that is being changed stands in `sms` alone, since 2025-09.
    phone = told.sms.phone or told.user.phone
    # webhook-id is new for every try, and this is not.
    name = f"supabase {told.metadata.uuid}" if told.metadata.uuid else ""
    return Told(_plus(phone), told.sms.otp, _address(told.metadata.ip_address), name)


def logto(body: bytes) -> Told:
    told = _read(body, _Logto)
    return Told(_plus(told.to), told.payload.code, _address(told.ip))


def kratos(body: bytes) -> Told:
    """What the page's Jsonnet makes of a message."""
    told = _read(body, _Kratos)
    codes = [told.template_data[name] for name in _KRATOS_CODES if told.template_data.get(name)]
    if len(codes) != 1 or not isinstance(codes[0], str):
        raise Failed("template_data has no code")
    return Told(
        _plus(told.recipient), codes[0], _address(told.client_ip), f"kratos {told.id}" if told.id else ""
    )


def zitadel(body: bytes) -> Told:
    told = _read(body, _Zitadel)
    return Told(_plus(told.context.recipient), told.args.code)


def message_of(text: str) -> MessageId | None:
    """Identity servers are told no ids."""
    return None


def _read(body: bytes, kind: type[Any]) -> Any:
    """Raises Failed. Members that nobody needs are not looked at: there are many, and new ones with each release."""
    try:
        return msgspec.convert(parse_json_object(body), kind)
    except msgspec.ValidationError:
        raise Failed("a member is missing or of another type") from None
    except ValueError:
        raise Failed("the body must be a JSON object") from None


def _plus(phone: str) -> str:
    return phone if phone.startswith("+") or not phone.isascii() or not phone.isdigit() else f"+{phone}"


def _address(told: str) -> str:
    """ "" for what is no address: a message is not lost because of it."""
    try:
        return str(ipaddress.ip_address(told.strip()))
    except ValueError:
        return ""
