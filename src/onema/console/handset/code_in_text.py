"""Which part of an SMS is the code. A guess, for people and for tests that read it: text is all we have."""

import re

_CANDIDATE = re.compile(r"(?<![\w+.,/-])[A-Z0-9]{4,10}(?![\w/-]|[.,]\d)", re.ASCII)
# The words around a code in the languages of our dialects, accents folded or not.
_LEADS_TO_A_CODE = re.compile(
    r"(?:\b(?:ma|mã|code|otp|pin|password|is|la|là)|[:：码碼为為是])[\s:：\"'“(\[【]*\Z", re.I
)
_FOLLOWS_A_CODE = re.compile(r"[\s\"'”)\]】,，]*(?:(?:la|là|is)\b|是|为|為)", re.I)
_HOTLINE = re.compile(r"(?:1900|1800|400|800|0[2-9])\d{4,}")
_LEAD_LENGTH = 16


def find_code(text: str) -> tuple[int, int] | None:
    """Where the code is (start, end), or None when nothing looks enough like one.

    Letters alone count only where the words around them speak of a code.
    """
    best: tuple[int, int] | None = None
    best_score = 2
    for match in _CANDIDATE.finditer(text):
        score = _likelihood(match, text)
        if score > best_score:
            best, best_score = match.span(), score
    return best


def _likelihood(match: re.Match[str], text: str) -> int:
    candidate = match.group()
    score = 0 if candidate.isalpha() else 3
    if _HOTLINE.fullmatch(candidate):
        score -= 2
    if _LEADS_TO_A_CODE.search(text[max(0, match.start() - _LEAD_LENGTH) : match.start()]):
        score += 3
    if _FOLLOWS_A_CODE.match(text, match.end()):
        score += 3
    return score
