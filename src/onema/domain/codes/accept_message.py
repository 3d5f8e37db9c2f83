"""The one place where messages are accepted, whatever they carry: what limits one and pays for it is decided here.

A command admits the destination, finds out what is to be sent (which decides the price), has it accepted, and queues
it.
"""

import math
from collections.abc import Iterable

import msgspec

from onema.domain.codes import limits
from onema.domain.configuration.directory import AccountView
from onema.domain.decision import Context, World
from onema.domain.guard.judge import NOTHING_FOUND, judge, keys_to_judge
from onema.domain.ids import AccountId, MessageId
from onema.domain.keyring import NONCE_BYTES
from onema.domain.money import low_balance, wallet
from onema.domain.records import Channel, Key, Message, MessageState, Row, Wallet, Window
from onema.domain.refusals import Found, Refusal, Refused
from onema.domain.values.destinations import is_landline
from onema.domain.values.money import NOTHING, Minor
from onema.domain.values.phone import Phone


class Accepted(msgspec.Struct, frozen=True):
    """The message was accepted; or, with `refusal`, written down as refused; or, with `asked`, accepted before, when a
    request of that digest had this one's name. `verification` is whose code it has, where that is checked here.
    `found` is what the guard has against it.
    """

    message: MessageId
    refusal: Refusal | None = None
    asked: str = ""
    verification: int = 0
    found: tuple[Found, ...] = ()


class Counted(msgspec.Struct, frozen=True, gc=False):
    """What else a message is counted for: of `subject` in `scope` at most as `limits` say, (seconds, at most)."""

    scope: str
    subject: str
    limits: tuple[tuple[int, int], ...]


class Send(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who asks for a message, and for whom: what every command that sends something has.

    `id` becomes the message's and its verification's; `reference` is the dialect's own name for it. `home_country` is
    where the request's national numbers belong. `person_ip` and `device` are the person's, as the integrator names
    them, and `person_country` is where that address is; `solved`: the person has solved a challenge, the one of the
    name `challenge` where that is good only once. `entropy` ends with a nonce's bytes; a new code's come before.
    `request` is the client's name for a request that it may send again, and `request_digest` tells what it asked
    (request_once.py), also where it `request_has_code`.
    """

    account: AccountId
    id: MessageId
    now: int
    entropy: bytes
    dialect: str
    phone: Phone
    home_country: str
    client_ip: str
    application: str = ""
    reference: str = ""
    request: str = ""
    request_digest: str = ""
    counted: tuple[Counted, ...] = ()
    request_has_code: bool = False
    person_ip: str = ""
    person_country: str = ""
    device: str = ""
    solved: bool = False
    challenge: str = ""

    @property
    def checkable(self) -> bool:
        """Whether it makes a code that is checked here."""
        return False

    @property
    def nonce(self) -> bytes:
        return self.entropy[-NONCE_BYTES:]


class Hold(msgspec.Struct, frozen=True, gc=False):
    """What an accepted message costs at most: `unit` for a segment, or for each started `period` of seconds. The rows
    say so, and what the guard found.
    """

    unit: Minor
    period: int
    price: Minor
    puts: tuple[Row, ...]
    inserts: tuple[Row, ...]
    found: tuple[Found, ...]


def sender_of(send: Send, context: Context) -> AccountView:
    """Raises Refused(CREDENTIAL_UNKNOWN): the configuration may have changed since the request was authenticated."""
    account = context.directory.accounts.get(send.account)
    if account is None:
        raise Refused(Refusal.CREDENTIAL_UNKNOWN)
    return account


def keys_to_accept(send: Send, account: AccountView, context: Context) -> Iterable[Key]:
    guard = context.directory.guards.of(account.name, send.application)
    return (
        (Wallet, send.account),
        *low_balance.keys(account),
        *limits.window_keys(account, send.phone, send.client_ip),
        *keys_to_judge(send, guard),
        *((Window, send.account, one.scope, one.subject) for one in send.counted),
    )


def accept_message(
    send: Send,
    world: World,
    context: Context,
    account: AccountView,
    channel: Channel,
    size: int,
    calls: int = 1,
) -> Hold:
    """Count the message and hold its price; `size` is an SMS's segments, or how many seconds a call may take, and
    `calls` how many of these may be placed for it.

    Raises Refused(PRICE_MISSING | RATE_LIMITED | WALLET_EXPIRED | BALANCE_TOO_LOW), Guarded.
    """
    unit, period = context.directory.rate(account, channel, send.phone)
    if channel is Channel.SMS:
        period, price = 0, Minor(unit * size)
    else:
        price = Minor(unit * math.ceil(size / period) * calls)
    guard = context.directory.guards.of(account.name, send.application)
    # Other accounts send no SMS there at all.
    to_landline = channel is Channel.SMS and bool(account.document.destinations) and is_landline(send.phone)
    judged = (
        NOTHING_FOUND
        if account.calls_safe(send.phone)
        else judge(send, world, guard, channel, price, to_landline=to_landline)
    )
    windows = limits.count_send(
        world, account, send.phone, send.client_ip, send.now, but_phone=judged.own_purse
    )
    for one in send.counted:
        window = world.get(Window, send.account, one.scope, one.subject)
        opened = window or Window(send.account, one.scope, one.subject, "", 0)
        windows.append(limits.count(opened, one.limits, send.now))
    balance, entry = wallet.hold(world, account, send.id, price, send.now)
    low = low_balance.noticed(world, account, balance.balance, send.id, send.now)
    puts = (balance, *windows, *judged.puts, *low)
    return Hold(unit, period, price, puts, (entry, *judged.inserts), judged.found)


def message_row(
    send: Send,
    channel: Channel,
    sender: str,
    *,
    hold: Hold | None = None,
    segments: int = 0,
    verification: int = 0,
    code_expires_at: int = 0,
    category: str = "",
    template: str = "",
    refusal: Refusal | None = None,
) -> Message:
    """The message as it begins; or, with `refusal`, as it ends."""
    price = hold.price if hold else NOTHING
    return Message(
        account=send.account,
        id=send.id,
        dialect=send.dialect,
        channel=channel,
        phone=send.phone,
        sender=sender,
        application=send.application,
        reference=send.reference,
        client_ip=send.client_ip,
        verification=verification,
        code_expires_at=code_expires_at,
        segments=segments,
        period=hold.period if hold else 0,
        unit_price=hold.unit if hold else NOTHING,
        price=price,
        held=price,
        charged=NOTHING,
        talked_ms=0,
        state=MessageState.REFUSED if refusal else MessageState.ACCEPTED,
        reason=refusal.value if refusal else "",
        ended_at=send.now if refusal else 0,
        category=category,
        template=template,
    )
