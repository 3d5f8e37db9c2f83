"""What is wrong with a configuration: every problem with its place, what was found there, and the choices.

Whoever looks at documents (document_rules.py, rules.py, a dialect, a carrier type) yields problems whose
places are relative to the document; `place_of` says where that is, spelled as in the file of `onema apply`.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from onema.domain.configuration import documents as doc
from onema.domain.refusals import Refusal, Refused

_LONGEST_FOUND = 60
_CHOICES_TOLD = 12
_PROBLEMS_TOLD = 20


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that must be put right. `sentence` begins in lower case and ends without a full stop."""

    place: str
    sentence: str
    choices: tuple[str, ...] = ()
    closest: str = ""
    """The one of the choices that may have been meant."""

    @property
    def parts(self) -> tuple[str, ...]:
        """What is wrong; then what may have been meant, and what the choices are."""
        meant = f"did you mean {self.closest!r}?" if self.closest else ""
        told = ", ".join(self.choices[:_CHOICES_TOLD])
        more = f" and {len(self.choices) - _CHOICES_TOLD:,} more" if len(self.choices) > _CHOICES_TOLD else ""
        # Of very many the closest is all that one wants to read.
        choices = f"there are: {told}{more}" if self.choices and not (meant and more) else ""
        return tuple(filter(None, (self.sentence, meant, choices)))

    def __str__(self) -> str:
        return f"{self.place}: {'; '.join(self.parts).replace('?; ', '? ')}"

    @property
    def said(self) -> str:
        """All of it in whole sentences."""
        return " ".join(
            f"{part[:1].upper()}{part[1:]}{'' if part.endswith('?') else '.'}" for part in self.parts
        )

    def below(self, place: str) -> "Problem":
        """The same problem, its place being inside of `place`."""
        joint = "" if not self.place or self.place.startswith("[") else "."
        return msgspec.structs.replace(self, place=f"{place}{joint}{self.place}")


class InvalidConfiguration(Refused):
    """A configuration that cannot be used. Nothing of it was stored."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        told = "; ".join(map(str, self.problems[:_PROBLEMS_TOLD]))
        more = len(self.problems) - _PROBLEMS_TOLD
        detail = f"the configuration does not hold together: {told}{f'; and {more} more' if more > 0 else ''}"
        super().__init__(Refusal.CONFLICT, detail)


def together(first: Sequence[Problem], others: Iterable[Problem]) -> list[Problem]:
    """All problems by their places. What the others say of a place that the first complain of may come from nothing
    else, so it is left out.
    """
    bad = {problem.place for problem in first}
    around = {outer for place in bad for outer in _outer(place)}
    more = [
        one for one in others if one.place not in around and bad.isdisjoint((one.place, *_outer(one.place)))
    ]
    return sorted((*first, *more), key=lambda problem: problem.place)


def _outer(place: str) -> Iterator[str]:
    """The places around this one."""
    return (place[:end] for end, character in enumerate(place) if character in ".[")


def one_of(place: str, what: str, found: object, choices: Iterable[str]) -> Problem:
    """`found` is none of the choices for `what`."""
    known = tuple(choices)
    return Problem(place, f"there is no {what} {shown(found)}", known, closest(str(found), known))


def closest(found: str, choices: Sequence[str]) -> str:
    """The choice that was probably meant; "" for none."""
    by_lower = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(found[:_LONGEST_FOUND].lower(), list(by_lower), n=1)
    return by_lower[near[0]] if near else ""


def shown(found: object) -> str:
    """What was found, as a literal that is safe and short enough for a terminal."""
    text = repr(found) if isinstance(found, str) else str(found)
    return text if len(text) <= _LONGEST_FOUND else f"{text[:_LONGEST_FOUND]}..."


def place_of(document: doc.Document) -> str:
    """Where a document stands in a file, such as accounts[acme].brandnames[Shop]."""
    match document:
        case doc.Application() | doc.Brandname() | doc.Credential():
            parent = f"accounts[{document.account}]."
        case doc.Template():
            parent = f"accounts[{document.account}].brandnames[{document.brandname}]."
        case doc.Hotline():
            parent = f"hotline_pools[{document.pool}]."
        case _:
            parent = ""
    return f"{parent}{document.kind}s[{label(type(document), msgspec.structs.asdict(document))}]"


_LABELS: Mapping[type, tuple[str, ...]] = {
    doc.Credential: ("dialect", "key"),
    doc.Template: ("text",),
    doc.Hotline: ("number",),
    doc.Route: ("channel", "prefix", "carrier"),
}


def label(kind: type[Any], values: Mapping[str, Any]) -> str:
    """What tells a document from others of its kind and parent; "" when the values do not say."""
    defaults = {"prefix": "+"}
    parts = [values.get(name, defaults.get(name)) for name in _LABELS.get(kind, ("name",))]
    if not all(isinstance(part, str) and part for part in parts):
        return ""
    text = "/".join(map(str, parts))
    return text if text.isprintable() and len(text) <= _LONGEST_FOUND else shown(text)


def every_text(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """(place, text) of all texts inside a document, names of nested settings among them."""
    match value:
        case str():
            yield place, value
        case msgspec.Struct():
            for name, inner in msgspec.structs.asdict(value).items():
                yield from every_text(inner, f"{place}.{name}" if place else name)
        case dict():
            for name, inner in value.items():
                yield place, str(name)
                yield from every_text(inner, f"{place}.{name}")
        case list() | tuple():
            for number, inner in enumerate(value):
                yield from every_text(inner, f"{place}[{number}]")
