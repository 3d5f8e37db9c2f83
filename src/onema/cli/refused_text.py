"""Why a text fits no template: the nearest one, and where the two first differ."""

from collections.abc import Iterable, Iterator
from typing import Any

from onema.domain.configuration import documents as doc
from onema.domain.configuration.message_template import MessageTemplate
from onema.domain.configuration.template_difference import nearest_difference

_LONGEST_SHOWN = 60


def why_refused(text: str, code_length: int, templates: Iterable[doc.Template]) -> dict[str, Any]:
    """As plain values: the text, and what it was compared with."""
    parsed = [MessageTemplate.parse(template.text) for template in templates if template.state == "active"]
    difference = nearest_difference(text, parsed, code_length)
    nearest: dict[str, Any] = {"template": None, "place": None, "expected": None, "found": None}
    if difference is not None:
        nearest = {
            "template": difference.template,
            "place": difference.place,
            "expected": difference.expected,
            "found": difference.found,
        }
    return {"text": text, "code_length": code_length, "nearest": nearest}


def as_lines(why: dict[str, Any], account: str, brandname: str) -> Iterator[str]:
    """The same for people."""
    yield f"text      {_shown(why['text'])}"
    nearest = why["nearest"]
    if nearest["template"] is None:
        yield f"nearest   none that differs; `onema template list {account}` shows those of {brandname}"
        return
    yield f"nearest   {_shown(nearest['template'])}"
    expected, found = (_shown(nearest[side][:_LONGEST_SHOWN]) for side in ("expected", "found"))
    yield (
        f"differs   at character {nearest['place']}: "
        f"the template goes on with {expected}, the text with {found}"
    )
    yield f"to allow  onema template add {account} {brandname} TEXT"


def _shown(text: str) -> str:
    """In quotes, so that spaces at its ends are seen."""
    return f'"{text}"' if text else "nothing"
