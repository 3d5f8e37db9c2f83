"""An HTTP API that is described by settings alone."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape as escape_xml

import msgspec

from onema.channels.contract import Outgoing, Receipt
from onema.channels.http_sender.contract import (
    NotAReceipt,
    NotAuthentic,
    Vendor,
    ended_by_status,
    own_name,
    url_problems,
)
from onema.channels.http_sender.generic_settings import (
    AnswerRule,
    EndingWord,
    Pair,
    ReceiptSignature,
    ReceiptWord,
    Settings,
)
from onema.channels.http_sender.meanings import Meaning, words_of
from onema.channels.http_sender.placeholders import Filling, MissingFact, Template
from onema.channels.http_sender.places import (
    Place,
    Said,
    first,
    pattern_of,
    place_of,
    texts,
)
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import settings_of
from onema.domain.configuration.needs import Need
from onema.domain.configuration.problems import Problem
from onema.domain.delivery.endings import RULES
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.domain.delivery.payload import SmsPayload
from onema.http.basic_login import basic_authorization
from onema.http.client.contract import HttpAnswer, HttpRequest
from onema.http.messages import Request, Response

MOST_RECEIPTS = 1_000
"""In one request; a gateway that has more is told to send fewer."""

_ANSWER_PLACES = ("json", "header", "regex")
_RECEIPT_PLACES = ("json", "query", "form", "header", "regex")
_KINDS: Mapping[str, OutcomeKind] = {"accepted": OutcomeKind.SUBMITTED}
_OURS = frozenset(
    ("host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "te", "trailer")
)
"""Headers that are the client's to write: another length would make two requests of one."""


class NotUsable(ValueError):
    """A setting that no request or answer can be made or read by."""

    def __init__(self, place: str, sentence: str) -> None:
        super().__init__(sentence)
        self.problem = Problem(f"settings.{place}", sentence)


def _at(place: str, make: Callable[..., Any], *arguments: Any) -> Any:
    """What `make` makes. Raises NotUsable for its ValueError."""
    try:
        return make(*arguments)
    except NotUsable:
        raise
    except ValueError as error:
        raise NotUsable(place, str(error)) from error


# The request.


class RequestWriter:
    """Writes the requests that settings describe. Raises NotUsable."""

    def __init__(self, settings: Settings) -> None:
        secrets = {one.name: one.value.reveal() for one in settings.secrets}
        self.facts: set[str] = set()

        def template(place: str, text: str) -> Template:
            made: Template = _at(place, Template, text, secrets)
            self.facts |= made.facts
            return made

        def pairs(place: str, written: Iterable[Pair]) -> list[tuple[str, Template]]:
            return [
                (one.name, template(f"{place}[{number}].value", one.value))
                for number, one in enumerate(written)
            ]

        self._method = settings.method
        self._url = template("url", settings.url)
        self._query = [(_quoted(name), text) for name, text in pairs("query", settings.query)]
        self._headers = pairs("headers", settings.headers)
        self._form = [(_quoted(name), text) for name, text in pairs("form", settings.form)]
        self._json = _at("json", self._tree, settings.json, lambda text: template("json", text))
        self._raw = template("raw", settings.raw)
        self._escape = _ESCAPES[settings.raw_escape]
        self._fixed = [*_content_type(settings), *_authorization(settings)]

    def _tree(self, written: str, template: Callable[[str], Template]) -> Any:
        """The JSON with templates for its texts; None without any."""
        if not written:
            return None
        try:
            return _mapped(msgspec.json.decode(written), template)
        except (msgspec.DecodeError, RecursionError) as error:
            raise ValueError(f"it is no JSON: {error}") from None

    def write(self, filling: Filling) -> HttpRequest:
        """Raises MissingFact."""
        url = self._url.fill(filling, _quoted)
        if self._query:
            url += f"{'&' if '?' in url else '?'}{_parameters(self._query, filling)}"
        headers = [(name.encode(), text.fill(filling).encode()) for name, text in self._headers]
        return HttpRequest(self._method, url, (*self._fixed, *headers), self._body(filling))

    def _body(self, filling: Filling) -> bytes:
        if self._form:
            return _parameters(self._form, filling).encode()
        if self._json is not None:
            return msgspec.json.encode(_filled(self._json, filling))
        return self._raw.fill(filling, self._escape).encode()


def _mapped(value: Any, template: Callable[[str], Template]) -> Any:
    match value:
        case str():
            is_number = value.startswith("!{") and value.endswith("}")
            made = template(value[1:] if is_number else value)
            return _Number(made) if is_number else made
        case dict():
            return {name: _mapped(inner, template) for name, inner in value.items()}
        case list():
            return [_mapped(inner, template) for inner in value]
        case _:
            return value


class _Number(msgspec.Struct, frozen=True):
    """A text of JSON that stands for a number."""

    template: Template


def _filled(value: Any, filling: Filling) -> Any:
    match value:
        case Template():
            return value.fill(filling)
        case _Number():
            text = value.template.fill(filling)
            return int(text) if text.isdecimal() and len(text) < 19 else text
        case dict():
            return {name: _filled(inner, filling) for name, inner in value.items()}
        case list():
            return [_filled(inner, filling) for inner in value]
        case _:
            return value


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _parameters(pairs: Iterable[tuple[str, Template]], filling: Filling) -> str:
    return "&".join([f"{name}={_quoted(text.fill(filling))}" for name, text in pairs])


def _xml(text: str) -> str:
    return escape_xml(text, {'"': "&quot;", "'": "&apos;"})


def _json_text(text: str) -> str:
    return msgspec.json.encode(text).decode()[1:-1]


_ESCAPES: Mapping[str, Callable[[str], str] | None] = {"none": None, "xml": _xml, "json": _json_text}


def _content_type(settings: Settings) -> list[tuple[bytes, bytes]]:
    if any(one.name.lower() == "content-type" for one in settings.headers):
        return []
    if settings.form:
        return [(b"Content-Type", b"application/x-www-form-urlencoded")]
    if settings.json:
        return [(b"Content-Type", b"application/json")]
    return [(b"Content-Type", settings.raw_type.encode())] if settings.raw else []


def _authorization(settings: Settings) -> list[tuple[bytes, bytes]]:
    if settings.user:
        return [(b"Authorization", basic_authorization(settings.user, settings.password.reveal()))]
    if settings.bearer:
        return [(b"Authorization", b"Bearer " + settings.bearer.reveal().encode())]
    return []


# The answer.


class _Rule(msgspec.Struct, frozen=True):
    """One rule of answers, ready to be asked."""

    statuses: frozenset[str]
    codes: frozenset[str]
    matches: Callable[[str], Any] | None
    meaning: Meaning

    def fits(self, status: int, code: str, said: Said) -> bool:
        if self.statuses and not self.statuses & {str(status), f"{status // 100}xx"}:
            return False
        if self.codes and code not in self.codes:
            return False
        return self.matches is None or self.matches(said.text) is not None


class AnswerReader:
    """Reads the answers that settings describe. Raises NotUsable."""

    def __init__(self, settings: Settings) -> None:
        self._id = _place("id", settings.id, _ANSWER_PLACES)
        self._code = _place("code", settings.code, _ANSWER_PLACES)
        self._detail = _place("detail", settings.detail, _ANSWER_PLACES)
        self._rules = [
            _at(f"rules[{number}]", _rule, number, one, self._code is not None)
            for number, one in enumerate(settings.rules)
        ]
        self._says_accepted = any(rule.meaning.kind is OutcomeKind.SUBMITTED for rule in self._rules)

    def outcome(self, answer: HttpAnswer, name: str) -> Outcome:
        """`name` is ours for the attempt, where receipts come with it."""
        said = Said(answer.headers, answer.body)
        code = first(self._code, said)
        words = words_of(f"HTTP {answer.status}", code, first(self._detail, said))
        references = (name,) if name else tuple(texts(self._id, said))
        for rule in self._rules:
            if rule.fits(answer.status, code, said):
                kind = rule.meaning.kind
                named = references if kind in (OutcomeKind.SUBMITTED, OutcomeKind.UNKNOWN) else ()
                return rule.meaning.outcome(words, named)  # type: ignore[no-any-return]  # rules are untyped here
        if 200 <= answer.status < 300:
            is_accepted = not self._says_accepted and (self._id is None or texts(self._id, said))
            if not is_accepted:
                return Outcome(kind=OutcomeKind.UNKNOWN, reason="no clear answer", detail=words)
            return Outcome(kind=OutcomeKind.SUBMITTED, detail=words, references=references)
        return msgspec.structs.replace(ended_by_status(answer), detail=words)


def _place(where: str, written: str, kinds: Iterable[str]) -> Place | None:
    return _at(where, place_of, written, kinds) if written else None


def _rule(number: int, written: AnswerRule, has_code: bool) -> _Rule:
    place = f"rules[{number}]"
    statuses = frozenset(_list(written.status))
    for status in statuses:
        if not (len(status) == 3 and status[0] in "12345" and (status[1:].isdecimal() or status[1:] == "xx")):
            raise NotUsable(f"{place}.status", f"{status!r} is no status such as 200 or 5xx")
    if written.code and not has_code:
        raise NotUsable(f"{place}.code", "`code` must say where it stands")
    if not (written.status or written.code or written.pattern):
        raise NotUsable(place, "it needs a status, a code or a pattern to go by")
    matches = _at(f"{place}.pattern", pattern_of, written.pattern) if written.pattern else None
    kind = _KINDS.get(written.outcome) or OutcomeKind(written.outcome)
    meaning = _meaning(place, kind, written.ending, written.reason)
    return _Rule(statuses, frozenset(_list(written.code)), matches, meaning)


def _list(written: str) -> list[str]:
    return [one.strip() for one in written.split(",") if one.strip()]


def _meaning(place: str, kind: OutcomeKind, ending: EndingWord, reason: str) -> Meaning:
    if not ending:
        return Meaning(kind, reason=reason)
    known = Ending(ending)
    if kind is OutcomeKind.SUBMITTED or kind is OutcomeKind.DELIVERED or kind is OutcomeKind.UNKNOWN:
        raise NotUsable(f"{place}.ending", f"{kind} has no ending")
    if kind is OutcomeKind.UNDELIVERED and RULES[known].kind is not OutcomeKind.UNDELIVERED:
        raise NotUsable(
            f"{place}.ending", f"{ending!r} is none of a message that was taken; give it as the reason"
        )
    return Meaning(kind, known, reason)


# Receipts.


class ReceiptReader:
    """Reads the receipts that settings describe. Raises NotUsable."""

    def __init__(self, name: str, settings: Settings) -> None:
        written = settings.receipts
        self._carrier = name
        self._list = _place("receipts.list", written.list, ("json",))
        self._id = _place("receipts.id", written.id, _RECEIPT_PLACES)
        self._state = _place("receipts.state", written.state, _RECEIPT_PLACES)
        self._detail = _place("receipts.detail", written.detail, _RECEIPT_PLACES)
        self._time = _place("receipts.time", written.time, _RECEIPT_PLACES)
        self._states = {
            one.word: _word(f"receipts.states[{number}]", one) for number, one in enumerate(written.states)
        }
        if self._id is not None and self._state is None:
            raise NotUsable("receipts.state", "it is missing: an id alone says nothing")

    def read(self, request: Request) -> tuple[Receipt, ...]:
        """Raises NotAReceipt."""
        if self._id is None:
            raise NotAReceipt
        whole = Said(request.headers, request.body, request.query)
        if self._list is None:
            return (self._receipt(whole),)
        items = [
            inner for found in self._list(whole) for inner in (found if isinstance(found, list) else [found])
        ]
        if not items or len(items) > MOST_RECEIPTS:
            raise NotAReceipt
        return tuple(self._receipt(whole.at(item)) for item in items)

    def _receipt(self, said: Said) -> Receipt:
        reference, word = first(self._id, said), first(self._state, said)
        if not reference:
            raise NotAReceipt
        meaning = self._states.get(word) or Meaning(OutcomeKind.UNKNOWN, reason="a word that is not known")
        words = words_of(word, first(self._detail, said), first(self._time, said))
        return Receipt(self._carrier, reference, meaning.outcome(words))


def _word(place: str, written: ReceiptWord) -> Meaning:
    return _meaning(place, OutcomeKind(written.outcome), written.ending, written.reason)


class SignatureCheck:
    """Whether a receipt has the signature that settings describe. Raises NotUsable. Where none is described, a token in
    the path must have been checked before.
    """

    def __init__(self, written: ReceiptSignature, *, has_token: bool) -> None:
        self._has_token = has_token
        self._written = written
        self._header = written.header.lower().encode()
        self._key = written.key.reveal().encode()
        self._digest = getattr(hashlib, written.algorithm)
        if written.header and not written.key:
            raise NotUsable("receipts.signature.key", "it is missing")
        if "{body}" not in written.signs:
            raise NotUsable("receipts.signature.signs", "it must have {body} in it")
        if ("{timestamp}" in written.signs) != bool(written.timestamp_header):
            raise NotUsable(
                "receipts.signature.timestamp_header", "it and {timestamp} in `signs` go together"
            )

    def check(self, request: Request, now: int) -> None:
        """`now` is in Unix ms. Raises NotAuthentic."""
        if not self._header:
            if not self._has_token:
                raise NotAuthentic
            return
        written, stamp = self._written, b""
        if written.timestamp_header:
            stamp = request.header(written.timestamp_header.lower().encode()) or b""
            if not stamp.isdigit() or len(stamp) > 12:
                raise NotAuthentic
        # In this order: whatever stands in a body is no placeholder.
        parts = [part.encode().replace(b"{timestamp}", stamp) for part in written.signs.split("{body}", 1)]
        signed = request.body.join(parts)
        made = hmac.new(self._key, signed, self._digest).digest()
        text = made.hex().encode() if written.encoding == "hex" else base64.b64encode(made)
        given = request.header(self._header) or b""
        if not hmac.compare_digest(given, written.prefix.encode() + text):
            raise NotAuthentic
        if stamp and abs(int(stamp) - now // 1000) > written.tolerance:
            raise NotAuthentic


class GenericApi:
    """A gateway's API as settings describe it. Raises NotUsable for settings that have problems."""

    def __init__(self, name: str, settings: Settings, receipt_url: str, now: Callable[[], int]) -> None:
        self.acknowledgement = Response(
            200, settings.receipts.acknowledgement.encode(), b"text/plain; charset=utf-8"
        )
        self._receipt_url = receipt_url
        self._is_named_by_us = settings.receipts.names == "ours"
        self.writer = RequestWriter(settings)
        self._answers = AnswerReader(settings)
        self._receipts = ReceiptReader(name, settings)
        self._signature = SignatureCheck(settings.receipts.signature, has_token=bool(settings.receipt_token))
        self._now = now

    def name_of(self, outgoing: Outgoing) -> str:
        return own_name(outgoing) if self._is_named_by_us else ""

    def request_of(self, outgoing: Outgoing, now: int) -> HttpRequest | Outcome:
        payload = outgoing.payload
        assert isinstance(payload, SmsPayload)  # noqa: S101  # the sender hands over nothing else
        try:
            return self.writer.write(Filling(outgoing, payload, self._receipt_url, now))
        except MissingFact as missing:
            return Outcome(kind=OutcomeKind.TEMPORARY, reason="not registered", detail=f"the fact {missing}")

    def outcome_of(self, outgoing: Outgoing, answer: HttpAnswer) -> Outcome:
        return self._answers.outcome(answer, self.name_of(outgoing))

    def receipts_of(self, request: Request) -> tuple[Receipt, ...]:
        self._signature.check(request, self._now())
        return self._receipts.read(request)


def problems_of(document: doc.Carrier) -> Iterator[Problem]:
    """All that is wrong with a description whose settings fit."""
    settings = settings_of(Settings, document)
    for make in (
        lambda: RequestWriter(settings),
        lambda: AnswerReader(settings),
        lambda: ReceiptReader(document.name, settings),
        lambda: SignatureCheck(settings.receipts.signature, has_token=bool(settings.receipt_token)),
    ):
        try:
            make()
        except NotUsable as error:
            yield error.problem
    url = _without_placeholders(settings.url)
    yield from url_problems("url", url, private_targets=settings.private_targets)
    if sum(map(bool, (settings.form, settings.json, settings.raw))) > 1:
        yield Problem("settings", "only one of form, json and raw can be the body")
    if settings.user and settings.bearer:
        yield Problem("settings.bearer", "it and a user cannot both be the Authorization")
    if settings.receipts.id and not settings.receipts.signature.header and not settings.receipt_token:
        yield Problem(
            "settings.receipt_token",
            "it is missing: receipts that nobody signs could be anybody's; `openssl rand -hex 20` makes one",
        )
    for number, header in enumerate(settings.headers):
        name = header.name.lower()
        if name in _OURS:
            yield Problem(f"settings.headers[{number}].name", f"{header.name} is written by the client")
        elif not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
            yield Problem(f"settings.headers[{number}].name", "it is no header's name")


def _without_placeholders(url: str) -> str:
    """A URL as it will be, for looking at its host: a host cannot be filled in."""
    scheme, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host}{slash}{path.replace('{', '').replace('}', '')}"


def needs_of(settings: Settings) -> Iterator[Need]:
    """The facts that a request cannot be written without."""
    return (Need(fact) for fact in sorted(RequestWriter(settings).facts))


def vendor(now: Callable[[], int]) -> Vendor:
    """`now` is the clock in Unix ms, for the time in signatures."""
    return Vendor(
        Settings,
        lambda name, settings, receipt_url: GenericApi(name, settings, receipt_url, now),
        problems_of,
        signs_receipts=True,  # or problems_of demands a token
        needs=needs_of,
        is_idempotent=lambda settings: settings.idempotent,
    )
