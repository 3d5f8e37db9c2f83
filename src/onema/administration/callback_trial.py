"""Tells an integrator of a message that never was, so that they see whether their address hears us."""

from collections.abc import Awaitable, Callable, Mapping

from onema.administration.customer_requests import CallbackTried, TryCallback
from onema.delivery.callback_client import Told
from onema.delivery.callback_contract import CallbackRenderer, CallbackRequest, NotTold
from onema.domain.configuration import documents as doc
from onema.domain.configuration.directory import AccountView
from onema.domain.configuration.named_account import account_by_name
from onema.domain.ids import MessageId
from onema.domain.records import Channel, Message, MessageState
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.money import NOTHING
from onema.domain.values.phone import Phone
from onema.engine.gateway import Gateway

REFERENCE = "onema-test"
"""The reference of the message that never was, for receivers that look at it."""
_PHONE = Phone("+84901888484")

Tell = Callable[[CallbackRequest], Awaitable[Told]]


class CallbackTrial:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.renderers: Mapping[str, CallbackRenderer] = {}
        """By dialect; filled by whoever delivers in this process."""
        self.tell: Tell | None = None
        """Sends a callback, with everything that guards real ones; None where nobody delivers."""

    async def run(self, request: TryCallback) -> CallbackTried:
        """Raises Refused: nobody delivers here, or there is nothing to tell or nowhere to tell it."""
        if self.tell is None:
            raise Refused(Refusal.CONFLICT, "this process tells integrators nothing: ask one that delivers")
        account = account_by_name(self._gateway.directory, request.account)
        application = account.applications.get(request.application)
        url = (application.document.callback_url if application else "") or account.callback_url
        if not url:
            raise Refused(Refusal.CONFLICT, "there is no callback address")
        dialect = self._dialect(account, request.application)
        if dialect is None:
            raise Refused(Refusal.CONFLICT, "there is no live key whose API tells anything: make one first")
        rendered = self.renderers[dialect].render(self._message(account, request.application, dialect), url)
        if isinstance(rendered, NotTold):
            return CallbackTried(dialect=dialect, problem=rendered.why)
        began = self._gateway.now()
        told = await self.tell(rendered)
        return CallbackTried(
            dialect=dialect,
            host=told.host,
            status=told.status,
            took_ms=max(self._gateway.now() - began, 0),
            problem=told.problem,
            said=told.said,
        )

    def _dialect(self, account: AccountView, application: str) -> str | None:
        """The API of a live key of the application, or of the account where that has none."""
        documents = self._gateway.directory.of_account(account.name).get("credential", {}).values()
        live = [
            one
            for one in documents
            if isinstance(one, doc.Credential) and one.state == "active" and one.dialect in self.renderers
        ]
        own = [one.dialect for one in live if one.application == application]
        return next(iter(sorted(own or [one.dialect for one in live if not one.application])), None)

    def _message(self, account: AccountView, application: str, dialect: str) -> Message:
        return Message(
            account=account.id,
            id=MessageId(self._gateway.next_id()),
            dialect=dialect,
            channel=Channel.SMS,
            phone=_PHONE,
            sender="",
            application=application,
            reference=REFERENCE,
            client_ip="",
            verification=0,
            code_expires_at=0,
            segments=1,
            period=0,
            unit_price=NOTHING,
            price=NOTHING,
            held=NOTHING,
            charged=NOTHING,
            talked_ms=0,
            state=MessageState.DELIVERED,
            reason="",
            ended_at=self._gateway.now(),
        )
