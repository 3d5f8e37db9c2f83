"""Languages as BCP 47 spells them (RFC 5646): vi, zh-Hant, en-US."""

import re

BUILT_IN_VOICES = {"vi": "vi-north", "zh": "zh", "en": "en"}
"""The voice that a language is spoken with where nobody chose one. Only Vietnamese has several: it is the North's."""
_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,4}")


def is_language(tag: str) -> bool:
    """Whether it may be one: nobody looks it up in the registry."""
    return bool(_TAG.fullmatch(tag))


def language_of(tag: str) -> str:
    """The first part, which says the language alone; "" for nothing."""
    return tag.partition("-")[0].lower()


def fits(tag: str, wanted: str) -> int:
    """How well what is in the language `tag`, "" for any, is for somebody who wants the language `wanted`: 3 exactly, 2
    in the language, 1 in any, 0 not.
    """
    if tag.lower() == wanted.lower():
        return 3
    if not tag:
        return 1
    return 2 if language_of(tag) == language_of(wanted) else 0


def voice_for(locale: str, preferred: str) -> str:
    """The built-in voice of a language; `preferred` where that speaks it, or nobody else does."""
    language = language_of(locale)
    if not language or preferred.partition("-")[0] == language:
        return preferred
    return BUILT_IN_VOICES.get(language, preferred)
