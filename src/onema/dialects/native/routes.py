"""onema's own API. It has one operation yet: docs/api.md."""

from onema.dialects.native import wire
from onema.dialects.native.auth import DIALECT, authenticate
from onema.dialects.native.errors import (
    FAULT,
    INVALID,
    NOT_FOUND,
    OVERSIZED,
    REFUSALS,
    Invalid,
    method_not_allowed,
)
from onema.domain.codes.admission import admit_account
from onema.domain.codes.preview_sms import Customer, destination_of, preview_sms
from onema.domain.configuration.directory import AccountView
from onema.domain.refusals import Refused
from onema.engine.gateway import Gateway
from onema.engine.refusals import Asking
from onema.http.messages import Request, Response

_PREVIEW = "/v1/sms/preview"


class NativeApi:
    """JSON over HTTP; errors are problem details (RFC 9457)."""

    name = DIALECT
    path_segments = frozenset({"v1"})
    operations = (_PREVIEW,)
    refusals = REFUSALS
    callbacks = None

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def answer(self, request: Request) -> Response:
        asking = Asking(DIALECT, request.client_ip)
        response = self._answer(request, asking)
        if response.outcome not in ("ok", "not_found"):
            self._gateway.refusals.note(asking, response.outcome)
        return response

    def _answer(self, request: Request, asking: Asking) -> Response:
        if request.path != _PREVIEW:
            return NOT_FOUND
        if request.method != "POST":
            return method_not_allowed(b"POST")
        gateway = self._gateway
        try:
            account = authenticate(gateway.directory, request.header(b"authorization"), asking)
            admit_account(account, request.client_ip)
            return self._preview(account, request.body)
        except Invalid as invalid:
            asking.detail = f"{invalid.pointer}: {invalid}"
            return INVALID.response(str(invalid), invalid.pointer)
        except Refused as refused:
            asking.detail = refused.detail
            return REFUSALS[refused.refusal].response()

    def _preview(self, account: AccountView, body: bytes) -> Response:
        asked = wire.read_preview(body)
        customer = Customer(self._gateway.directory, account, self._gateway.now())
        to = destination_of(asked.to, account) if asked.to else ""
        return wire.previewed(
            preview_sms(
                asked.text,
                code_length=asked.code_length,
                sender=asked.sender,
                to=to,
                customer=customer,
            )
        )

    def refuse_oversized(self, request: Request) -> Response:
        return OVERSIZED

    def fault(self, request: Request, incident: str) -> Response:
        return FAULT.response(incident=incident)
