"""What clients ask about their account and about what they sent. It changes nothing, so nothing here is a command."""

import datetime as dt
from collections.abc import Awaitable, Callable, Iterator, Sequence

import msgspec

from onema.dialects.esms import query_wire, wire
from onema.dialects.esms.auth import DIALECT, authenticate
from onema.dialects.esms.errors import (
    FROM_INVALID,
    ID_MISSING,
    INVALID_REQUEST,
    MESSAGE_UNKNOWN,
    NO_TYPE,
    NOT_SERVED,
    OTHER_TYPE,
    REFUSALS,
    TO_INVALID,
    TOO_FAST,
    Rejected,
    VendorError,
)
from onema.dialects.esms.phones import HOME_COUNTRY, phones_of
from onema.domain.configuration.brandname_view import BrandnameView
from onema.domain.configuration.directory import AccountView
from onema.domain.ids import EPOCH_MS, LARGEST_ID, time_of_id
from onema.domain.records import Channel, Message
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.money import Minor
from onema.domain.values.phone import Phone
from onema.domain.values.sms_text import fold, segments
from onema.domain.values.written_form import text_form
from onema.engine.customer_reads import MOST_SENT, CustomerReads, Sent
from onema.engine.gateway import Gateway
from onema.engine.refusals import Asking
from onema.http.messages import Request, Response

ASKED_ABOUT_MS = 7 * 86_400_000
"""How far back a message is told of by its SMSID [V]."""
MOST_TEMPLATES = 1_000
"""So many of a brandname are listed: the vendor's list has no pages."""
PAGE_SIZE = 500
"""Of the list of what was sent [V]."""

PARAMETERS = frozenset(
    {
        "apikey",
        "secretkey",
        "brandname",
        "content",
        "from",
        "isunicode",
        "page",
        "pagesize",
        "phone",
        "referenceid",
        "refid",
        "smstype",
        "to",
    }
)
_CUSTOMER_CARE = "2"
_SERVICE = ("mainservice.svc", "json")

Parameters = dict[str, str]


class _Query(msgspec.Struct, frozen=True):
    """One operation: how it is answered, and what its refusals look like."""

    answer: Callable[["EsmsQueries", AccountView, Parameters], Awaitable[bytes]]
    refused: Callable[[VendorError, Parameters], bytes]
    keys_in_path: bool = False
    """Its path goes on with ApiKey and SecretKey."""


class EsmsQueries:
    """The vendor's queries under /MainService.svc/json/."""

    def __init__(self, gateway: Gateway, reads: CustomerReads) -> None:
        self._gateway = gateway
        self._reads = reads

    async def answer(self, request: Request, asking: Asking) -> Response:
        """404 for what is no query either."""
        query, keys = _find(request.path)
        if query is None:
            return NOT_SERVED
        if request.method not in ("GET", "POST"):
            return INVALID_REQUEST
        try:
            parameters = {**wire.read_parameters(request, PARAMETERS), **keys}
        except ValueError:
            return INVALID_REQUEST
        account = authenticate(self._gateway.directory, parameters, asking)
        try:
            if isinstance(account, Refusal):
                return _response(query, parameters, REFUSALS[account], account.value)
            return Response(200, await query.answer(self, account, parameters))
        except Rejected as rejected:
            return _response(query, parameters, rejected.error, rejected.outcome)
        except Refused as refused:
            asking.detail = refused.detail
            # Nothing but too many reads is too often here.
            error = TOO_FAST if refused.refusal is Refusal.RATE_LIMITED else REFUSALS[refused.refusal]
            return _response(query, parameters, error, refused.refusal.value)

    async def _balance(self, account: AccountView, parameters: Parameters) -> bytes:
        return query_wire.balance(account.id, await self._reads.balance(account.id))

    async def _brandnames(self, account: AccountView, parameters: Parameters) -> bytes:
        usable = (one.name for one in account.brandnames.values() if one.is_usable(self._gateway.now()))
        return query_wire.brandnames(usable)

    async def _templates(self, account: AccountView, parameters: Parameters) -> bytes:
        return query_wire.templates(self._brandname(account, parameters).templates[:MOST_TEMPLATES])

    def _brandname(self, account: AccountView, parameters: Parameters) -> BrandnameView:
        found = account.brandnames.get(parameters.get("brandname", ""))
        if found is None or not found.is_usable(self._gateway.now()):
            raise Refused(Refusal.BRANDNAME_UNKNOWN)
        return found

    async def _send_status(self, account: AccountView, parameters: Parameters) -> bytes:
        """Of a call, where it is asked for by the name that the vendor's host of calls has for it."""
        if _asks_for_call(parameters):
            return await self._call_status(account, parameters["referenceid"])
        messages = await self._messages(account, parameters.get("refid", ""))
        return query_wire.send_status(parameters.get("refid", ""), query_wire.Totals.of(messages))

    async def _call_status(self, account: AccountView, reference: str) -> bytes:
        call = (await self._messages(account, reference))[0]
        if call.channel != Channel.CALL:
            raise Rejected(MESSAGE_UNKNOWN, "message_unknown")
        last = await self._reads.last_call(account.id, call.id)
        return query_wire.call_status(reference, call, last.keys if last else "")

    async def _receivers(self, account: AccountView, parameters: Parameters) -> bytes:
        return query_wire.receivers(await self._messages(account, parameters.get("refid", "")))

    async def _messages(self, account: AccountView, asked: str) -> Sequence[Message]:
        """What the SMSID names. Raises Rejected(ID_MISSING | MESSAGE_UNKNOWN)."""
        asked = asked.strip()
        if not asked:
            raise Rejected(ID_MISSING, "id_missing")
        named = wire.message_of(asked)
        if named is None or self._gateway.now() - time_of_id(named) > ASKED_ABOUT_MS:
            raise Rejected(MESSAGE_UNKNOWN, "message_unknown")
        found = await self._reads.together(account.id, named)
        if not found or found[0].dialect != DIALECT:
            raise Rejected(MESSAGE_UNKNOWN, "message_unknown")
        return found

    async def _sent(self, account: AccountView, parameters: Parameters) -> bytes:
        given = parameters.get
        message_type = given("smstype", "").strip()
        if not message_type:
            raise Rejected(NO_TYPE, "type_missing")
        asked = Sent(
            since=_moment(given("from", ""), FROM_INVALID),
            # The second that is named belongs to it.
            until=_moment(given("to", ""), TO_INVALID) + 1_000,
            # GENCODE's own messages have no category.
            categories=("", message_type) if message_type == _CUSTOMER_CARE else (message_type,),
            page=wire.clamped(given("page"), 1, 1, MOST_SENT) - 1,
            size=wire.clamped(given("pagesize"), PAGE_SIZE, 1, PAGE_SIZE),
        )
        return query_wire.sent(*await self._reads.sent(account.id, DIALECT, asked))

    async def _price(self, account: AccountView, parameters: Parameters) -> bytes:
        given = parameters.get
        if (message_type := given("smstype", "").strip()) != _CUSTOMER_CARE:
            raise (
                Rejected(OTHER_TYPE, "type_not_supported")
                if message_type
                else Rejected(NO_TYPE, "type_missing")
            )
        home = account.country or HOME_COUNTRY
        phones = phones_of(given("phone", ""), home)
        text = text_form(given("content", ""))
        parts = segments(text if wire.is_yes(given("isunicode", "")) else fold(text)).count
        unit = sum(self._unit_prices(account, phones, home))
        self._brandname(account, parameters)
        return query_wire.price(Minor(unit * parts), len(phones))

    def _unit_prices(self, account: AccountView, phones: Sequence[Phone], home: str) -> Iterator[Minor]:
        for phone in phones:
            account.admit_destination(phone, home, Channel.SMS)
            yield self._gateway.directory.rate(account, Channel.SMS, phone)[0]


def _moment(text: str, error: VendorError) -> int:
    """Unix ms of a time in Vietnam, where this century has it. Raises Rejected."""
    try:
        moment = dt.datetime.strptime(f"{text.strip().replace('/', '-')} +0700", "%Y-%m-%d %H:%M:%S %z")
    except ValueError:
        raise Rejected(error, "invalid_date") from None
    return min(max(int(moment.timestamp() * 1000), EPOCH_MS), time_of_id(LARGEST_ID) - 1_000)


def _response(query: _Query, parameters: Parameters, error: VendorError, outcome: str) -> Response:
    """HTTP status 200, as for everything that is served (errors.py)."""
    return Response(200, query.refused(error, parameters), outcome=outcome)


def _refused(error: VendorError, parameters: Parameters) -> bytes:
    return query_wire.refused(error.code, error.message)


def _refused_with_a_dot(error: VendorError, parameters: Parameters) -> bytes:
    """The vendor's pages of two queries have a dot behind one text."""
    dot = "." if error is REFUSALS[Refusal.CREDENTIAL_UNKNOWN] else ""
    return query_wire.refused(error.code, f"{error.message}{dot}")


def _balance_refused(error: VendorError, parameters: Parameters) -> bytes:
    return query_wire.balance_refused(error.code, error.message)


def _asks_for_call(parameters: Parameters) -> bool:
    return "refid" not in parameters and "referenceid" in parameters


def _send_status_refused(error: VendorError, parameters: Parameters) -> bytes:
    if _asks_for_call(parameters):
        # The sample of the vendor's page about calls.
        return wire.refused(error.code, error.message)
    text = "" if error is REFUSALS[Refusal.CREDENTIAL_UNKNOWN] else error.message
    return query_wire.send_status_refused(error.code, text, parameters.get("refid", ""))


_QUERIES = {
    "getbalance": _Query(EsmsQueries._balance, _balance_refused, keys_in_path=True),
    "getbalance_json": _Query(EsmsQueries._balance, _balance_refused),
    "getlistbrandname": _Query(EsmsQueries._brandnames, _refused, keys_in_path=True),
    "gettemplate": _Query(EsmsQueries._templates, _refused),
    "getsendstatus": _Query(EsmsQueries._send_status, _send_status_refused),
    "getsmsreceiverstatus_get": _Query(EsmsQueries._receivers, _refused),
    "getsmssentdata_v2": _Query(EsmsQueries._sent, _refused_with_a_dot),
    "summarymultiplemessage_v4_get": _Query(EsmsQueries._price, _refused_with_a_dot),
}
OPERATIONS = tuple("/".join((*_SERVICE, name)) for name in _QUERIES)
"""Their paths, but for the keys in some of them."""


def _find(path: str) -> tuple[_Query | None, Parameters]:
    """The operation, and the keys that its path holds."""
    segments = [segment for segment in path.split("/") if segment]
    if tuple(segment.lower() for segment in segments[:2]) != _SERVICE or len(segments) < 3:
        return None, {}
    query, rest = _QUERIES.get(segments[2].lower()), segments[3:]
    if query is not None and query.keys_in_path and len(rest) == 2:
        return query, {"apikey": rest[0], "secretkey": rest[1]}
    return (None, {}) if rest else (query, {})
