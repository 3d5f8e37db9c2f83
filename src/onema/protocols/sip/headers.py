"""Header fields in order, found by any form of their name (RFC 3261 §7.3)."""

import re
from collections.abc import Iterable, Iterator

from onema.protocols.sip.bad_message import BadMessage
from onema.protocols.sip.header_values import TOKEN, split_values

_COMPACT = {
    # RFC 3261 §20 and, further down, who registered the others.
    "i": "Call-ID",
    "m": "Contact",
    "e": "Content-Encoding",
    "l": "Content-Length",
    "c": "Content-Type",
    "f": "From",
    "s": "Subject",
    "k": "Supported",
    "t": "To",
    "v": "Via",
    "o": "Event",  # RFC 6665
    "u": "Allow-Events",
    "r": "Refer-To",  # RFC 3515
    "b": "Referred-By",  # RFC 3892
    "x": "Session-Expires",  # RFC 4028
    "a": "Accept-Contact",  # RFC 3841
    "j": "Reject-Contact",
    "d": "Request-Disposition",
    "y": "Identity",  # RFC 8224
}
_KNOWN = (
    "Accept Accept-Encoding Accept-Language Alert-Info Allow Authentication-Info Authorization Call-ID Call-Info"
    " Contact Content-Disposition Content-Encoding Content-Language Content-Length Content-Type CSeq Date Diversion"
    " Error-Info Event Expires From Identity In-Reply-To Max-Forwards Min-Expires Min-SE MIME-Version Organization"
    " P-Asserted-Identity P-Preferred-Identity Priority Privacy Proxy-Authenticate Proxy-Authorization Proxy-Require"
    " RAck Reason Record-Route Remote-Party-ID Reply-To Require Retry-After Route RSeq Server Session-Expires Subject"
    " Supported Timestamp To Unsupported User-Agent Via Warning WWW-Authenticate"
)
_KNOWN_NAMES = frozenset((*_KNOWN.split(), *_COMPACT.values()))
_NAMES = {name: name for name in _KNOWN_NAMES} | {name.lower(): name for name in _KNOWN_NAMES} | _COMPACT
_UNSENDABLE = re.compile(r"[\r\n]")


def full_name(name: str) -> str:
    """The name in its long form, spelled as the RFCs do; an unknown one as it is."""
    return _NAMES.get(name) or _NAMES.get(name.lower(), name)


class Headers:
    """Header fields as they stand in a message. Names are found in any case, and by their compact forms."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Iterable[tuple[str, str]] = ()) -> None:
        self._rows = [(full_name(name), value) for name, value in rows]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._rows == other._rows

    __hash__ = None  # type: ignore[assignment]  # rows may change

    def __repr__(self) -> str:
        """Without the values: they hold numbers and credentials."""
        return f"<Headers {', '.join(name for name, _ in self._rows)}>"

    def get(self, name: str) -> str | None:
        """The first row of that name."""
        return next(iter(self.rows(name)), None)

    def rows(self, name: str) -> list[str]:
        """All rows of that name, in order, however many values each has."""
        name = full_name(name)
        if name in _KNOWN_NAMES:
            # Rows have it spelled so too. A message is asked for a hundred names in its life.
            return [value for key, value in self._rows if key == name]
        name = name.lower()
        return [value for key, value in self._rows if key.lower() == name]

    def values(self, name: str) -> list[str]:
        """The values of all rows of that name: only for header fields whose values commas part. Raises BadMessage."""
        return [value for row in self.rows(name) for value in split_values(row)]

    def tokens(self, name: str) -> set[str]:
        """Values that are words in lower case, as in Require, Supported and Allow; empty where they cannot be read."""
        try:
            return {value.lower() for value in self.values(name)}
        except BadMessage:
            return set()

    def add(self, name: str, value: str) -> None:
        """Behind all others."""
        self._rows.append((full_name(name), value))

    def put_first(self, name: str, value: str) -> None:
        """In front of all others, as a hop's own Via is."""
        self._rows.insert(0, (full_name(name), value))

    def set(self, name: str, value: str) -> None:
        """In the place of the first row of that name, and of all others; behind all rows where there is none."""
        name = full_name(name)
        at = next(
            (at for at, (key, _) in enumerate(self._rows) if key.lower() == name.lower()), len(self._rows)
        )
        self.remove(name)
        self._rows.insert(at, (name, value))

    def remove(self, name: str) -> None:
        wanted = full_name(name).lower()
        self._rows = [row for row in self._rows if row[0].lower() != wanted]

    def copy(self) -> "Headers":
        copy = Headers()
        copy._rows = self._rows.copy()
        return copy

    def encode(self) -> str:
        """Lines with their ends. Raises ValueError for what would break out of its line."""
        for name, value in self._rows:
            if _UNSENDABLE.search(value) or not TOKEN.fullmatch(name):
                raise ValueError(f"a header field that cannot be sent: {name!r}")
        return "".join(f"{name}: {value}\r\n" for name, value in self._rows)
