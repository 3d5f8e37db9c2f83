"""A carrier as a form: its type says which settings there are, and what each may be."""

import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from onema.console.operate.forms import Form
from onema.domain.configuration.carrier_settings import CarrierSettings, DescribedSetting, described
from onema.secret import MASK

PREFIX = "settings."


class CarrierKind(NamedTuple):
    """What the console knows of a type of carrier."""

    settings: type[CarrierSettings]
    channels: frozenset[str]


class SettingField(NamedTuple):
    """A setting as a field. `choices` are all that it may be, empty where it is written. What is stored of a secret is
    never shown: `is_set` says whether something is.
    """

    name: str
    value: str
    help: str
    type: str
    choices: tuple[str, ...]
    is_secret: bool
    is_set: bool
    is_needed: bool


def fields_of(kind: CarrierKind, settings: Mapping[str, Any]) -> list[SettingField]:
    """Every setting that a form can hold, with what it is now."""
    return [_field(one, settings) for one in described(kind.settings) if _is_shown(one)]


def put_fields(kind: CarrierKind, form: Form, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with what the form says of each; an empty field takes one away, or leaves a secret as it is."""
    after: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(settings))
    for one in filter(_is_shown, described(kind.settings)):
        name = PREFIX + one.name
        if name not in form.values:
            continue
        text = form.values[name] if _is_secret(one) else form.text(name)
        if text:
            _put(after, one.name.split("."), _read(one.type, text))
        elif not _is_secret(one):
            _take(after, one.name.split("."))
    return after


def _is_shown(one: DescribedSetting) -> bool:
    """Lists of tables, and tables that are spelled out behind them, are for the command line."""
    return "[]" not in one.name and "table" not in one.type


def _is_secret(one: DescribedSetting) -> bool:
    return one.type == "secret text"


def _field(one: DescribedSetting, settings: Mapping[str, Any]) -> SettingField:
    value = _get(settings, one.name.split("."))
    choices = ("true", "false") if one.type == "true or false" else tuple(one.type.split(" | "))
    return SettingField(
        name=one.name,
        value="" if value is None or _is_secret(one) else _write(value),
        help=one.help,
        type=f"{one.type}: {one.default}" if one.default not in ("", "needed") else one.type,
        choices=choices if len(choices) > 1 else (),
        is_secret=_is_secret(one),
        is_set=value == MASK,
        is_needed=one.default == "needed",
    )


def _write(value: Any) -> str:
    match value:
        case str():
            return value
        case list() | tuple() if all(isinstance(one, str) for one in value):
            return ", ".join(value)
        case _:
            return msgspec.json.encode(value).decode()


_READERS: Mapping[str, Callable[[str], Any]] = {
    "text": str,
    "secret text": str,
    "list of text": lambda text: [part.strip() for part in text.split(",") if part.strip()],
}


def _read(kind: str, text: str) -> Any:
    """What is none of its type stays text: whoever checks the settings says what is wrong with it."""
    read = _READERS.get(kind)
    if read is not None:
        return read(text)
    if " | " in kind:
        return text
    with contextlib.suppress(msgspec.DecodeError):
        return msgspec.json.decode(text)
    return text


def _get(settings: Any, path: Iterable[str]) -> Any:
    for part in path:
        settings = settings.get(part) if isinstance(settings, Mapping) else None
    return settings


def _put(settings: dict[str, Any], path: list[str], value: Any) -> None:
    *tables, last = path
    for part in tables:
        inner = settings.get(part)
        settings[part] = inner = inner if isinstance(inner, dict) else {}
        settings = inner
    settings[last] = value


def _take(settings: dict[str, Any], path: list[str]) -> None:
    *tables, last = path
    for part in tables:
        inner = settings.get(part)
        if not isinstance(inner, dict):
            return
        settings = inner
    settings.pop(last, None)
