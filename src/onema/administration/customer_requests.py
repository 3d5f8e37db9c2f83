"""What a customer asks about the own account beside its messages and money: prices, numbers, texts."""

import msgspec

from onema.administration.asking import Request
from onema.domain.codes.preview_sms import CODE_LENGTH, SmsPreview
from onema.domain.configuration import documents as doc
from onema.domain.configuration.template_difference import Difference
from onema.domain.values.money import Minor


class Prices(msgspec.Struct, frozen=True):
    """What an account pays in its currency: the longest prefix that fits counts."""

    currency: str
    rates: tuple[doc.Rate, ...]


class ReadPrices(Request[Prices], frozen=True, kw_only=True, tag="read_prices"):
    """An account's price list."""

    answer_type = Prices

    account: str


class TriedText(msgspec.Struct, frozen=True):
    """`template` is the one that a text fits, "" where it fits none; then `difference` is where the text first differs
    from the nearest one, None without one. `preview` is what is sent, or would be.
    """

    template: str
    difference: Difference | None
    preview: SmsPreview


class TryText(Request[TriedText], frozen=True, kw_only=True, tag="try_text"):
    """Which template of a brandname a text fits, how it would be sent, and at what price to a phone or prefix `to`."""

    answer_type = TriedText

    account: str
    brandname: str
    text: str
    to: str = ""
    code_length: int = CODE_LENGTH


class LowAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account whose balance went under its limit at `since` (Unix ms), when `balance` was left."""

    account: str
    currency: str
    since: int
    balance: Minor
    threshold: Minor


class ReadLowBalances(Request[tuple[LowAccount, ...]], frozen=True, kw_only=True, tag="read_low_balances"):
    """Which accounts have less than they want to be told of: all, or this one, if it has."""

    answer_type = tuple[LowAccount, ...]

    account: str = ""


class HotlineNow(msgspec.Struct, frozen=True):
    """A caller number, and how often it was used in its last 24 hours; `daily_cap` 0 is no cap."""

    number: str
    active: bool
    daily_cap: int
    used: int

    @property
    def full(self) -> bool:
        return 0 < self.daily_cap <= self.used


class PoolNow(msgspec.Struct, frozen=True):
    name: str
    active: bool
    hotlines: tuple[HotlineNow, ...]


class ReadHotlines(Request[tuple[PoolNow, ...]], frozen=True, kw_only=True, tag="read_hotlines"):
    """The pools of caller numbers, by name; those that an account's applications call from, or all without one."""

    answer_type = tuple[PoolNow, ...]

    account: str = ""


class CallbackTried(msgspec.Struct, frozen=True, kw_only=True):
    """How one try went: `problem` is empty when the receiver took it. `host` was asked as the API `dialect` has it,
    and answered with `status` after `took_ms`, 0 when it did not; `said` is how its answer begins.
    """

    dialect: str
    host: str = ""
    status: int = 0
    took_ms: int = 0
    problem: str = ""
    said: str = ""


class CallbackAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where an application is told of its messages, or with "" the account: at this host. `gone_at` is when it answered
    410 (Unix ms), since when it is told of no events; 0 while it listens.
    """

    application: str
    host: str
    gone_at: int = 0


class ReadAddresses(Request[tuple[CallbackAddress, ...]], frozen=True, kw_only=True, tag="read_addresses"):
    """The callback addresses of an account and of its applications: those that have one of their own."""

    answer_type = tuple[CallbackAddress, ...]

    account: str


class PutAddressOnline(Request[bool], frozen=True, kw_only=True, tag="put_address_online"):
    """Tell the own callback address of an application, or of the account, of events again; whether it was off."""

    answer_type = bool

    account: str
    application: str = ""


class TryCallback(Request[CallbackTried], frozen=True, kw_only=True, tag="try_callback"):
    """Tell an account, or an application of it, of a message that never was, once."""

    answer_type = CallbackTried

    account: str
    application: str = ""
