"""Documents from values as people write them: every field that does not fit is a problem with its place."""

import functools
from collections.abc import Iterable, Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from onema.domain.configuration.documents import KINDS
from onema.domain.configuration.problems import Problem, closest, one_of, shown
from onema.secret import Secret

S = TypeVar("S", bound=msgspec.Struct)

SECRET = frozenset(("password", *(field for kind in KINDS for field in kind.unshown_fields)))
"""Fields whose value is never shown, whatever is wrong with it; a file may have a password instead of its hash."""

_LARGEST_INTEGER = 2**63 - 1
_KINDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    Secret: "a text",
    dict: "a table",
    list: "a list",
}


def read_fields(kind: type[S], values: Mapping[str, Any]) -> tuple[S | None, list[Problem]]:
    """The document of these values, or all that is wrong with them; places are its fields."""
    try:
        return msgspec.convert(values, kind, dec_hook=_secret), []
    except msgspec.ValidationError:
        return None, list(_fields("", kind, values))


def _secret(wanted: type, value: Any) -> Secret:
    if wanted is not Secret or not isinstance(value, str):
        raise ValueError("it must be a text")
    return Secret(value)


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
    if kind.__struct_config__.forbid_unknown_fields:
        yield from (unknown_field(place, name, fields) for name in values if name not in fields)


def _value(place: str, wanted: Any, value: Any) -> Iterator[Problem]:
    origin = get_origin(wanted)
    if origin is Annotated:
        inner, *bounds = get_args(wanted)
        found = list(_value(place, inner, value))
        yield from found
        for bound in bounds if not found and value is not None else ():
            yield from _out_of_bounds(place, bound, value)
    elif origin is Literal:
        if value not in get_args(wanted):
            yield one_of(place, _last(place), value, map(str, get_args(wanted)))
    elif origin in (Union, UnionType):
        if value is not None:
            (inner,) = (part for part in get_args(wanted) if part is not NoneType)
            yield from _value(place, inner, value)
    elif origin is dict and isinstance(value, dict):
        inner = get_args(wanted)[1]
        for name, item in value.items() if inner is not Any else ():
            yield from _value(f"{place}.{name}", inner, item)
    elif origin is tuple:
        if not isinstance(value, list | tuple):
            yield _must_be(place, list, value, hidden=holds_secret(wanted))
            return
        for number, item in enumerate(value):
            yield from _value(f"{place}[{number}]", get_args(wanted)[0], item)
    elif isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        if isinstance(value, dict):
            yield from _fields(place, wanted, value)
        else:
            yield _must_be(place, dict, value, hidden=holds_secret(wanted))
    elif not fits(origin or wanted, value):
        yield _must_be(place, origin or wanted, value, hidden=holds_secret(wanted))


def _out_of_bounds(place: str, bound: msgspec.Meta, value: Any) -> Iterator[Problem]:
    if bound.ge is not None and value < bound.ge:
        yield Problem(place, f"it is at least {bound.ge:,}, not {value:,}")
    if bound.le is not None and value > bound.le:
        yield Problem(place, f"it is at most {bound.le:,}, not {value:,}")
    what = "characters" if isinstance(value, str) else "members"
    if bound.min_length is not None and len(value) < bound.min_length:
        yield Problem(place, f"it has {len(value)} {what}; {bound.min_length} are the least")
    if bound.max_length is not None and len(value) > bound.max_length:
        yield Problem(place, f"it has {len(value):,} {what}; {bound.max_length:,} are the most")


@functools.cache
def holds_secret(wanted: Any) -> bool:
    """Whether a value of this type is a secret or may have one inside."""
    if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        return any(holds_secret(field.type) for field in fields_of(wanted))
    return wanted is Secret or any(map(holds_secret, get_args(wanted)))


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
    if origin is dict and isinstance(value, dict) and get_args(wanted)[1] is not Any:
        return {str(name): _mended(get_args(wanted)[1], item) for name, item in value.items()}
    plain = origin or wanted
    return value if fits(plain, value) else plain()


def fits(wanted: Any, value: Any) -> bool:
    """Whether a plain value is of the type that is wanted, or one of its choices."""
    if get_origin(wanted) is not None:
        return get_origin(wanted) is Literal and value in get_args(wanted)
    if wanted is int:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST_INTEGER
    if wanted is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str if wanted is Secret else wanted)


def _must_be(place: str, wanted: type, value: Any, *, hidden: bool = False) -> Problem:
    if wanted is int and isinstance(value, int) and not isinstance(value, bool):
        return Problem(place, f"{shown(value)} is larger than any number may be")
    found = (
        ""
        if hidden or _last(place) in SECRET
        else f", not {str(value).lower() if isinstance(value, bool) else shown(value)}"
    )
    return Problem(place, f"it must be {_KINDS[wanted]}{found}")


def _last(place: str) -> str:
    return place.rpartition(".")[2]
