"""Documents from values as people write them: every field that does not fit is a problem with its place."""

import functools
from collections.abc import Iterable, Iterator, Mapping
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from onema.domain.configuration.problems import Problem, closest, one_of, shown

S = TypeVar("S", bound=msgspec.Struct)

SECRET = frozenset(("secret", "password", "password_hash"))
"""Fields whose value is never shown, whatever is wrong with it."""

_LARGEST_INTEGER = 2**63 - 1
_KINDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    str: "a text",
    dict: "a table",
    list: "a list",
}


def read_fields(kind: type[S], values: Mapping[str, Any]) -> tuple[S | None, list[Problem]]:
    """The document of these values, or all that is wrong with them; places are its fields."""
    try:
        return msgspec.convert(values, kind), []
    except msgspec.ValidationError:
        return None, list(_fields("", kind, values))


def mended(kind: type[S], values: Mapping[str, Any]) -> S:
    """A document in which whatever does not fit is replaced by something that does: good for looking at what else is
    wrong, and for nothing more.
    """
    return _mended(kind, values)  # type: ignore[no-any-return]  # a struct is mended to a struct of its kind


@functools.cache
def fields_of(kind: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """A struct's fields, worked out once: a large file has thousands of each kind."""
    return msgspec.structs.fields(kind)


def unknown_field(place: str, name: str, known: Iterable[str]) -> Problem:
    """A field that nothing has; the choices are those that there are."""
    names = sorted(known)
    return Problem(f"{place}.{name}" if place else name, "it is unknown", tuple(names), closest(name, names))


def _fields(place: str, kind: type[msgspec.Struct], values: Mapping[str, Any]) -> Iterator[Problem]:
    fields = {field.name: field for field in fields_of(kind)}
    for name, field in fields.items():
        inner = f"{place}.{name}" if place else name
        if name in values:
            yield from _value(inner, field.type, values[name])
        elif field.required:
            yield Problem(inner, "it is missing")


def _value(place: str, wanted: Any, value: Any) -> Iterator[Problem]:
    origin = get_origin(wanted)
    if origin is Literal:
        if value not in get_args(wanted):
            yield one_of(place, _last(place), value, map(str, get_args(wanted)))
    elif origin in (Union, UnionType):
        if value is not None:
            (inner,) = (part for part in get_args(wanted) if part is not NoneType)
            yield from _value(place, inner, value)
    elif origin is tuple:
        if not isinstance(value, list | tuple):
            yield _must_be(place, list, value)
            return
        for number, item in enumerate(value):
            yield from _value(f"{place}[{number}]", get_args(wanted)[0], item)
    elif isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        if isinstance(value, dict):
            yield from _fields(place, wanted, value)
        else:
            yield _must_be(place, dict, value)
    elif not _fits(origin or wanted, value):
        yield _must_be(place, origin or wanted, value)


def _mended(wanted: Any, value: Any) -> Any:
    origin = get_origin(wanted)
    if origin is Literal:
        choices = get_args(wanted)
        return value if value in choices else choices[0]
    if origin in (Union, UnionType):
        (inner,) = (part for part in get_args(wanted) if part is not NoneType)
        return None if value is None else _mended(inner, value)
    if origin is tuple:
        return (
            tuple(_mended(get_args(wanted)[0], item) for item in value)
            if isinstance(value, list | tuple)
            else ()
        )
    if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        given = value if isinstance(value, Mapping) else {}
        return wanted(
            **{
                field.name: _mended(field.type, given.get(field.name))
                for field in fields_of(wanted)
                if field.name in given or field.required
            }
        )
    plain = origin or wanted
    return value if _fits(plain, value) else plain()


def _fits(wanted: type, value: Any) -> bool:
    if wanted is int:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST_INTEGER
    return isinstance(value, wanted)


def _must_be(place: str, wanted: type, value: Any) -> Problem:
    if wanted is int and isinstance(value, int) and not isinstance(value, bool):
        return Problem(place, f"{shown(value)} is larger than any number may be")
    found = (
        ""
        if _last(place) in SECRET
        else f", not {str(value).lower() if isinstance(value, bool) else shown(value)}"
    )
    return Problem(place, f"it must be {_KINDS[wanted]}{found}")


def _last(place: str) -> str:
    return place.rpartition(".")[2]
