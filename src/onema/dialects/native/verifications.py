"""Codes: sent, sent again, looked at, checked and cancelled. A code that came in through another dialect is one of
these, too.
"""

import ipaddress
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec

from onema.administration.story import verification_state
from onema.dialects.native import verification_answers as told
from onema.dialects.native import wire
from onema.dialects.native.errors import (
    KEY_REUSED,
    NO_COUNTRY,
    NO_NEXT_CHANNEL,
    NO_VERIFICATION,
    NOT_SENT_AGAIN,
    OVER,
    REFUSALS,
    Invalid,
)
from onema.dialects.native.how_to_send import how_to_send
from onema.dialects.native.new_code import bound_to, in_the_sandbox, new_code
from onema.dialects.native.result_tokens import ResultTokens
from onema.domain.codes.accept_message import Accepted
from onema.domain.codes.call_with_code import CallWithCode
from onema.domain.codes.cancel_code import CancelCode
from onema.domain.codes.channel_plan import progress_of
from onema.domain.codes.check_code import Check, CheckCode
from onema.domain.codes.landline import begin_with_a_call
from onema.domain.codes.send_code import SendCode
from onema.domain.codes.send_in_sandbox import BOUND, SANDBOX, SendInSandbox, sandbox_code
from onema.domain.codes.send_more import NewMessage, NotSent, SendMore
from onema.domain.codes.start_verification import PLAN_ENTROPY_BYTES
from onema.domain.codes.verification import verification_state as live_state
from onema.domain.configuration.directory import AccountView, ApplicationView
from onema.domain.ids import AccountId, MessageId
from onema.domain.keyring import NONCE_BYTES
from onema.domain.records import LiveVerification, Message
from onema.domain.refusals import Guarded, Refusal, Refused
from onema.domain.request_key import RequestKey
from onema.domain.state_machines import VerificationState
from onema.domain.values.phone import Phone
from onema.engine.challenges import Challenges, Solution
from onema.engine.customer_reads import CustomerReads
from onema.engine.gateway import Gateway
from onema.engine.refusals import Asking
from onema.http.messages import Request, Response
from onema.storage.contract import Story

_AFTER_A_WRONG_TRY = {Check.WRONG: VerificationState.PENDING, Check.USED_UP: VerificationState.USED_UP}


class Unknown(Exception):
    """The account has no such verification."""

    response = NO_VERIFICATION


class Checkable(NamedTuple):
    """What a code is checked by."""

    verification: MessageId
    phone: Phone
    purpose: str


KEEP_NEWEST = 10_000
"""So many codes are checked without a look-up."""


class Verifications:
    """`checks` decides checks, also those of codes that a carrier made; `tokens` prove right ones. A code lives for
    `longest_ttl` seconds at most. Each operation raises Refused; and Invalid or Unknown.
    """

    def __init__(
        self,
        gateway: Gateway,
        reads: CustomerReads,
        checks: Callable[[CheckCode], Awaitable[Check]],
        tokens: ResultTokens,
        longest_ttl: int,
    ) -> None:
        self.challenges: Challenges | None = None
        """What the guard asks for; without it nobody can solve one."""
        self._tokens = tokens
        self._longest_ttl = longest_ttl
        self._gateway = gateway
        self._reads = reads
        self._checks = checks
        self._newest: dict[tuple[AccountId, MessageId], Checkable] = {}
        """What codes are checked by, of those that were sent or checked last. It never changes."""

    async def create(
        self, account: AccountView, application: ApplicationView | None, request: Request, asking: Asking
    ) -> Response:
        """Under one Idempotency-Key one code is sent; a request that has it again is answered as the first was. So is
        one without a key that is asked again at once.
        """
        asked = wire.read(request.body, wire.VerificationRequest)
        asking.phone = asked.to
        if asked.ttl > self._longest_ttl:
            raise Invalid("/ttl", f"it is at most {self._longest_ttl} here (native.longest_ttl_minutes)")
        person = _client_ip(asked.client_ip, request.client_ip)
        gateway = self._gateway
        bound = bound_to(asked.amount, asked.payee)
        how = how_to_send(account, application, asked, person, request.client_ip, gateway)
        phone = wire.phone_of(asked.to, account.country)
        if not account.country and not account.document.countries:
            return NO_COUNTRY
        guard = gateway.directory.guards.of(account.name, how.application)
        how = begin_with_a_call(how, phone, guard)
        name = wire.request_name(request)
        solution = await self._solution(
            account, how.application, phone, asked.challenge_response, how.person_ip
        )
        if solution is not None:
            how = msgspec.structs.replace(how, solved=True)
        new = NewMessage(
            account=account.id,
            id=MessageId(gateway.next_id()),
            now=gateway.now(),
            entropy=gateway.token(PLAN_ENTROPY_BYTES),
            phone=phone,
            challenge=solution.name if solution else "",
            request=name,
            request_digest=wire.request_digest(request),
            request_has_code=bool(asked.code),
        )
        code = new_code(asked, bound, how)
        channel = how.steps[0].channel
        send: SendCode | CallWithCode | SendInSandbox
        if fixed := sandbox_code(account, application, new.phone):
            code = in_the_sandbox(code, fixed)
            send = SendInSandbox(send=new.by(channel, how, code), callback=gateway.next_id())
        else:
            send = new.by(channel, how, code)
        try:
            sent: Accepted = await gateway.execute(send)
        except Guarded as guarded:
            return self._guarded(guarded, account, how.application, phone, asking)
        if sent.refusal is not None:
            raise Refused(sent.refusal)
        if sent.asked and sent.asked != new.request_digest:
            return KEY_REUSED
        if sent.asked:
            message = await self._message(account, sent.message)
            return told.created(message.id, message.phone, message.code_expires_at, channel, asked)
        self._keep(account, Checkable(sent.message, new.phone, asked.purpose))
        return told.created(sent.message, new.phone, new.now + asked.ttl * 1000, channel, asked)

    async def _solution(
        self, account: AccountView, application: str, phone: Phone, response: str, person_ip: str = ""
    ) -> Solution | None:
        if not response or self.challenges is None:
            return None
        return await self.challenges.solution(account, application, phone, response, person_ip)

    def _guarded(
        self, guarded: Guarded, account: AccountView, application: str, phone: Phone, asking: Asking
    ) -> Response:
        """Which challenge lets the message pass. Raises Guarded where none does."""
        if guarded.refusal is not Refusal.CHALLENGE_REQUIRED or self.challenges is None:
            raise guarded
        asking.detail = guarded.detail
        made = self.challenges.challenge(account, application, phone)
        return REFUSALS[guarded.refusal].response(challenge=made)

    async def send_more(
        self,
        account: AccountView,
        verification: MessageId,
        request: Request,
        asking: Asking,
        *,
        by_next: bool,
    ) -> Response:
        """The code once more: by the next channel of its plan, or by the newest one again."""
        response = wire.read(request.body, wire.MoreRequest).challenge_response if request.body else ""
        name = wire.request_name(request)
        digest = wire.request_digest(request) if name else ""
        first = await self._message(account, verification)
        asking.phone = first.phone
        if known := await self._reads.named_request(account.id, name) if name else None:
            return await self._sent_before(account, first, known, digest)
        live = await self._code(account, first)
        progress = progress_of(live)
        if live is None:
            return OVER
        if progress is None:
            return NOT_SENT_AGAIN
        solution = await self._solution(account, first.application, first.phone, response)
        gateway = self._gateway
        more = SendMore(
            account=account.id,
            id=MessageId(gateway.next_id()),
            now=gateway.now(),
            entropy=gateway.token(NONCE_BYTES),
            phone=first.phone,
            request=name,
            request_digest=digest,
            purpose=wire.purpose_of(first),
            verification=first.verification,
            plan=live.plan,
            next=by_next,
            step=progress.step + by_next,
            solved=solution is not None,
            challenge=solution.name if solution else "",
        )
        try:
            sent: Accepted | NotSent = await gateway.execute(more)
        except Guarded as guarded:
            return self._guarded(guarded, account, first.application, first.phone, asking)
        if isinstance(sent, NotSent):
            return OVER if sent is NotSent.OVER else NO_NEXT_CHANNEL
        if sent.asked and sent.asked != digest:
            return KEY_REUSED
        return await self._told_more(account, first, sent.message)

    async def _sent_before(
        self, account: AccountView, first: Message, known: RequestKey, digest: str
    ) -> Response:
        if known.digest != digest:
            return KEY_REUSED
        return await self._told_more(account, first, known.message)

    async def _told_more(self, account: AccountView, first: Message, sent: MessageId) -> Response:
        message = await self._reads.message(account.id, sent)
        if message is None:
            raise Unknown
        return told.sent_more(first.id, message)

    async def show(self, account: AccountView, verification: MessageId) -> Response:
        story = await self._story(account, verification)
        further = [await self._reads.story(account.id, one) for one in told.further_messages(story)]
        stories = (story, *filter(None, further))
        progress = progress_of(await self._code(account, story.message))
        now, currency = self._gateway.now(), account.document.currency
        return told.verification(stories, progress, now, currency)

    async def check(
        self,
        account: AccountView,
        application: ApplicationView | None,
        verification: MessageId,
        body: bytes,
    ) -> Response:
        asked = wire.read(body, wire.CheckRequest)
        code = self._newest.get((account.id, verification)) or await self._checkable(account, verification)
        # Before the check: a right one must not be left without what proves it.
        fixed = sandbox_code(account, application, code.phone)
        message = await self._message(account, verification, polls=False) if asked.token or fixed else None
        gateway = self._gateway
        bound = bound_to(asked.amount, asked.payee)
        in_sandbox = bool(fixed) and message is not None and message.reason == SANDBOX
        check = await self._checks(
            CheckCode(
                account=account.id,
                id=gateway.next_id(),
                now=gateway.now(),
                phone=code.phone,
                code=asked.code,
                purpose=code.purpose,
                verification=code.verification,
                bound=bound + BOUND if in_sandbox else bound,
                tells_last=True,
            )
        )
        if check is Check.RIGHT:
            # What proves nothing is no proof.
            proves = message if asked.token and not in_sandbox else None
            token = self._token(account, proves, asked) if proves is not None else ""
            return told.checked(code.verification, VerificationState.VERIFIED, token=token)
        # Who has lost a try is answered without another look, which might be refused.
        state = _AFTER_A_WRONG_TRY.get(check)
        if state is None:
            state = verification_state(await self._story(account, code.verification), gateway.now())
        return told.checked(code.verification, state, outcome=check.value)

    async def _checkable(self, account: AccountView, verification: MessageId) -> Checkable:
        message = await self._message(account, verification, polls=False)
        code = Checkable(message.id, message.phone, wire.purpose_of(message))
        self._keep(account, code)
        return code

    def _keep(self, account: AccountView, code: Checkable) -> None:
        self._newest[account.id, code.verification] = code
        if len(self._newest) > KEEP_NEWEST:
            del self._newest[next(iter(self._newest))]

    def _token(self, account: AccountView, message: Message, asked: wire.CheckRequest) -> str:
        payment = (asked.amount, asked.payee) if asked.amount else None
        return self._tokens.token(account, message, wire.purpose_of(message), self._gateway.now(), payment)

    async def cancel(self, account: AccountView, verification: MessageId, body: bytes) -> Response:
        """Safe twice: what is over stays what it became."""
        if body:
            wire.read(body, wire.EmptyRequest)
        message = await self._message(account, verification)
        gateway = self._gateway
        await gateway.execute(
            CancelCode(
                account=account.id,
                id=gateway.next_id(),
                now=gateway.now(),
                phone=message.phone,
                purpose=wire.purpose_of(message),
                verification=message.verification,
            )
        )
        return await self.show(account, message.id)

    async def _message(self, account: AccountView, verification: MessageId, *, polls: bool = True) -> Message:
        """The verification's first message, which has its id; any of its messages names it. Raises Unknown."""
        message = await self._reads.message(account.id, verification, polls=polls)
        if message is not None and message.verification not in (0, message.id):
            message = await self._reads.message(account.id, MessageId(message.verification), polls=polls)
        if message is None or not message.verification:
            raise Unknown
        return message

    async def _story(self, account: AccountView, verification: MessageId) -> Story:
        """Of its first message, as above."""
        story = await self._reads.story(account.id, verification)
        if story is not None and story.message.verification not in (0, story.message.id):
            story = await self._reads.story(account.id, MessageId(story.message.verification))
        if story is None or not story.message.verification:
            raise Unknown
        return story

    async def _code(self, account: AccountView, message: Message) -> LiveVerification | None:
        """The live row of the message's code, as long as it is waited for."""
        live = await self._reads.code(account.id, message.phone, wire.purpose_of(message))
        if live is None or live.verification != message.verification:
            return None
        state = live_state(live, self._gateway.now())
        return live if state is VerificationState.PENDING else None


def _client_ip(written: str, client_ip: str) -> str:
    """The person's address, which windows count; where nobody tells it, the client's. Raises Invalid."""
    if not written:
        return client_ip
    try:
        return str(ipaddress.ip_address(written))
    except ValueError:
        raise Invalid("/client_ip", "it is no IP address") from None
