"""Forms of the console: what somebody filled in, and what is wrong with it, field by field."""

import re
from collections.abc import Iterable, Mapping

from onema.console.operate.said import in_words
from onema.console.words import Words
from onema.domain.configuration import documents as doc
from onema.domain.configuration.problems import Problem, place_of

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

    def several(self, name: str) -> tuple[str, ...]:
        """What stands in the field, apart by commas or spaces; what a group of boxes of this name has."""
        return tuple(part for part in re.split(r"[,\s]+", self.text(name)) if part)

    def of(self, do: str, **fields: str) -> "Form":
        """This form where it is the one of its page that is called so, and has these `fields`; else an empty one."""
        is_this = self.do == do and all(self.values.get(name) == value for name, value in fields.items())
        return self if is_this else Form()

    def blame(self, words: Words, problems: Iterable[Problem], documents: Iterable[doc.Document]) -> None:
        """Say every problem at its field, or of the whole where no field has its name."""
        places = [place_of(document) for document in documents]
        for problem in problems:
            place = next((one for one in places if problem.place.startswith(one)), "")
            field = problem.place.removeprefix(place).lstrip(".")
            # A carrier's settings have a field each.
            field = field.partition("[")[0] if field.startswith("settings.") else re.split(r"[.\[]", field)[0]
            sentence = in_words(words, problem)
            if place and field:
                self.errors.setdefault(field, sentence)
            else:
                self.fault = self.fault or sentence
