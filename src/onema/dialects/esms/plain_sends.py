"""Texts of the sender's own: one operation of the vendor's in many dresses, and those that are nearly the same."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from onema.dialects.esms.auth import DIALECT, authenticate
from onema.dialects.esms.errors import (
    INVALID_REQUEST,
    NO_TYPE,
    ONE_PHONE,
    OTHER_TYPE,
    REFUSALS,
    TOO_FEW_PHONES,
    Rejected,
    VendorError,
)
from onema.dialects.esms.phones import HOME_COUNTRY, phones_of
from onema.dialects.esms.send_wire import (
    JSON_TYPE,
    XML_TYPE,
    Parameters,
    Result,
    known_members,
    read_send,
)
from onema.dialects.esms.times import moment_of
from onema.dialects.esms.voice_calls import VOICE_OTP, VoiceCalls
from onema.dialects.esms.wire import accepted, is_yes, smsid
from onema.domain.codes.accept_message import Accepted
from onema.domain.codes.send_text import SendText
from onema.domain.codes.send_together import SendTogether
from onema.domain.configuration.callback_target import url_problem
from onema.domain.configuration.directory import AccountView
from onema.domain.ids import MessageId
from onema.domain.keyring import NONCE_BYTES
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.phone import Phone
from onema.engine.gateway import Gateway
from onema.engine.refusals import Asking
from onema.http.messages import Request, Response
from onema.http.parameters import parse_json_object

LONGEST_REQUEST_ID = 50
"""Characters [V]."""
LONGEST_CAMPAIGN = 254
"""Characters [V]; what is longer is cut, as it changes nothing of what is sent."""
BLOCKED_SECONDS = 86_400
"""For how long a RequestId is not taken again [V]."""
LEAST_ADVERTISED = 30
"""Phones that an advertisement goes to at least [V]."""

_ADVERTISEMENT = "1"
_CUSTOMER_CARE = "2"
_OF_BRANDNAMES = frozenset({_ADVERTISEMENT, _CUSTOMER_CARE})
_OF_FIXED_NUMBERS = frozenset({"3", "4", "6", "7", "8"})
"""8 is documented; the others are older and in use: from numbers that change, that stay, that are the account's own."""


class Dress(msgspec.Struct, frozen=True):
    """How one operation is asked and answered: `tells_status` with SendStatus at a RequestId that was used;
    `advertises` to LEAST_ADVERTISED phones at least; `channels` when its text is one among those of other channels.
    """

    in_xml: bool = False
    tells_status: bool = False
    advertises: bool = False
    channels: bool = False

    def response(self, result: Result, outcome: str = "ok") -> Response:
        if self.in_xml:
            return Response(200, result.as_xml(), XML_TYPE, outcome=outcome)
        return Response(200, result.as_json(), JSON_TYPE, outcome=outcome)

    def refused(self, error: VendorError, outcome: str, message: MessageId | None = None) -> Response:
        known = smsid(message) if message is not None else ""
        # Only the page of this dress shows it, and with this value.
        status = "5" if self.tells_status and error is REFUSALS[Refusal.DUPLICATE] else ""
        return self.response(Result(error.code, error.message, known, status), outcome)


DRESSES: Mapping[str, Dress] = {
    "mainservice.svc/json/sendmultiplemessage_v4_post_json": Dress(tells_status=True),
    "mainservice.svc/json/sendmultiplemessage_v4_get": Dress(),
    "mainservice.svc/json/sendmultiplemessage_v4_post": Dress(),
    "mainservice.svc/json/sendmultiplemessage_v4": Dress(),
    "mainservice.svc/xml/sendmultiplemessage_v4_get": Dress(in_xml=True),
    "mainservice.svc/xml/sendmultiplemessage_v4_post": Dress(in_xml=True),
    "mainservice.svc/xml/sendmultiplemessage_v4": Dress(in_xml=True),
    "mainservice.svc/json/sendmultiplesmsbrandname_json": Dress(advertises=True),
    "mainservice.svc/json/multichannelmessage": Dress(channels=True),
}
"""By their paths."""

SPELLED: Mapping[str, Dress] = {
    f"/MainService.svc/json/SendMultipleMessage_V4_{name}": DRESSES[path]
    for name, path in (
        ("post_json/", "mainservice.svc/json/sendmultiplemessage_v4_post_json"),
        ("post_json", "mainservice.svc/json/sendmultiplemessage_v4_post_json"),
        ("get", "mainservice.svc/json/sendmultiplemessage_v4_get"),
        ("post/", "mainservice.svc/json/sendmultiplemessage_v4_post"),
    )
}
"""Those that most clients ask, as they are documented."""


class PlainSends:
    """`fixed_number_texts` says which texts go out from an account's fixed number: any, or those that are registered
    for a brandname of that number. `private_targets` allows callback URLs that are not on the public Internet,
    `longest_ahead_days` is how far ahead a SendDate may be.
    """

    def __init__(
        self,
        gateway: Gateway,
        *,
        fixed_number_texts: Literal["any", "registered"],
        private_targets: bool,
        longest_ahead_days: int,
    ) -> None:
        self._gateway = gateway
        self._any_text = fixed_number_texts == "any"
        self._private_targets = private_targets
        self._longest_ahead_ms = longest_ahead_days * 86_400_000
        self._calls = VoiceCalls(gateway)

    async def answer(self, dress: Dress, request: Request, asking: Asking) -> Response:
        if request.method not in ("GET", "POST"):
            return INVALID_REQUEST
        try:
            given = _read_channels(request.body) if dress.channels else read_send(request)
        except ValueError:
            if dress.in_xml:
                return dress.refused(VendorError("99", "Invalid request"), "invalid_request")
            return INVALID_REQUEST
        asking.phone = given.get("phone", "")
        account = authenticate(self._gateway.directory, given, asking)
        if isinstance(account, Refusal):
            return dress.refused(REFUSALS[account], account.value)
        try:
            sent = await self._send(dress, account, given, asking)
        except Rejected as rejected:
            return dress.refused(rejected.error, rejected.outcome)
        except Refused as refused:
            asking.detail = refused.detail
            return dress.refused(REFUSALS[refused.refusal], refused.refusal.value)
        if sent.refusal is None:
            if dress.in_xml:
                return dress.response(Result("100", smsid=smsid(sent.message)))
            return Response(200, accepted(sent.message))
        asking.detail = f"onema message list {account.name} --state refused, then message show: which text"
        return dress.refused(REFUSALS[sent.refusal], sent.refusal.value, sent.message)

    async def _send(self, dress: Dress, account: AccountView, given: Parameters, asking: Asking) -> Accepted:
        """In the order of docs/vendors/esms.md#errors. Raises Rejected and Refused."""
        gateway, home = self._gateway, account.country or HOME_COUNTRY
        kind = given.get("smstype", "").strip() or (_ADVERTISEMENT if dress.advertises else "")
        calls = kind == VOICE_OTP and not dress.channels and self._calls.speaks(given)
        sender = "" if calls else self._sender(account, kind, given)
        phones = phones_of(given.get("phone", ""), home)
        if dress.advertises and len(phones) < LEAST_ADVERTISED:
            raise Rejected(TOO_FEW_PHONES, "too_few_phones")
        if kind in _OF_FIXED_NUMBERS and len(phones) > 1:
            raise Rejected(ONE_PHONE, "one_phone")
        reference = given.get("requestid", "").strip()
        if len(reference) > LONGEST_REQUEST_ID:
            raise _not_served(f"RequestId is longer than {LONGEST_REQUEST_ID} characters", asking)
        if sender is None:
            raise Refused(Refusal.BRANDNAME_UNKNOWN, "no Brandname is given")
        date, url = given.get("senddate", "").strip(), given.get("callbackurl", "").strip()
        send = SendText(
            account=account.id,
            id=MessageId(gateway.next_id()),
            now=gateway.now(),
            entropy=gateway.token(NONCE_BYTES),
            dialect=DIALECT,
            phone=phones[0],
            home_country=home,
            client_ip=asking.client_ip,
            reference=reference,
            brandname=sender,
            text=given.get("content", ""),
            send_at=self._send_at(date, asking) if date else 0,
            folded=_folded(given),
            once_seconds=BLOCKED_SECONDS if reference else 0,
            dry_run=is_yes(given.get("sandbox", "")),
            callback_url=self._callback_url(url, asking) if url else "",
            category=kind,
            campaign=given.get("campaignid", "")[:LONGEST_CAMPAIGN],
        )
        if calls:
            if send.send_at > send.now:
                raise _not_served("SendDate is not served for calls", asking)
            called: Accepted = await gateway.execute(self._calls.instead_of(send, account, given))
            return called
        sent: Accepted = await gateway.execute(send if len(phones) == 1 else self._to_all(send, phones))
        return sent

    def _to_all(self, send: SendText, phones: Sequence[Phone]) -> SendTogether:
        """The same for each phone; their ids lie side by side."""
        first, gateway = msgspec.structs.replace(send, together=send.id), self._gateway
        others = [
            msgspec.structs.replace(
                first,
                id=MessageId(gateway.next_id()),
                entropy=gateway.token(NONCE_BYTES),
                phone=phone,
                once_seconds=0,
            )
            for phone in phones[1:]
        ]
        return SendTogether((first, *others))

    def _sender(self, account: AccountView, kind: str, given: Parameters) -> str | None:
        """The brandname, "" for the account's fixed number; None where there is none. Raises Rejected."""
        if kind in _OF_BRANDNAMES:
            return given.get("brandname") or None
        if not kind:
            raise Rejected(NO_TYPE, "type_missing")
        if kind not in _OF_FIXED_NUMBERS or not account.document.fixed_number:
            raise Rejected(OTHER_TYPE, "type_not_supported")
        return "" if self._any_text else account.document.fixed_number

    def _send_at(self, text: str, asking: Asking) -> int:
        """Raises Rejected."""
        try:
            at = moment_of(text)
        except (ValueError, OverflowError):
            raise _not_served("SendDate is invalid date format", asking) from None
        if at > self._gateway.now() + self._longest_ahead_ms:
            raise _not_served("SendDate is too far ahead", asking)
        return at

    def _callback_url(self, url: str, asking: Asking) -> str:
        """Raises Rejected."""
        if problem := url_problem(url, private_targets=self._private_targets):
            asking.detail = f"its CallbackUrl {problem}"
            raise Rejected(VendorError("99", "CallbackUrl can not be called"), "callback_url")
        return url


def _not_served(text: str, asking: Asking) -> Rejected:
    asking.detail = text
    return Rejected(VendorError("99", text), "not_served")


def _folded(given: Parameters) -> bool | None:
    """IsUnicode as most pages spell it, or Unicode."""
    asked = (given.get("isunicode") or given.get("unicode") or "").strip()
    return None if not asked else not is_yes(asked)


def _read_channels(body: bytes) -> Parameters:
    """What a request of several channels says of its SMS; for the others nothing here can send. Raises ValueError."""
    members = {name.lower(): value for name, value in parse_json_object(body).items()}
    channels, data = members.get("channels"), members.get("data")
    if not isinstance(channels, list) or not isinstance(data, list):
        raise ValueError("channels or their data are missing")
    texts = [
        part
        for channel, part in zip(channels, data, strict=False)
        if isinstance(channel, str) and channel.lower() == "sms" and isinstance(part, dict)
    ]
    # Its page has customer care alone, and a client leaves the type out.
    return {
        **({"smstype": _CUSTOMER_CARE} if texts else {"smstype": "other channels"}),
        **known_members(members),
        **(known_members(texts[0]) if texts else {}),
    }
