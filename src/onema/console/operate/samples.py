"""What the pages need to show customers how their keys are used."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol


class Example(NamedTuple):
    """One request; `programs` has it by language."""

    title: str
    programs: Mapping[str, str]


class Samples(Protocol):
    @property
    def apis(self) -> Sequence[str]:
        """The APIs that keys are made for, by name; the first is our own, which the rest is about."""

    @property
    def languages(self) -> Mapping[str, str]:
        """How the languages of `examples` are called."""

    def key(self, api: str, seed: str) -> str:
        """A key in the shape that the API's clients know, of 32 random digits 0-9a-f."""

    def examples(self, url: str, key: str, secret: str) -> Sequence[Example]:
        """Whole programs, ready to paste."""

    def postman(self, url: str, key: str, secret: str) -> bytes:
        """A collection of every request, as a file for Postman."""
