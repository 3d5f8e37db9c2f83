"""A carrier's settings as options of the command line name them."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_origin

import msgspec

from onema.cli.output import CliError
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import CarrierSettings, bare, types_of
from onema.secret import Secret
from onema.wiring.carriers import settings_kind


def told(options: Sequence[str], from_stdin: str | None) -> dict[str, str]:
    """What was written for each setting. Raises CliError, which shows no value: it may be a secret."""
    named: dict[str, str] = {}
    for number, option in enumerate(options, 1):
        name, equals, value = option.partition("=")
        if not name or not equals:
            raise CliError(f"--setting number {number} is not NAME=VALUE, such as host=smsc.example.com.")
        named[name] = value
    if from_stdin:
        named[from_stdin] = sys.stdin.read().rstrip("\r\n")
    return named


def put_settings(carrier: doc.Carrier, named: Mapping[str, str]) -> doc.Carrier:
    """The carrier with these settings put over its own; dots lead into tables."""
    settings = put_over(carrier.settings, named, settings_kind(carrier))
    return msgspec.structs.replace(carrier, settings=settings)


def put_over(settings: dict[str, Any], named: Mapping[str, str], kind: Any) -> dict[str, Any]:
    """The settings with these put over them; `kind` is their struct, None where nobody knows it."""
    for name, text in named.items():
        settings = _put(settings, name.split("."), _value(text, _type_of(kind, name)), name)
    return settings


def take_settings(carrier: doc.Carrier, names: Sequence[str]) -> doc.Carrier:
    """The carrier without these settings. Raises CliError for one that it does not have."""
    settings = carrier.settings
    for name in names:
        settings = _take(settings, name.split("."), name)
    return msgspec.structs.replace(carrier, settings=settings)


def _put(settings: Any, path: list[str], value: Any, name: str) -> dict[str, Any]:
    if not isinstance(settings, dict):
        raise CliError(f"The setting {name!r} is not inside a table.")
    first, *below = path
    inner = _put(settings.get(first) or {}, below, value, name) if below else value
    return {**settings, first: inner}


def _take(settings: Any, path: list[str], name: str) -> dict[str, Any]:
    first, *below = path
    if not isinstance(settings, dict) or first not in settings:
        raise CliError(f"The setting {name!r} is not set.")
    others = {other: value for other, value in settings.items() if other != first}
    return {**settings, first: _take(settings[first], below, name)} if below else others


def _type_of(kind: Any, name: str) -> Any:
    """What a setting must be; None where that is not known."""
    for part in name.split("."):
        if not (isinstance(kind, type) and issubclass(kind, CarrierSettings)):
            return None
        kind = bare(types_of(kind).get(part))
    return kind


def _value(text: str, wanted: Any) -> Any:
    """A password may look like a number; whatever is no text is written as JSON. A list of one may be that one."""
    if wanted in (str, Secret):
        return text
    if get_origin(wanted) is tuple and not text.startswith("["):
        return [_value(text, bare(get_args(wanted)[0]))]
    try:
        return json.loads(text)
    except ValueError:
        return text
