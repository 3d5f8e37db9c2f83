"""What a carrier's settings may be: each type declares a struct of them, and documents hold them as people write them.

A field's description says what it is for, its type what fits. A field of type `Secret`, however deep, is shown to
nobody; of a type that is not known here, nothing is.
"""

from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

import msgspec

from onema.domain.configuration import documents as doc
from onema.domain.configuration.document_fields import fields_of, fits, read_fields
from onema.domain.configuration.problems import Problem
from onema.secret import MASK, Secret


class CarrierSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of every struct of settings, and of the tables inside one.

    Fields are str, int, float, bool, Secret, a Literal of texts, a table, a tuple of one of these, or one of them or
    None; `Annotated[..., Meta(description=...)]` says what they are for, and its ge, le, min_length and max_length what
    fits.
    """


S = TypeVar("S", bound=CarrierSettings)


def settings_of(kind: type[S], carrier: doc.Carrier) -> S:
    """The settings of a carrier that has no `settings_problems`. Raises ValueError for any other."""
    settings, problems = read_fields(kind, carrier.settings)
    if settings is None:
        raise ValueError("; ".join(map(str, problems)))
    return settings


def settings_problems(kind: type[CarrierSettings], carrier: doc.Carrier) -> Iterator[Problem]:
    """Every setting that is unknown or missing, or does not fit; places are those of the document."""
    _, problems = read_fields(kind, carrier.settings)
    yield from (problem.below("settings") for problem in problems)


def masked(document: doc.Document, kind: type[CarrierSettings] | None) -> doc.Document:
    """The document without its secrets. `kind` is what a carrier's type says of its settings; None: nobody knows."""
    if isinstance(document, doc.Carrier):
        return msgspec.structs.replace(document, settings=_masked(kind, document.settings))
    hidden = [field for field in document.unshown_fields if getattr(document, field)]
    return msgspec.structs.replace(document, **dict.fromkeys(hidden, MASK))


def _masked(wanted: Any, value: Any) -> Any:
    wanted = bare(wanted)
    if value is None or (wanted is Secret and value == ""):
        return value
    if isinstance(value, dict):
        known = types_of(wanted) if isinstance(wanted, type) and issubclass(wanted, CarrierSettings) else {}
        return {name: _masked(known.get(name), inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        member = get_args(wanted)[0] if get_origin(wanted) is tuple else None
        return [_masked(member, item) for item in value]
    # What stands where something else belongs may be a secret that was put there by mistake.
    return value if wanted not in (None, Secret) and fits(wanted, value) else MASK


def bare(wanted: Any) -> Any:
    """A field's type without bounds and without None."""
    if get_origin(wanted) is Annotated:
        return bare(get_args(wanted)[0])
    if get_origin(wanted) in (Union, UnionType):
        (inner,) = (part for part in get_args(wanted) if part is not NoneType)
        return bare(inner)
    return wanted


def types_of(kind: type[msgspec.Struct]) -> Mapping[str, Any]:
    return {field.name: field.type for field in fields_of(kind)}


class DescribedSetting(NamedTuple):
    """A setting as operators read of it; those of a list's tables have `[]` in their name."""

    name: str
    type: str
    default: str
    help: str


def described(kind: type[CarrierSettings], prefix: str = "") -> Iterator[DescribedSetting]:
    """Every setting of a type, those of tables behind them."""
    for field in fields_of(kind):
        wanted, name = bare(field.type), f"{prefix}{field.name}"
        member = bare(get_args(wanted)[0]) if get_origin(wanted) is tuple else wanted
        default = "needed" if field.required else _shown_default(field.default)
        yield DescribedSetting(name, _type_name(field.type), default, description_of(field.type))
        if isinstance(member, type) and issubclass(member, CarrierSettings):
            yield from described(member, f"{name}[]." if member is not wanted else f"{name}.")


def description_of(wanted: Any) -> str:
    """What a field's annotation says that it is for; "" where that is nothing."""
    bounds = get_args(wanted)[1:] if get_origin(wanted) is Annotated else ()
    return next((bound.description for bound in bounds if bound.description), "")


def _shown_default(default: object) -> str:
    match default:
        case None | "" | () | Secret():
            return ""
        case bool():
            return str(default).lower()
        case _:
            return "" if isinstance(default, CarrierSettings) else str(default)


_TYPE_NAMES: Mapping[Any, str] = {
    str: "text",
    Secret: "secret text",
    int: "whole number",
    float: "number",
    bool: "true or false",
}


def _type_name(wanted: Any) -> str:
    plain = bare(wanted)
    if get_origin(plain) is tuple:
        return f"list of {_type_name(get_args(plain)[0])}"
    if get_origin(plain) is Literal:
        return " | ".join(get_args(plain))
    bounds = get_args(wanted)[1:] if get_origin(wanted) is Annotated else ()
    least = next((bound.ge for bound in bounds if bound.ge is not None), None)
    most = next((bound.le for bound in bounds if bound.le is not None), None)
    within = f", {'' if least is None else least} to {'' if most is None else most}" if bounds else ""
    return f"{_TYPE_NAMES.get(plain, 'table')}{within if (least, most) != (None, None) else ''}"
