"""How an SMSC's name for a message in its answer and in its receipts become one reference.

Ids are octets, compared as they are. Where `id_base` says that an SMSC writes numbers, those that wholly are digits of
that base are compared as numbers, of any length; all others stay texts.
"""

import re
from collections.abc import Callable, Mapping
from typing import Literal

from onema.protocols.smpp.receipts import without_gsm

IdBase = Literal["text", "any-case", "decimal", "hex", "hex-decimal", "decimal-hex", "auto"]

REMEMBERED = 20_000
"""Ids of the last answers, with `auto`."""
SURE_AFTER = 3
"""Receipts that fit in one way and in no other."""

_DECIMAL = re.compile(r"[0-9]+")
_HEX = re.compile(r"[0-9a-fA-F]+")


def _text(name: str) -> str:
    return name


def _any_case(name: str) -> str:
    return name.lower()


def _decimal(name: str) -> str:
    return name.lstrip("0") or "0" if _DECIMAL.fullmatch(name) else name


def _hex(name: str) -> str:
    """As a decimal number."""
    return str(int(name, 16)) if _HEX.fullmatch(name) else name


_BASES: Mapping[str, tuple[Callable[[str], str], Callable[[str], str]]] = {
    "text": (_text, _text),
    "any-case": (_any_case, _any_case),
    "decimal": (_decimal, _decimal),
    "hex": (_hex, _hex),
    "hex-decimal": (_hex, _decimal),
    "decimal-hex": (_decimal, _hex),
}
"""What is done to an id of an answer, and of a receipt."""


class MessageIds:
    """Makes references of ids. With `auto` it finds out how receipts spell what answers said: it remembers the last
    answers of this process, gives receipts the answer's spelling, and says what it `learnt`.
    """

    def __init__(self, base: IdBase = "text") -> None:
        self._learning = base == "auto"
        self._answered, self._reported = _BASES.get(base, _BASES["text"])
        self._recent: dict[str, str] = {}
        """With `auto`: what the last answers said, by its letters in small and without leading zeros. The oldest
        first."""
        self._fits: dict[str, int] = {}
        """With `auto`: how many receipts fitted, by base."""
        self._sample = ""
        """With `auto`: an answer's id, for its spelling."""

    def of_answer(self, message_id: bytes) -> str:
        """The reference of an id in a submit_sm_resp; "" for none."""
        if not message_id:
            return ""
        reference = self._answered(without_gsm(message_id).decode("latin-1"))
        if self._learning:
            self._sample = reference
            self._recent[_folded(reference)] = reference
            if len(self._recent) > REMEMBERED:
                del self._recent[next(iter(self._recent))]
        return reference

    def of_receipt(self, message_id: bytes) -> str:
        """The reference that the answer had; "" for none."""
        if not message_id:
            return ""
        name = without_gsm(message_id).decode("latin-1")
        return self._found(name) if self._learning else self._reported(name)

    @property
    def learnt(self) -> str:
        """With `auto`: the base that receipts fit; "" while nobody knows."""
        if not self._fits:
            return ""
        base, times = max(self._fits.items(), key=lambda fit: fit[1])
        return base if times >= SURE_AFTER and len(self._fits) == 1 else ""

    def _found(self, name: str) -> str:
        for base, key in self._spellings(name):
            reference = self._recent.get(key)
            if reference is not None:
                fits = base
                if base == "text" and reference != name:
                    fits = "any-case" if reference.lower() == name.lower() else "hex"
                self._fits[fits] = self._fits.get(fits, 0) + 1
                return reference
        return self._as_learnt(name)

    def _spellings(self, name: str) -> list[tuple[str, str]]:
        """What an answer may have said, by base; the one that was learnt first."""
        found = [("text", _folded(name))]
        if _DECIMAL.fullmatch(name):
            found.append(("hex-decimal", f"{int(name):x}"))
        if _HEX.fullmatch(name):
            found.append(("decimal-hex", str(int(name, 16))))
        learnt = self.learnt
        return sorted(found, key=lambda one: one[0] != learnt)

    def _as_learnt(self, name: str) -> str:
        """Of an answer that another process heard, or that was forgotten."""
        learnt, sample = self.learnt, self._sample
        if learnt == "hex-decimal" and _DECIMAL.fullmatch(name):
            width = len(sample) if sample.startswith("0") else 0
            written = f"{int(name):0{width}x}"
            return written.upper() if sample != sample.lower() else written
        if learnt == "decimal-hex" and _HEX.fullmatch(name):
            return str(int(name, 16))
        return name


def _folded(name: str) -> str:
    return name.lower().lstrip("0") or "0"
