"""`./dev docs` makes this of openapi.yaml."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from onema.client.call import Call


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    preview: dict[str, Any]
    price: dict[str, Any] | None
    sender: dict[str, Any] | None
    notes: list[str]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """The first character of the text, from 1, that does not fit."""

    place: int
    expected: str
    found: str


class TemplateTest(msgspec.Struct, frozen=True, kw_only=True):
    fits: bool
    template: str | None
    text: str | None
    segments: int | None
    differs: Difference | None


def preview_sms(
    *,
    text: str,
    to: str | UnsetType = UNSET,
    sender: str | UnsetType = UNSET,
    code_length: int | UnsetType = UNSET,
    origin: str | UnsetType = UNSET,
    app_hash: str | UnsetType = UNSET,
) -> Call[Preview]:
    """What a text becomes on its way, and costs."""
    return Call(
        "POST",
        "/v1/sms/preview",
        Preview,
        body={
            "text": text,
            "to": to,
            "sender": sender,
            "code_length": code_length,
            "origin": origin,
            "app_hash": app_hash,
        },
    )


def try_template(*, brandname: str, text: str, code_length: int | UnsetType = UNSET) -> Call[TemplateTest]:
    """Which template a text fits, or where it differs from the nearest."""
    return Call(
        "POST",
        "/v1/templates/test",
        TemplateTest,
        body={"brandname": brandname, "text": text, "code_length": code_length},
    )
