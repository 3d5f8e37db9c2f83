"""Forms of the console: what somebody filled in, and what is wrong with it, field by field."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from onema.console.operate.said import in_words
from onema.console.words import Words
from onema.domain.configuration import documents as doc
from onema.domain.configuration.document_fields import read_fields
from onema.domain.configuration.problems import Problem, place_of

D = TypeVar("D", bound=doc.Document)

LONGEST_FIELD = 4_000
"""Characters of one field that are looked at."""


class Unfit(Exception):
    """What was filled in cannot be taken; the form says why."""


class Form:
    """`values` are the fields as they were sent, `errors` what is wrong by field, `fault` what is wrong with no field
    of it. `do` names the form among those of its page.
    """

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self.values = {name: value[:LONGEST_FIELD] for name, value in (values or {}).items()}
        self.errors: dict[str, str] = {}
        self.fault = ""
        self.do = self.values.get("do", "")

    @property
    def is_wrong(self) -> bool:
        return bool(self.errors or self.fault)

    def stop_if_wrong(self) -> None:
        """Raises Unfit."""
        if self.is_wrong:
            raise Unfit

    def text(self, name: str) -> str:
        return self.values.get(name, "").strip()

    def is_on(self, name: str) -> bool:
        """Whether the box is ticked: browsers leave others out."""
        return name in self.values

    def number(self, words: Words, name: str, least: int, most: int) -> int:
        """A whole number between the two. Raises Unfit."""
        text = self.text(name)
        if text.isascii() and text.isdigit() and len(text) <= 9 and least <= int(text) <= most:
            return int(text)
        self.errors[name] = words.say("Write a number from {least} to {most}.", least=least, most=most)
        raise Unfit

    def several(self, name: str) -> tuple[str, ...]:
        """What stands in the field, apart by commas or spaces; what a group of boxes of this name has."""
        return tuple(part for part in re.split(r"[,\s]+", self.text(name)) if part)

    def of(self, do: str, **fields: str) -> "Form":
        """This form where it is the one of its page that is called so, and has these `fields`; else an empty one."""
        is_this = self.do == do and all(self.values.get(name) == value for name, value in fields.items())
        return self if is_this else Form()

    def document(self, words: Words, kind: type[D], **values: Any) -> D:
        """A document of these values. Raises Unfit where one is none of a field's choices."""
        document, problems = read_fields(kind, values)
        if document is None:
            for problem in problems:
                self._say(problem.place, in_words(words, problem))
            raise Unfit
        return document

    def blame(self, words: Words, problems: Iterable[Problem], documents: Iterable[doc.Document]) -> None:
        """Say every problem at its field, or of the whole where the form has no such field."""
        places = [place_of(document) for document in documents]
        for problem in problems:
            place = next((one for one in places if problem.place.startswith(one)), "")
            inside = problem.place.removeprefix(place).lstrip(".") if place else ""
            self._say(inside, in_words(words, problem))

    def _say(self, place: str, sentence: str) -> None:
        """`place` is inside of a document, such as registrations[0].country."""
        if place.startswith("settings."):
            # A carrier's settings have a field each.
            names = [place.partition("[")[0]]
        else:
            names = [name for name in re.split(r"[.\[]", place) if name in self.values]
        if names:
            self.errors.setdefault(names[-1], sentence)
        else:
            self.fault = self.fault or sentence
