"""The configuration that operators keep: one frozen struct per kind of document.

Documents are what `onema apply` reads, what the CLI writes and what the directory is built from. Names in
one account are scoped by the account's name.
"""

from typing import Any, ClassVar, Literal

import msgspec

from onema.secret import MASK

State = Literal["active", "inactive"]
Approval = Literal["requested", "approved", "refused"]


class Document(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """One configuration document. `identity`, made of `identity_fields`, is unique within its kind.

    `secret_fields` are sealed before they rest in the store. These and `hash_fields` are never shown: printing a
    document says `***` for them, so that no log, message or traceback can hold one.
    """

    identity_fields: ClassVar[tuple[str, ...]] = ("name",)
    secret_fields: ClassVar[tuple[str, ...]] = ()
    hash_fields: ClassVar[tuple[str, ...]] = ()
    unshown_fields: ClassVar[tuple[str, ...]] = ()
    """Both, filled in for each kind."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.unshown_fields = (*cls.secret_fields, *cls.hash_fields)

    @property
    def identity(self) -> str:
        return "/".join(getattr(self, field) for field in self.identity_fields)

    @property
    def kind(self) -> str:
        return str(self.__struct_config__.tag)

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({fields})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        fields = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return [(name, MASK if value and name in self.unshown_fields else value) for name, value in fields]


class WindowLimit(msgspec.Struct, frozen=True, kw_only=True):
    """At most `limit` sends per `seconds`, counted per phone, per account or per client IP.

    A window opens with its first send and lasts `seconds`; the next send after it opens a new one.
    """

    per: Literal["phone", "account", "client_ip"]
    seconds: int
    limit: int


DEFAULT_WINDOWS = (
    WindowLimit(per="phone", seconds=600, limit=5),
    WindowLimit(per="phone", seconds=86_400, limit=15),
    WindowLimit(per="client_ip", seconds=60, limit=3_000),
    WindowLimit(per="account", seconds=60, limit=6_000),
)
"""What an account gets that names no windows of its own (docs/limits.md gives the reasons)."""


class Account(Document, frozen=True, kw_only=True, tag="account"):
    """A customer. Amounts are decimal strings of `currency`.

    `countries` are ISO regions that may be sent to, "*" for all; empty means the region of its national
    numbers. `destinations` are types of numbers that it may send to besides those which a channel reaches for
    everyone (domain/values/destinations.py). `country` is where national numbers belong, empty for the dialect's own.
    `fixed_number` is what any text comes from that names no brandname; without one the account may send none.
    `resends` is how often each of its codes may be sent again, and paid for again, when nothing is heard of it.
    `sandbox_numbers` are phones in E.164 and their fixed codes, for its sandbox applications alone. `safe_numbers` are
    numbers and blocks of a thousand (+84901234xxx) that no rule of the guard looks at, as the customer says. Once the
    balance is under `low_balance`, it is told of (money/low_balance.py); None: never.
    `keep_days` is after how many days its messages go, 0 with those of all others.
    `wallet` prepaid stops at `floor`; postpaid has none unless `credit_limit` says so. `registered` are facts, here
    and in other documents (registered.py). Nothing is decided here for an account that is `moving_to` another cell, or
    has `moved_to` it (move_account.py).
    """

    name: str
    number: int = 0
    moving_to: str = ""
    moved_to: str = ""
    state: State = "active"
    country: str = ""
    countries: tuple[str, ...] = ()
    fixed_number: str = ""
    destinations: tuple[str, ...] = ()
    allowed_ips: tuple[str, ...] = ()
    windows: tuple[WindowLimit, ...] | None = None
    tariff: str = "default"
    wallet: Literal["prepaid", "postpaid"] = "prepaid"
    currency: str = "VND"
    floor: str = "0"
    credit_limit: str | None = None
    wallet_expires_at: str = ""
    low_balance: str | None = None
    capture_on: Literal["submitted", "delivered"] = "submitted"
    callback_url: str = ""
    resends: int = 0
    keep_days: int = 0
    sandbox_numbers: dict[str, str] = {}
    safe_numbers: tuple[str, ...] = ()
    registered: dict[str, str] = {}


Scope = Literal["verify", "read", "admin"]
USUAL_SCOPES: tuple[Scope, ...] = ("verify", "read")


class Credential(Document, frozen=True, kw_only=True, tag="credential"):
    """What a client of one dialect shows: a public key and a secret. Two per account (or application) may live.

    `scopes` are what onema's own API lets it do: send and check codes, read, and administer the account; without any
    all but the last.
    """

    identity_fields = ("dialect", "key")
    secret_fields = ("secret",)

    account: str
    dialect: str
    key: str
    secret: str
    application: str = ""
    state: State = "active"
    scopes: tuple[Scope, ...] = ()


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """At most `limit` sends per `seconds` that give one value. `number` is for APIs that name it."""

    seconds: int
    limit: int
    number: int = 0


class NamedLimit(msgspec.Struct, frozen=True, kw_only=True):
    """A limit that requests name, and give the value for which they are counted: a session, an address. `number` is for
    APIs that name it so.
    """

    name: str
    description: str = ""
    number: int = 0
    buckets: tuple[Bucket, ...] = ()


class Application(Document, frozen=True, kw_only=True, tag="application"):
    """What an account registers to send from. `appid` is its public number where a dialect asks for one.

    A call that ends as `recall_after` names (delivery/recall.py) is placed again `recall_delay` seconds later, up to
    `recall_times`, as long as its code is of use. `call_state_url` is where APIs that tell states of calls tell them;
    empty: where their ends are told.

    Where an API makes codes for an application by name, they have `code_length` characters and are sent as the named
    `template`; with `own_codes` the sender may give them. `title` is what people call it, `limits` are what its
    requests may name.
    """

    identity_fields = ("account", "name")

    account: str
    name: str
    appid: str = ""
    environment: Literal["production", "sandbox"] = "production"
    state: State = "active"
    voice_code: bool = True
    allowed_ips: tuple[str, ...] = ()
    callback_url: str = ""
    call_state_url: str = ""
    voice: str = ""
    sentence: str | None = None
    pool: str = ""
    recall_after: tuple[Literal["busy", "no_answer", "failed", "voicemail"], ...] = ()
    recall_times: int = 1
    recall_delay: int = 60
    registered: dict[str, str] = {}
    title: str = ""
    code_length: int = 6
    template: str = ""
    own_codes: bool = False
    limits: tuple[NamedLimit, ...] = ()


SIGNED = ("+86",)
"""To numbers with these prefixes texts go with a signature, where nobody says otherwise."""


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """How far a brandname is in a country: at one carrier, or at all that have no registration of their own."""

    country: str
    carrier: str = ""
    status: Literal["pending", "filed", "approved", "refused"]
    expires_at: str = ""


class Brandname(Document, frozen=True, kw_only=True, tag="brandname"):
    """An alphanumeric SMS sender of an account, at most 11 characters. One that was asked for is inactive until an
    operator approves it, or says why not. Where it has a registration that is not
    approved, or has expired, it is not sent. `sign_at` is where its signature stands in texts to prefixes of `sign_to`.
    """

    identity_fields = ("account", "name")

    account: str
    name: str
    state: State = "active"
    expires_at: str = ""
    registered: dict[str, str] = {}
    registrations: tuple[Registration, ...] = ()
    sign_at: Literal["start", "end"] = "start"
    sign_to: tuple[str, ...] = SIGNED
    approval: Approval = "approved"
    refused_because: str = ""


class Template(Document, frozen=True, kw_only=True, tag="template"):
    """Text allowed for a brandname, with placeholders. `fold` sends Vietnamese accents as plain letters. `name` is for
    APIs that ask for a text by one, and its own in the account. One that is `spoken` may be read out on the phone, too.
    `locale` is its language, for APIs that choose a text by one.
    It is approved as a brandname is.
    """

    identity_fields = ("account", "brandname", "text")

    account: str
    brandname: str
    text: str
    name: str = ""
    fold: bool = True
    spoken: bool = False
    locale: str = ""
    state: State = "active"
    registered: dict[str, str] = {}
    approval: Approval = "approved"
    refused_because: str = ""


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """The price of one segment (sms), or of each started period of `period` seconds (call), for a prefix."""

    channel: Literal["sms", "call"]
    price: str
    prefix: str = "+"
    period: int = 60


class Tariff(Document, frozen=True, kw_only=True, tag="tariff"):
    name: str
    rates: tuple[Rate, ...] = ()


class HotlinePool(Document, frozen=True, kw_only=True, tag="hotline_pool"):
    name: str
    state: State = "active"


class Hotline(Document, frozen=True, kw_only=True, tag="hotline"):
    """A caller number. `daily_cap` is how many calls it may place in 24 hours, counted from the first; 0 for
    no cap."""

    identity_fields = ("pool", "number")

    pool: str
    number: str
    state: State = "active"
    daily_cap: int = 0


class Carrier(Document, frozen=True, kw_only=True, tag="carrier"):
    """A configured way out. `type` names a folder of channels, which says what `settings` it has (carrier_settings.py).
    They are sealed as a whole: which of them are secret is known only where the type is.

    One that is `draining` takes no new messages, and runs on for what is under way and for its receipts.
    `breaker_closed` counts how often an operator has said that it works again; it never falls.

    `capacity` is the total that all processes together may use at once, in what the type counts: binds, calls. Each
    process gets a share. `per_second` is how many segments of SMS, or calls, all may start; it is shared out with the
    capacity. 0: no total.
    `own_codes` must be said of a type that makes and checks codes itself: what it sends are its own words, and no code
    that was given. `needs` are facts without which it takes no message (needs.py), besides those that its settings ask
    for.
    """

    secret_fields = ("settings",)

    name: str
    type: str
    state: State = "active"
    draining: bool = False
    breaker_closed: int = 0
    capacity: int = 0
    per_second: int = 0
    own_codes: bool = False
    settings: dict[str, Any] = {}
    registered: dict[str, str] = {}
    needs: tuple[str, ...] = ()


class Route(Document, frozen=True, kw_only=True, tag="route"):
    """Sends one channel's messages for a prefix to a carrier: longest prefix first, then lowest priority. Among routes
    of one prefix and priority each comes first for its share of the messages, which its `weight` is of the sum of
    theirs; 0 comes after the others.

    A code that went this way without a receipt (or a right check) within `resend_after` seconds is sent once more, by
    the next carrier, where its account has `resends` left; 0: never.

    Where all routes of a prefix and priority go `by_result`, not their weights decide but what the carriers made of
    codes lately; `cost_per_mille` is what a message by this one costs, in thousandths of what a verified code is worth.
    """

    identity_fields = ("channel", "prefix", "carrier")

    channel: Literal["sms", "call"]
    carrier: str
    prefix: str = "+"
    priority: int = 0
    weight: int = 1
    resend_after: int = 0
    resend_without: Literal["receipt", "check"] = "receipt"
    by_result: bool = False
    cost_per_mille: int = 0


UserRole = Literal["owner", "operator", "viewer", "admin", "developer"]
"""`admin` and `developer` are of one account, `viewer` of one or of all, `owner` and `operator` of all."""


class User(Document, frozen=True, kw_only=True, tag="user"):
    """Someone who may log in to the console. `password_hash` is argon2id.

    `logouts` counts what ended all sessions in versions before sessions had rows; the server keeps it.
    Whoever is of an account (`customer_of`) sees nothing else.
    """

    hash_fields = ("password_hash",)

    name: str
    password_hash: str
    role: UserRole = "owner"
    customer_of: str = ""
    state: State = "active"
    logouts: int = 0


OperatorScope = Literal["accounts", "documents", "keys", "money", "people"]


class OperatorKey(Document, frozen=True, kw_only=True, tag="operator_key"):
    """What a program of the operators shows at onema's own API, which then lets it do what a user of this role may.

    `secret_hash` is SHA-256 and says so: nobody tries out secrets of 24 random bytes. `scopes` are the parts of the API
    that it is for; without any all of them.
    """

    hash_fields = ("secret_hash",)

    name: str
    secret_hash: str
    role: Literal["owner", "operator", "viewer"] = "operator"
    scopes: tuple[OperatorScope, ...] = ()
    state: State = "active"


GuardMode = Literal["off", "record", "challenge", "block"]


class GuardLimit(msgspec.Struct, frozen=True, kw_only=True):
    """At most `limit` messages per `seconds` to numbers that begin with `prefix`, counted per subject: `phone-2` is a
    number without its last 2 digits, `network` the client's /24 (IPv6: /48).

    A `bucket` of `limit` leaks evenly; a window of the `clock` begins with the minute, hour or day, on a clock that is
    `offset_minutes` ahead of UTC. Without `mode` the guard's own counts.
    """

    per: Literal[
        "phone",
        "phone-2",
        "phone-3",
        "phone-4",
        "country",
        "client_ip",
        "network",
        "device",
        "application",
        "account",
    ]
    seconds: int
    limit: int
    how: Literal["bucket", "clock"] = "bucket"
    prefix: str = "+"
    offset_minutes: int = 0
    mode: Literal["", "off", "record", "challenge", "block"] = ""


class CountryBudget(msgspec.Struct, frozen=True, kw_only=True):
    """How many codes for a country may be on their way, or lost, that nobody has typed in: at least so many an hour and
    a day.
    """

    country: str
    hour: int
    day: int


class Guard(Document, frozen=True, kw_only=True, tag="guard"):
    """What the guard of the whole installation ("*"), of an account, or of an ACCOUNT/APPLICATION does. The one with
    the longest name holds, as a whole.

    `mode` is what follows when a rule finds something, and `rules` says otherwise for some (guard_rules.Rule).
    `allow` names what no rule looks at: numbers, blocks of a thousand (+84901234xxx), networks, countries. `countries`
    are those that may be sent to, and `price_ceiling` is what a message may cost, in the account's currency; empty:
    all. Numbers that a person's code has verified within `known_days` have a purse of their own, of `known_hour` and
    `known_day` messages.

    A country's budget of unverified codes is its `budgets` entry, or `country_day` and `country_hour`; and at least
    `country_share` percent of the codes that were verified there on the best of the last 14 days. `address_day`,
    `address_hour` and `address_share` say the same per address, `address_countries` how many countries one network may
    ask for.

    `call_seconds` is the longest that a call with a code may take, `call_spend` what calls to one prefix may cost in a
    day; 0 and empty: no cap.

    A challenge is a proof of work of `challenge_cost` iterations a try; or, where `captcha_url` verifies tokens of a
    captcha's service with `captcha_secret`, that captcha.
    """

    secret_fields = ("captcha_secret",)

    name: str
    mode: GuardMode = "record"
    rules: dict[str, GuardMode] = {}
    allow: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    price_ceiling: str = ""
    known_days: int = 90
    known_hour: int = 5
    known_day: int = 10
    budgets: tuple[CountryBudget, ...] = ()
    country_day: int = 20
    country_hour: int = 3
    country_share: int = 30
    address_day: int = 10
    address_hour: int = 5
    address_share: int = 20
    address_countries: int = 3
    call_seconds: int = 0
    call_spend: str = ""
    limits: tuple[GuardLimit, ...] = ()
    challenge_cost: int = 5_000
    captcha_url: str = ""
    captcha_secret: str = ""


KINDS: tuple[type[Document], ...] = (
    Tariff,
    Account,
    Application,
    Credential,
    Brandname,
    Template,
    HotlinePool,
    Hotline,
    Carrier,
    Route,
    User,
    Guard,
    OperatorKey,
)
"""Every kind, those that others name first."""

AnyDocument = (
    Tariff
    | Account
    | Application
    | Credential
    | Brandname
    | Template
    | HotlinePool
    | Hotline
    | Carrier
    | Route
    | User
    | Guard
    | OperatorKey
)
