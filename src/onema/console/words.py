"""What the console's pages say, in the reader's language.

English is in the templates and scripts themselves; languages/*.json have what other languages say instead.
"""

import functools
import json
from collections.abc import Mapping
from importlib import resources

import msgspec
from markupsafe import Markup
from starlette.requests import Request

ENGLISH = "en"


class Words(msgspec.Struct, frozen=True):
    """One language: its code, and its texts by the English ones."""

    language: str
    texts: Mapping[str, str]

    def say(self, text: str, **values: object) -> str:
        """The text in this language, `{name}` in it replaced; in English where nobody has translated it."""
        said = self.texts.get(text, text)
        for name, value in values.items():
            said = said.replace(f"{{{name}}}", str(value))
        return said

    def as_json(self) -> Markup:
        """For a data block of a page: nothing in it can end the element that it is in."""
        return Markup(json.dumps(dict(self.texts)).replace("<", "\\u003c"))  # noqa: S704  # it is escaped here


@functools.cache
def languages() -> Mapping[str, Words]:
    """By their codes."""
    folder = resources.files("onema.console") / "languages"
    files = {file.name.removesuffix(".json"): file.read_bytes() for file in folder.iterdir()}
    return {ENGLISH: Words(ENGLISH, {})} | {
        language: Words(language, json.loads(content)) for language, content in sorted(files.items())
    }


def words_for(request: Request) -> Words:
    """The first of the languages that the browser asks for (RFC 9110, 12.5.4) that we have; else English."""
    ranges = request.headers.get("accept-language", "")[:500].split(",")
    wanted = sorted(map(_language_and_weight, ranges), key=lambda found: -found[1])
    ours = languages()
    return next((ours[code] for code, weight in wanted if weight > 0 and code in ours), ours[ENGLISH])


def _language_and_weight(language_range: str) -> tuple[str, float]:
    tag, _, parameter = language_range.partition(";")
    name, _, weight = parameter.partition("=")
    try:
        quality = float(weight) if name.strip().lower() == "q" else 1.0
    except ValueError:
        quality = 0.0
    return tag.strip().split("-")[0].lower(), quality
