"""`./dev docs` makes this of openapi.yaml."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from onema.client.call import Call, new_key, part


class NamedLimitBucket(msgspec.Struct, frozen=True, kw_only=True):
    seconds: int
    limit: int
    number: int


class NamedLimit(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    description: str
    number: int
    buckets: list[NamedLimitBucket]


class Application(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    appid: str
    pool: str
    state: str
    environment: str
    voice_code: bool
    allowed_ips: list[str]
    callback_url: str
    call_state_url: str
    voice: str
    sentence: str | None
    recall_after: list[str]
    recall_times: int
    recall_delay: int
    own_codes: bool
    code_length: int
    title: str
    template: str
    limits: list[NamedLimit]


class ApplicationList(msgspec.Struct, frozen=True, kw_only=True):
    items: list[Application]


class Key(msgspec.Struct, frozen=True, kw_only=True):
    dialect: str
    key: str
    application: str
    state: str
    scopes: list[str]


class KeyList(msgspec.Struct, frozen=True, kw_only=True):
    items: list[Key]


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    dialect: str
    key: str
    application: str
    state: str
    scopes: list[str]
    secret: str


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    country: str
    carrier: str | None = None
    status: str
    expires_at: str | None = None


class Brandname(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    state: str
    expires_at: str
    registrations: list[Registration]
    sign_at: str
    sign_to: list[str]
    approval: str
    refused_because: str


class BrandnameList(msgspec.Struct, frozen=True, kw_only=True):
    items: list[Brandname]


class Template(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    brandname: str
    text: str
    name: str
    fold: bool
    spoken: bool
    locale: str
    state: str
    approval: str
    refused_because: str


class TemplateList(msgspec.Struct, frozen=True, kw_only=True):
    items: list[Template]


def list_applications() -> Call[ApplicationList]:
    """All applications."""
    return Call("GET", "/v1/applications", ApplicationList)


def create_application(
    *,
    name: str,
    idempotency_key: str | None = None,
    appid: str | UnsetType = UNSET,
    state: Literal["active", "inactive"] | UnsetType = UNSET,
    environment: Literal["production", "sandbox"] | UnsetType = UNSET,
    voice_code: bool | UnsetType = UNSET,
    allowed_ips: Sequence[str] | UnsetType = UNSET,
    callback_url: str | UnsetType = UNSET,
    call_state_url: str | UnsetType = UNSET,
    voice: str | UnsetType = UNSET,
    sentence: str | UnsetType | None = UNSET,
    recall_after: Sequence[Literal["busy", "no_answer", "failed", "voicemail"]] | UnsetType = UNSET,
    recall_times: int | UnsetType = UNSET,
    recall_delay: int | UnsetType = UNSET,
    own_codes: bool | UnsetType = UNSET,
    code_length: int | UnsetType = UNSET,
    title: str | UnsetType = UNSET,
    template: str | UnsetType = UNSET,
) -> Call[Application]:
    """Make an application.

    Making the same again answers the same; another one of this name is a 409.
    """
    return Call(
        "POST",
        "/v1/applications",
        Application,
        body={
            "name": name,
            "appid": appid,
            "state": state,
            "environment": environment,
            "voice_code": voice_code,
            "allowed_ips": allowed_ips,
            "callback_url": callback_url,
            "call_state_url": call_state_url,
            "voice": voice,
            "sentence": sentence,
            "recall_after": recall_after,
            "recall_times": recall_times,
            "recall_delay": recall_delay,
            "own_codes": own_codes,
            "code_length": code_length,
            "title": title,
            "template": template,
        },
        key=idempotency_key or new_key(),
    )


def get_application(name: str) -> Call[Application]:
    """One of the applications."""
    return Call("GET", f"/v1/applications/{part(name)}", Application)


def change_application(
    name: str,
    *,
    state: Literal["active", "inactive"] | UnsetType = UNSET,
    environment: Literal["production", "sandbox"] | UnsetType = UNSET,
    voice_code: bool | UnsetType = UNSET,
    allowed_ips: Sequence[str] | UnsetType = UNSET,
    callback_url: str | UnsetType = UNSET,
    call_state_url: str | UnsetType = UNSET,
    voice: str | UnsetType = UNSET,
    sentence: str | UnsetType | None = UNSET,
    recall_after: Sequence[Literal["busy", "no_answer", "failed", "voicemail"]] | UnsetType = UNSET,
    recall_times: int | UnsetType = UNSET,
    recall_delay: int | UnsetType = UNSET,
    own_codes: bool | UnsetType = UNSET,
    code_length: int | UnsetType = UNSET,
    title: str | UnsetType = UNSET,
    template: str | UnsetType = UNSET,
) -> Call[Application]:
    """Change one of the applications.

    What is left out stays as it is.
    """
    return Call(
        "PATCH",
        f"/v1/applications/{part(name)}",
        Application,
        body={
            "state": state,
            "environment": environment,
            "voice_code": voice_code,
            "allowed_ips": allowed_ips,
            "callback_url": callback_url,
            "call_state_url": call_state_url,
            "voice": voice,
            "sentence": sentence,
            "recall_after": recall_after,
            "recall_times": recall_times,
            "recall_delay": recall_delay,
            "own_codes": own_codes,
            "code_length": code_length,
            "title": title,
            "template": template,
        },
    )


def remove_application(name: str) -> Call[None]:
    """Remove one of the applications."""
    return Call("DELETE", f"/v1/applications/{part(name)}", type(None))


def list_keys() -> Call[KeyList]:
    """All keys."""
    return Call("GET", "/v1/keys", KeyList)


def create_key(
    *,
    idempotency_key: str | None = None,
    dialect: str | UnsetType = UNSET,
    application: str | UnsetType = UNSET,
    state: Literal["active", "inactive"] | UnsetType = UNSET,
    scopes: Sequence[Literal["verify", "read", "admin"]] | UnsetType = UNSET,
) -> Call[NewKey]:
    """Make a key.

    Two may live of the account, and two of each application. With an Idempotency-Key no second one is
    made; its secret is not told again (409, exists).
    """
    return Call(
        "POST",
        "/v1/keys",
        NewKey,
        body={"dialect": dialect, "application": application, "state": state, "scopes": scopes},
        key=idempotency_key or new_key(),
    )


def get_key(dialect: str, key: str) -> Call[Key]:
    """One of the keys."""
    return Call("GET", f"/v1/keys/{part(dialect)}/{part(key)}", Key)


def change_key(
    dialect: str,
    key: str,
    *,
    state: Literal["active", "inactive"] | UnsetType = UNSET,
    scopes: Sequence[Literal["verify", "read", "admin"]] | UnsetType = UNSET,
) -> Call[Key]:
    """Change one of the keys.

    What is left out stays as it is.
    """
    return Call(
        "PATCH", f"/v1/keys/{part(dialect)}/{part(key)}", Key, body={"state": state, "scopes": scopes}
    )


def remove_key(dialect: str, key: str) -> Call[None]:
    """Remove one of the keys."""
    return Call("DELETE", f"/v1/keys/{part(dialect)}/{part(key)}", type(None))


def rotate_key(dialect: str, key: str, *, idempotency_key: str | None = None) -> Call[NewKey]:
    """Make another key for the same.

    The old one lives on until it is removed, so that clients can change over.
    """
    return Call(
        "POST",
        f"/v1/keys/{part(dialect)}/{part(key)}/rotate",
        NewKey,
        body={},
        key=idempotency_key or new_key(),
    )


def list_brandnames() -> Call[BrandnameList]:
    """All brandnames."""
    return Call("GET", "/v1/brandnames", BrandnameList)


def create_brandname(
    *,
    name: str,
    idempotency_key: str | None = None,
    sign_at: Literal["start", "end"] | UnsetType = UNSET,
    sign_to: Sequence[str] | UnsetType = UNSET,
) -> Call[Brandname]:
    """Ask for a brandname.

    It is inactive until an operator approves it.
    """
    return Call(
        "POST",
        "/v1/brandnames",
        Brandname,
        body={"name": name, "sign_at": sign_at, "sign_to": sign_to},
        key=idempotency_key or new_key(),
    )


def get_brandname(name: str) -> Call[Brandname]:
    """One of the brandnames."""
    return Call("GET", f"/v1/brandnames/{part(name)}", Brandname)


def change_brandname(
    name: str,
    *,
    state: Literal["active", "inactive"] | UnsetType = UNSET,
    sign_at: Literal["start", "end"] | UnsetType = UNSET,
    sign_to: Sequence[str] | UnsetType = UNSET,
    approval: Literal["requested", "approved", "refused"] | UnsetType = UNSET,
    refused_because: str | UnsetType = UNSET,
) -> Call[Brandname]:
    """Change one of the brandnames.

    What is left out stays as it is.
    """
    return Call(
        "PATCH",
        f"/v1/brandnames/{part(name)}",
        Brandname,
        body={
            "state": state,
            "sign_at": sign_at,
            "sign_to": sign_to,
            "approval": approval,
            "refused_because": refused_because,
        },
    )


def remove_brandname(name: str) -> Call[None]:
    """Remove one of the brandnames."""
    return Call("DELETE", f"/v1/brandnames/{part(name)}", type(None))


def list_templates() -> Call[TemplateList]:
    """All templates."""
    return Call("GET", "/v1/templates", TemplateList)


def create_template(
    *,
    brandname: str,
    text: str,
    idempotency_key: str | None = None,
    name: str | UnsetType = UNSET,
    fold: bool | UnsetType = UNSET,
    spoken: bool | UnsetType = UNSET,
    locale: str | UnsetType = UNSET,
) -> Call[Template]:
    """Ask for a template.

    It is inactive until an operator approves it.
    """
    return Call(
        "POST",
        "/v1/templates",
        Template,
        body={
            "brandname": brandname,
            "text": text,
            "name": name,
            "fold": fold,
            "spoken": spoken,
            "locale": locale,
        },
        key=idempotency_key or new_key(),
    )


def get_template(id: str) -> Call[Template]:
    """One of the templates."""
    return Call("GET", f"/v1/templates/{part(id)}", Template)


def change_template(
    id: str,
    *,
    state: Literal["active", "inactive"] | UnsetType = UNSET,
    name: str | UnsetType = UNSET,
    fold: bool | UnsetType = UNSET,
    spoken: bool | UnsetType = UNSET,
    locale: str | UnsetType = UNSET,
    approval: Literal["requested", "approved", "refused"] | UnsetType = UNSET,
    refused_because: str | UnsetType = UNSET,
) -> Call[Template]:
    """Change one of the templates.

    What is left out stays as it is.
    """
    return Call(
        "PATCH",
        f"/v1/templates/{part(id)}",
        Template,
        body={
            "state": state,
            "name": name,
            "fold": fold,
            "spoken": spoken,
            "locale": locale,
            "approval": approval,
            "refused_because": refused_because,
        },
    )


def remove_template(id: str) -> Call[None]:
    """Remove one of the templates."""
    return Call("DELETE", f"/v1/templates/{part(id)}", type(None))
