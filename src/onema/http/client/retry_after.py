"""`Retry-After` (RFC 9110, 10.2.3): seconds, or a date."""

import email.utils


def retry_after_seconds(value: bytes, now: int) -> float:
    """How long it asks to wait from `now` (Unix ms); 0.0 for nothing, for what nobody can read, and for the past."""
    text = value.strip().decode("latin-1")
    if text.isdecimal() and text.isascii():
        return float(text[:9])
    try:
        seconds = email.utils.parsedate_to_datetime(text).timestamp() - now / 1000
    except (ValueError, OverflowError):
        return 0.0
    return max(seconds, 0.0)
