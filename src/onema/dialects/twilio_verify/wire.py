"""How a request is read, and what answers look like: forms in, JSON out, times in whole seconds of UTC."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from onema.dialects.twilio_verify.errors import INVALID_PARAMETER, JSON, Failed, VendorError
from onema.dialects.twilio_verify.sids import message_of
from onema.http.messages import Request, Response
from onema.http.parameters import parse_form, parse_query

__all__ = ["Form", "Page", "answer", "base_url", "message_of", "seconds"]

DEFAULT_PAGE, LARGEST_PAGE = 50, 1_000
_MOST_PAGES = 1_000_000


def seconds(at: int) -> str:
    """Unix milliseconds as the libraries read it: they make nothing of milliseconds or of another offset than Z."""
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def answer(members: Mapping[str, Any], status: int = 200, outcome: str = "ok") -> Response:
    return Response(status, msgspec.json.encode(members), JSON, outcome=outcome)


def base_url(request: Request) -> str:
    """Where the client found us, with which every address in an answer begins: libraries follow no relative ones."""
    secure = (request.header(b"x-forwarded-proto") or b"").strip().lower() == b"https"
    return f"{'https' if secure else 'http'}://{request.host}"


class Form:
    """The parameters of a body or a query. Raises Failed for one that does not fit, naming it and never its value."""

    def __init__(self, encoded: bytes, *, query: bool = False) -> None:
        try:
            self._values = parse_query(encoded) if query else parse_form(encoded)
        except ValueError as error:
            raise Failed(INVALID_PARAMETER, str(error)) from None

    def text(self, name: str) -> str:
        """ "" for one that is not there."""
        return self._values.get(name.lower(), "")

    def has(self, name: str) -> bool:
        return name.lower() in self._values

    def refuse_unless(self, harmless: Mapping[str, str], error: VendorError) -> None:
        """Raises Failed for a parameter of these that asks for anything else than what is harmless."""
        for name, value in harmless.items():
            if self.has(name) and self.text(name).lower() not in ("", value):
                raise Failed(error, f"{name}")

    def refuse_groups(self, beginnings: tuple[str, ...], error: VendorError) -> None:
        for name, value in self._values.items():
            if name.startswith(beginnings) and value:
                raise Failed(error, f"{name}")

    def required(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise Failed(INVALID_PARAMETER, f"{name} is missing")
        return value

    def flag(self, name: str) -> bool | None:
        """None for one that is not there."""
        value = self.text(name).lower()
        if value not in ("", "true", "false"):
            raise Failed(INVALID_PARAMETER, f"{name} is true or false")
        return value == "true" if value else None

    def number(self, name: str, least: int, most: int) -> int | None:
        """None for one that is not there."""
        value = self.text(name)
        if not value:
            return None
        if not value.isascii() or not value.isdigit() or len(value) > 9 or not least <= int(value) <= most:
            raise Failed(INVALID_PARAMETER, f"{name} is a number from {least} to {most}")
        return int(value)

    def json(self, name: str) -> Any:
        """None for one that is not there; the libraries write it with spaces or without."""
        value = self.text(name)
        if not value:
            return None
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise Failed(INVALID_PARAMETER, f"{name} is JSON") from None


class Page:
    """Which part of a list is asked for, and how it is told: `meta` with its `key` and absolute addresses."""

    def __init__(self, request: Request) -> None:
        form = Form(request.query, query=True)
        self.size = form.number("PageSize", 1, LARGEST_PAGE) or DEFAULT_PAGE
        self.number = form.number("Page", 0, _MOST_PAGES) or 0
        self._request = request

    @property
    def skip(self) -> int:
        return self.number * self.size

    def of(self, key: str, every: Sequence[Mapping[str, Any]]) -> Response:
        """The page of a list that is here whole."""
        return self.told(key, every[self.skip : self.skip + self.size], len(every) > self.skip + self.size)

    def told(self, key: str, some: Sequence[Mapping[str, Any]], more: bool) -> Response:
        return answer(
            {
                key: some,
                "meta": {
                    "page": self.number,
                    "page_size": self.size,
                    "first_page_url": self._url(0),
                    "previous_page_url": self._url(self.number - 1) if self.number else None,
                    "url": self._url(self.number),
                    "next_page_url": self._url(self.number + 1) if more else None,
                    "key": key,
                },
            }
        )

    def _url(self, page: int) -> str:
        own = ("page=", "pagesize=", "pagetoken=")
        query = self._request.query.decode("latin-1")
        kept = [pair for pair in query.split("&") if pair and not pair.lower().startswith(own)]
        asked = "&".join((*kept, f"PageSize={self.size}", f"Page={page}"))
        return f"{base_url(self._request)}{self._request.path}?{asked}"
