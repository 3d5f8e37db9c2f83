"""The last line of an SMS by which a phone fills its code in by itself. It is the very last: nothing follows, not even
a line end.
"""

import re

_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})+")
_APP_HASH = re.compile(r"[A-Za-z0-9+/]{11}")


def last_line_of(origin: str, app_hash: str) -> str:
    """For a host, or for an app; "" for neither. Raises ValueError."""
    if origin and app_hash:
        raise ValueError("a text has one last line: for a host or for an app")
    return _bound_to(origin) if origin else _for_an_app(app_hash) if app_hash else ""


def _bound_to(host: str) -> str:
    """The line of an origin-bound code, which browsers offer on this host's pages alone
    (https://wicg.github.io/sms-one-time-codes/), with the marker {OTP}.
    """
    host = host.lower()
    if not _HOST.fullmatch(host):
        raise ValueError("it is no host name, such as shop.example")
    return f"@{host} #{{OTP}}"


def _for_an_app(app_hash: str) -> str:
    """The line by which Android's SMS Retriever knows the app that may read the text, itself at most 140 bytes long
    (https://developers.google.com/identity/sms-retriever/verify).
    """
    if not _APP_HASH.fullmatch(app_hash):
        raise ValueError("it is no app hash: 11 characters, as Android's AppSignatureHelper tells it")
    return app_hash


def with_last_line(text: str, line: str) -> str:
    return f"{text}\n{line}" if line else text
