import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from onema.delivery.callback_contract import CallbackRenderer
from onema.domain.refusals import Refusal
from onema.http.application import WireApi


class Dialect(WireApi, Protocol):
    """One vendor's wire API, as wiring registers it. docs/adding-a-dialect.md tells how one is made."""

    @property
    def operations(self) -> Collection[str]:
        """What is served, by path or its last part, in any case: docs/vendors has a section about each."""

    @property
    def refusals(self) -> Mapping[Refusal, object]:
        """The vendor's own error for every member of Refusal."""

    @property
    def callbacks(self) -> CallbackRenderer | None:
        """How messages of this dialect are reported; None where the vendor has no callbacks."""


@dataclass(frozen=True)
class SampleRequest:
    """One HTTP request as clients of the vendor write it; a POST when it has a body."""

    target: str
    """Path and query, as they stand in the request line."""
    headers: tuple[str, ...] = ()
    body: str = ""

    def as_curl(self, base: str) -> str:
        """A line for a shell."""
        # curl would make a range of {OTP}.
        plain = "--globoff " if "{" in self.target else ""
        headers = "".join(f" -H {_quoted(header)}" for header in self.headers)
        body = f" -d {_quoted(self.body)}" if self.body else ""
        return f"curl {plain}{_quoted(base + self.target)}{headers}{body}"

    def as_bytes(self, host: str) -> bytes:
        """What goes over a connection; `host` is the Host header."""
        headers = "".join(f"{header}\r\n" for header in self.headers)
        if not self.body:
            return f"GET {self.target} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n".encode()
        body = self.body.encode()
        head = f"POST {self.target} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        return head.encode() + body


def _quoted(text: str) -> str:
    """For a shell; people read it, so it looks the same whatever it holds."""
    return "'" + text.replace("'", "'\\''") + "'"


@dataclass(frozen=True)
class SampleStep:
    """Something to try: what it does, the request, and which of the vendor's operations it is."""

    title: str
    request: SampleRequest
    note: str


PHONE_TO_TRY = "0901888484"
"""Of a demo's first steps, as clients in Vietnam write it."""


class SampleSteps(Protocol):
    """What a newcomer tries, with one customer's keys: for demos."""

    def steps(self) -> Iterator[SampleStep]:
        """One after the other; the first sends a code, where any does."""


class SampleRequests(SampleSteps, Protocol):
    """What a client of a vendor sends that has an operation which sends codes: for load, too."""

    accepted: str
    """How `answered` names a code that was taken."""

    def send_code(self, number: int) -> SampleRequest:
        """A code for another phone with each `number` below 10 million; none is scripted to misbehave."""

    def answered(self, status: int, body: bytes) -> str:
        """The vendor's own code of an answer; what `code_in` says of an answer that has none."""


def code_in(pattern: re.Pattern[bytes], status: int, body: bytes) -> str:
    """What the pattern's group finds in an answer, else its HTTP status."""
    found = pattern.search(body)
    return found[1].decode(errors="replace") if found else f"HTTP {status}"
