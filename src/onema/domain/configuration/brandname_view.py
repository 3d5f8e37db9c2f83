"""A brandname as the hot path asks it: which texts it may send."""

import hashlib
from collections.abc import Iterable
from functools import cached_property

import msgspec

from onema.domain.configuration import documents as doc
from onema.domain.configuration.message_template import CODE_MARKER, MessageTemplate, place_code
from onema.domain.configuration.template_matching import Templates
from onema.domain.values.sms_text import fold, segments
from onema.domain.values.times import parse_time
from onema.domain.values.written_form import text_form

REMEMBERED_TEXTS = 200
"""Of each brandname."""

LONGEST_REMEMBERED = 1_000


def name_of(template: doc.Template) -> str:
    """What the template is called in what is counted: its name, or what stands for the text of one that has none."""
    text = f"{template.brandname}\n{template.text}"
    return template.name or f"#{hashlib.blake2b(text.encode(), digest_size=4).hexdigest()}"


class BrandnameView:
    def __init__(self, brandname: doc.Brandname, templates: Iterable[doc.Template]) -> None:
        texts = tuple(templates)
        self._made_of = (brandname, *texts)
        """The documents: a view of the same ones need not be made anew."""
        self.name = brandname.name
        self.active = brandname.state == "active"
        self.expires_at = parse_time(brandname.expires_at)
        self.registered = brandname.registered
        self.registrations = {
            (one.country, one.carrier): (one.status, parse_time(one.expires_at))
            for one in brandname.registrations
        }
        """(status, when it expires) by country and carrier, "" for all carriers."""
        self.signs_behind = brandname.sign_at == "end"
        self.sign_to = brandname.sign_to
        self.templates = tuple(one for one in texts if one.state == "active")
        self._remembered: dict[tuple[str, int], AllowedText] = {}
        """By text and length of the code: the last texts that were allowed."""

    def is_usable(self, now: int) -> bool:
        """Neither switched off nor expired."""
        return self.active and not (self.expires_at and now >= self.expires_at)

    def is_made_of(self, brandname: doc.Brandname, templates: Iterable[doc.Template]) -> bool:
        return self._made_of == (brandname, *templates)

    def prove(self) -> None:
        """Raises Refused for a template that cannot be used."""
        for template in self.templates:
            MessageTemplate.parse(template.text)

    @cached_property
    def _matching(self) -> Templates:
        return Templates(MessageTemplate.parse(template.text) for template in self.templates)

    def not_registered(self, country: str, carrier: str, now: int, *, must_be: bool) -> str:
        """Why it may not be sent to the country by this carrier, "" where it may: also where nothing is known, unless
        it `must_be` registered.
        """
        found = self.registrations.get((country, carrier)) or self.registrations.get((country, ""))
        if found is None:
            return f"not registered for {country}" if must_be else ""
        status, expires_at = found
        if status != "approved":
            return f"registration for {country} is {status}"
        return f"registration for {country} has expired" if expires_at and now >= expires_at else ""

    def remembered(self, message: str, code_length: int) -> "AllowedText | None":
        """What `allowed` answered for one of the last texts that were allowed: integrators repeat their texts."""
        return self._remembered.get((message, code_length))

    def allowed(self, message: str, code_length: int) -> "AllowedText | None":
        """The message as a registered template allows it, with a code of this length in place of its marker, which it
        must have; with a length of 0 it must have none.
        """
        text = text_form(message)
        if (CODE_MARKER in text) != bool(code_length):
            return None
        number = self._matching.first_that_fits(text, code_length)
        if number is None:
            return None
        template = self.templates[number]
        if template.fold:
            text = fold(text)
        # Codes are ASCII, so any code counts alike.
        count = segments(place_code(text, "0" * code_length)).count
        found = AllowedText(template, text, count)
        # A text without a marker is hardly ever sent twice.
        if code_length and len(message) <= LONGEST_REMEMBERED:
            if len(self._remembered) >= REMEMBERED_TEXTS:
                del self._remembered[next(iter(self._remembered))]
            self._remembered[message, code_length] = found
        return found


class AllowedText(msgspec.Struct, frozen=True):
    """`text` is what is sent, still with its marker: what was matched, folded where the template says so."""

    template: doc.Template
    text: str
    segments: int
