"""Texts of settings in which a message's own values are filled in: `{phone}`, `{fact.entity_id}`, `{secret.key}`.

A bracket that begins no placeholder stands for itself, and so does what `{{` and `}}` make.
"""

import re
from collections.abc import Callable, Iterable, Mapping

import msgspec

from onema.channels.contract import Outgoing
from onema.channels.http_sender.contract import own_name
from onema.domain.delivery.payload import SmsPayload
from onema.domain.values.sms_text import Encoding, encoding_of

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([a-z_]+)(?:\.([A-Za-z0-9_-]+))?\}")


class Filling(msgspec.Struct, frozen=True, gc=False):
    """What texts of one attempt are filled with."""

    outgoing: Outgoing
    payload: SmsPayload
    receipt_url: str
    now: int


class MissingFact(Exception):
    """Nothing of this name is registered about the message."""


def _seconds(filling: Filling) -> int:
    until = filling.payload.valid_until
    return max(1, (until - filling.now) // 1000) if until else _FOR_LONG


_FOR_LONG = 86_400
"""Seconds for a text that is of use for ever: gateways want a number."""


def _is_unicode(filling: Filling) -> bool:
    return encoding_of(filling.payload.text) is Encoding.UCS2


PLACEHOLDERS: Mapping[str, tuple[Callable[[Filling], str], str]] = {
    "phone": (lambda filling: filling.payload.phone, "the number, as in +84901888484"),
    "phone_plain": (lambda filling: filling.payload.phone[1:], "the number without its plus"),
    "sender": (lambda filling: filling.payload.sender, "the brandname or number that it comes from"),
    "text": (lambda filling: filling.payload.text, "the text, code and all"),
    "name": (lambda filling: own_name(filling.outgoing), "our name for this attempt, which no other has"),
    "message_id": (lambda filling: f"{filling.outgoing.message:x}", "the message's id"),
    "attempt": (lambda filling: str(filling.outgoing.attempt), "the number of the attempt"),
    "receipt_url": (
        lambda filling: filling.receipt_url,
        "where receipts are taken; empty without `public_url`",
    ),
    "coding": (
        lambda filling: "2" if _is_unicode(filling) else "0",
        "2 for a text with letters outside the GSM alphabet, else 0",
    ),
    "is_unicode": (lambda filling: "1" if _is_unicode(filling) else "0", "1 for such a text, else 0"),
    "valid_seconds": (lambda filling: str(_seconds(filling)), "how long the text is of use; a day for ever"),
    "valid_minutes": (lambda filling: str(-(-_seconds(filling) // 60)), "the same in minutes, rounded up"),
}
"""Those without a dot, with what docs say of them."""


class Template:
    """One such text. Raises ValueError for a placeholder that there is not."""

    def __init__(self, text: str, secrets: Mapping[str, str]) -> None:
        self._parts: list[str | Callable[[Filling], str]] = []
        self.facts: set[str] = set()
        """The names of facts in it."""
        end = 0
        for match in _PLACEHOLDER.finditer(text):
            self._parts.append(text[end : match.start()])
            end = match.end()
            self._parts.append(match[0][0] if match[1] is None else self._filled(match[1], match[2], secrets))
        self._parts.append(text[end:])
        self._parts = [part for part in self._parts if part]

    def _filled(self, name: str, inner: str | None, secrets: Mapping[str, str]) -> Callable[[Filling], str]:
        if name == "fact" and inner:
            self.facts.add(inner)
            return lambda filling: _fact(filling, inner)
        if name == "secret" and inner:
            if inner not in secrets:
                raise ValueError(f"there is no secret {inner!r} in `secrets`")
            secret = secrets[inner]
            return lambda filling: secret
        if inner is not None or name not in PLACEHOLDERS:
            known = ", ".join((*PLACEHOLDERS, "fact.NAME", "secret.NAME"))
            raise ValueError(
                f"there is no placeholder {{{name}{'.' if inner else ''}{inner or ''}}}; there are: {known}"
            )
        return PLACEHOLDERS[name][0]

    def fill(self, filling: Filling, escape: Callable[[str], str] | None = None) -> str:
        """The text, what is filled in escaped. Raises MissingFact."""
        if escape is None:
            return "".join([part if isinstance(part, str) else part(filling) for part in self._parts])
        return "".join([part if isinstance(part, str) else escape(part(filling)) for part in self._parts])


def _fact(filling: Filling, name: str) -> str:
    try:
        return filling.outgoing.facts[name]
    except KeyError:
        raise MissingFact(name) from None


def facts_in(texts: Iterable[str]) -> set[str]:
    """The names of facts that these texts ask for."""
    return {
        match[2] for text in texts for match in _PLACEHOLDER.finditer(text) if match[1] == "fact" and match[2]
    }
