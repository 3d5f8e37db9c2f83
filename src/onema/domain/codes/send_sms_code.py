"""Make a code, hold its price, and queue the SMS that carries it."""

from collections.abc import Iterable

import msgspec

from onema.domain.codes import limits, refused_text
from onema.domain.codes.verification import ATTEMPTS, CODE_ENTROPY_BYTES, draw_code
from onema.domain.configuration.directory import AccountView, AllowedText, BrandnameView
from onema.domain.configuration.message_template import place_code
from onema.domain.decision import Context, Decision, World
from onema.domain.delivery.message_progress import delivery_job
from onema.domain.delivery.payload import SmsPayload, seal_payload
from onema.domain.money import wallet
from onema.domain.records import (
    Channel,
    Event,
    JobKind,
    Key,
    LiveVerification,
    Message,
    MessageState,
    Wallet,
    Window,
)
from onema.domain.refusals import Refusal, Refused

ENTROPY_BYTES = CODE_ENTROPY_BYTES + 12
"""A code's share and a nonce's."""

REFUSED_TEXTS = "refused text"
REFUSED_TEXTS_LIMITS = ((60, 300),)
"""After how many texts that fit no template in so many seconds an account's texts are not looked at any more, those
aside which it sent before: looking for a template costs more than anything else that is refused.
"""

KEPT_TEXTS = "kept text"
KEPT_TEXTS_LIMITS = ((3_600, 100),)
"""How many of them an account has written down: enough to see what is wrong, and nobody who sends for nothing can
fill the store.
"""


class Sent(msgspec.Struct, frozen=True):
    """The message was accepted; or, with `refusal`, written down as refused."""

    message: int
    refusal: Refusal | None = None


class SendSmsCode(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Send a new code to `phone`; `text` holds the marker {OTP}. It replaces the phone's current code.

    `id` becomes the message's and the verification's. `time_alive` is in milliseconds. `home_country` is where
    the request's national numbers belong. Result: Sent. Raises Refused.
    """

    account: int
    id: int
    now: int
    entropy: bytes
    dialect: str
    phone: str
    home_country: str
    client_ip: str
    brandname: str
    text: str
    alphabet: str
    length: int
    time_alive: int
    purpose: str = "code"

    def keys(self, context: Context) -> Iterable[Key]:
        account = self._sender(context)
        keys: list[Key] = [
            (Wallet, self.account),
            (LiveVerification, self.account, self.phone, self.purpose),
            *limits.window_keys(account, self.phone, self.client_ip),
        ]
        brandname = account.brandnames.get(self.brandname)
        if brandname is None or brandname.remembered(self.text, self.length) is None:
            keys += [(Window, self.account, scope, "") for scope in (REFUSED_TEXTS, KEPT_TEXTS)]
        return keys

    def _sender(self, context: Context) -> AccountView:
        """The configuration may have changed since the request was authenticated."""
        account = context.directory.accounts.get(self.account)
        if account is None:
            raise Refused(Refusal.CREDENTIAL_UNKNOWN)
        return account

    def _allowed(self, brandname: BrandnameView, world: World) -> AllowedText | None:
        """Looks at a text only once, and at none of an account that sent too many which fit no template."""
        known = brandname.remembered(self.text, self.length)
        if known is not None:
            return known
        for seconds, limit in REFUSED_TEXTS_LIMITS:
            refused = world.get(Window, self.account, REFUSED_TEXTS, "")
            if limits.used_now(refused, seconds, self.now) >= limit:
                raise Refused(Refusal.RATE_LIMITED, f"{REFUSED_TEXTS}: {limit} per {seconds} s")
        return brandname.allowed(self.text, self.length)

    def decide(self, world: World, context: Context) -> Decision:
        account = self._sender(context)
        account.admit_destination(self.phone, self.home_country, Channel.SMS)
        brandname = account.brandnames.get(self.brandname)
        if (
            brandname is None
            or not brandname.active
            or (brandname.expires_at and self.now >= brandname.expires_at)
        ):
            raise Refused(Refusal.BRANDNAME_UNKNOWN)
        allowed = self._allowed(brandname, world)
        if allowed is None:
            return self._refuse_text(world, context)
        segments = allowed.segments
        price, _ = context.directory.rate(account, Channel.SMS, self.phone)
        windows = limits.count_send(world, account, self.phone, self.client_ip, self.now)
        balance, entry = wallet.hold(world, account, self.id, price * segments, self.now)

        code = draw_code(self.alphabet, self.length, self.entropy)
        live = LiveVerification(
            account=self.account,
            phone=self.phone,
            purpose=self.purpose,
            verification=self.id,
            code_hash=context.keyring.code_hash(self.id, code),
            attempts_left=ATTEMPTS,
            expires_at=self.now + self.time_alive,
        )
        sealed = seal_payload(
            SmsPayload(
                self.phone, self.brandname, place_code(allowed.text, code), self.now + self.time_alive
            ),
            self.id,
            context.keyring,
            self.entropy[CODE_ENTROPY_BYTES:],
        )
        job = delivery_job(JobKind.DELIVER, self.account, self.id, self.now, sealed)
        previous = world.get(LiveVerification, self.account, self.phone, self.purpose)
        superseded = (
            (Event(self.account, previous.verification, self.id, "superseded", ""),) if previous else ()
        )
        return Decision(
            Sent(self.id),
            puts=(balance, live, *windows),
            inserts=(self._message(MessageState.ACCEPTED, "", segments, price), job, entry, *superseded),
        )

    def _refuse_text(self, world: World, context: Context) -> Decision:
        refused = Sent(self.id, Refusal.TEMPLATE_MISMATCH)
        counted = limits.count(self._window(world, REFUSED_TEXTS), REFUSED_TEXTS_LIMITS, self.now)
        try:
            kept = limits.count(self._window(world, KEPT_TEXTS), KEPT_TEXTS_LIMITS, self.now)
        except Refused:
            return Decision(refused, puts=(counted,))
        nonce = self.entropy[CODE_ENTROPY_BYTES:]
        note = refused_text.note(self.account, self.id, self.text, self.length, context.keyring, nonce)
        message = self._message(MessageState.REFUSED, Refusal.TEMPLATE_MISMATCH.value)
        return Decision(refused, puts=(counted, kept), inserts=(message, note))

    def _window(self, world: World, scope: str) -> Window:
        return world.get(Window, self.account, scope, "") or Window(self.account, scope, "", "", 0)

    def _message(self, state: MessageState, reason: str, segments: int = 0, unit_price: int = 0) -> Message:
        refused = state is MessageState.REFUSED
        return Message(
            account=self.account,
            id=self.id,
            dialect=self.dialect,
            channel=Channel.SMS,
            phone=self.phone,
            sender=self.brandname,
            application="",
            reference="",
            client_ip=self.client_ip,
            verification=0 if refused else self.id,
            code_expires_at=0 if refused else self.now + self.time_alive,
            segments=segments,
            period=0,
            unit_price=unit_price,
            price=unit_price * segments,
            held=unit_price * segments,
            charged=0,
            talked_ms=0,
            state=state,
            reason=reason,
            ended_at=self.now if refused else 0,
        )
