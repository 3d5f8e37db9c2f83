"""What may be configured of a carrier of the type `sip`: one trunk."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, NamedTuple

import msgspec
import phonenumbers
from msgspec import Meta

from onema.channels.tls import TlsRefused, context_of
from onema.channels.voice_sip import srtp
from onema.channels.voice_sip.outcomes import StatusRule, status_problems
from onema.channels.voice_sip.placeholders import problem_in, problem_in_name, problem_in_user
from onema.channels.voice_sip.presets import PresetName, with_preset
from onema.domain.configuration.carrier_settings import CarrierSettings, settings_of
from onema.domain.configuration.documents import Application, Carrier
from onema.domain.configuration.problems import Problem, shown
from onema.secret import Secret

MOST_PROXIES, MOST_HEADERS, MOST_STATUSES = 16, 32, 200
PORT, TLS_PORT = 5060, 5061
"""RFC 3261 §19.1.2."""
RING_SECONDS = 45.0
TRANSACTION_SECONDS = 32.0
"""Timers B and F: 64 times T1 (RFC 3261 §17.1.1.2, §17.1.2.2)."""
LEAST_SESSION_SECONDS = 90
"""RFC 4028 §4."""

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]{1,253})(?::([0-9]{1,5}))?")
_PORTS = re.compile(r"([0-9]{1,5})-([0-9]{1,5})")
_DIGITS = re.compile(r"[0-9*#]*")
_NUMBER = re.compile(r"(\+?[0-9]{3,15})?")

Transport = Literal["udp", "tcp", "tls"]
NumberForm = Literal["+e164", "e164", "00", "national"]
Identity = Literal["P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID", "Diversion"]
Codec = Literal["PCMU", "PCMA"]


class ExtraHeader(CarrierSettings, frozen=True, kw_only=True):
    name: Annotated[str, Meta(min_length=1, max_length=64, description="A header of every INVITE.")]
    value: Annotated[
        str,
        Meta(
            max_length=512,
            description="Its value, in which {caller}, {called}, {account}, {message} and {attempt} are filled in.",
        ),
    ]


class Settings(CarrierSettings, frozen=True, kw_only=True):
    preset: Annotated[
        PresetName, Meta(description="Defaults for a trunk that is known; what is written here counts more.")
    ] = ""
    domain: Annotated[
        str,
        Meta(
            max_length=260,
            description="The trunk's, as `host` or `host:port`: what calls and registrations are addressed to. Needed "
            "where the preset has none.",
        ),
    ] = ""
    proxies: Annotated[
        tuple[str, ...],
        Meta(
            max_length=MOST_PROXIES,
            description="Where requests are sent instead of to the domain, as `host` or `host:port`: the next one when "
            "one does not answer. A name without a port is looked up by SRV first.",
        ),
    ] = ()
    transport: Annotated[Transport, Meta(description="How SIP is carried.")] = "udp"
    tls_ca_file: Annotated[
        str, Meta(description="PEM file of the authorities to trust instead of the usual ones.")
    ] = ""
    tls_certificate_file: Annotated[
        str, Meta(description="PEM file of our own certificate, and those above it.")
    ] = ""
    tls_key_file: Annotated[str, Meta(description="PEM file of its key, where that is another one.")] = ""
    tls_server_name: Annotated[
        str, Meta(max_length=253, description="The name in the trunk's certificate, where it is no domain's.")
    ] = ""
    register: Annotated[
        bool,
        Meta(description="Whether to register, where the trunk does not know us by our address."),
    ] = False
    registrar: Annotated[
        str, Meta(max_length=260, description="The domain to register with, where it is not `domain`.")
    ] = ""
    register_seconds: Annotated[
        int, Meta(ge=60, le=86_400, description="How long a registration is asked for.")
    ] = 600
    auth_user: Annotated[
        str, Meta(max_length=128, description="The user name of the digest; empty: challenges are not met.")
    ] = ""
    password: Annotated[Secret, Meta(description="Its password.")] = Secret()
    realm: Annotated[
        str,
        Meta(max_length=128, description="The only realm that may ask for it; empty: whoever we call may."),
    ] = ""
    from_user: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=128,
            description="User of From: {caller} is the hotline, {auth_user} the trunk's name for us; or a text.",
        ),
    ] = "{caller}"
    from_domain: Annotated[
        str, Meta(max_length=260, description="Domain of From, where it is not `domain`.")
    ] = ""
    from_name: Annotated[
        str, Meta(max_length=128, description="Display name of From, with the same placeholders.")
    ] = ""
    to_user: Annotated[
        str, Meta(min_length=1, max_length=128, description="User of To: {called} is the phone called.")
    ] = "{called}"
    to_domain: Annotated[str, Meta(max_length=260, description="Domain of To, where it is not `domain`.")] = (
        ""
    )
    user_phone: Annotated[
        bool, Meta(description="Whether addresses that are numbers say `;user=phone` (RFC 3261 §19.1.1).")
    ] = False
    identity: Annotated[
        tuple[Identity, ...],
        Meta(max_length=4, description="Headers that name the caller besides From; none, one or several."),
    ] = ()
    identity_user: Annotated[
        str, Meta(min_length=1, max_length=128, description="The user in these headers.")
    ] = "{caller}"
    identity_domain: Annotated[
        str, Meta(max_length=260, description="The domain in these headers, where it is not `domain`.")
    ] = ""
    privacy: Annotated[
        bool,
        Meta(description="Whether the caller's number is kept from the phone (`Privacy: id`, RFC 3323)."),
    ] = False
    called_form: Annotated[
        NumberForm,
        Meta(
            description="How the number called is written: +84901888484, 84901888484, 0084901888484, or 0901888484 in "
            "the home country and with international_prefix elsewhere."
        ),
    ] = "+e164"
    called_prefix: Annotated[
        str, Meta(max_length=16, description="Digits before it: the tech prefix that tells our calls.")
    ] = ""
    caller_form: Annotated[NumberForm, Meta(description="How the caller's number is written.")] = "+e164"
    home: Annotated[str, Meta(max_length=2, description="The country of the national form, such as VN.")] = ""
    international_prefix: Annotated[
        str, Meta(max_length=8, description="What stands before country codes in the forms 00 and national.")
    ] = "00"
    caller: Annotated[
        str, Meta(max_length=32, description="The caller of calls whose application has no hotline.")
    ] = ""
    caller_required: Annotated[
        bool, Meta(description="Whether a call without any caller's number fails instead of being anonymous.")
    ] = True
    headers: Annotated[
        tuple[ExtraHeader, ...], Meta(max_length=MOST_HEADERS, description="More headers of every INVITE.")
    ] = ()
    codecs: Annotated[
        tuple[Codec, ...], Meta(min_length=1, max_length=2, description="What is offered, the best first.")
    ] = ("PCMU", "PCMA")
    telephone_events: Annotated[
        bool, Meta(description="Whether keys are offered to be heard as RFC 4733's telephone-event.")
    ] = True
    srtp: Annotated[
        bool,
        Meta(
            description="Whether audio is encrypted (SDES, RFC 4568), or there is no call. The keys stand in the "
            "signalling, which wants transport = tls; pylibsrtp must be installed."
        ),
    ] = False
    early_media: Annotated[
        Literal["ignored", "played"],
        Meta(
            description="played: from a 183 with SDP on silence is sent there, as some networks want; the message "
            "begins with the answer in any case."
        ),
    ] = "ignored"
    ring_seconds: Annotated[
        float, Meta(ge=1, le=300, description="How long it may take to be answered; then it is cancelled.")
    ] = RING_SECONDS
    answer_seconds: Annotated[
        float,
        Meta(
            ge=0.5,
            le=TRANSACTION_SECONDS,
            description="How long a proxy may say nothing at all to an INVITE; then the next one is tried.",
        ),
    ] = TRANSACTION_SECONDS
    session_seconds: Annotated[
        int, Meta(ge=0, le=86_400, description="Session-Expires of calls (RFC 4028); 0: none is asked for.")
    ] = 1_800
    options_seconds: Annotated[
        int,
        Meta(
            ge=0,
            le=3_600,
            description="How often an idle trunk is asked with OPTIONS, so that a dead one is known; 0: never.",
        ),
    ] = 30
    bind_address: Annotated[
        str, Meta(description="The local IP address to send from; empty: the system picks it.")
    ] = ""
    bind_port: Annotated[
        int, Meta(ge=0, le=65_535, description="The local port of SIP over UDP; 0: any that is free.")
    ] = 0
    public_address: Annotated[
        str, Meta(description="The IP address that others see us by behind a NAT: for Contact and SDP.")
    ] = ""
    rtp_ports: Annotated[
        str, Meta(description="Local ports of audio, as `20000-29999`; empty: any that are free.")
    ] = ""
    own_port: Annotated[
        bool,
        Meta(description="Whether each call has an RTP port of its own, where the far end mixes calls up."),
    ] = False
    start_key: Annotated[
        str,
        Meta(max_length=1, description="A key that must be pressed before the code is said; empty: none."),
    ] = ""
    start_key_seconds: Annotated[
        float, Meta(ge=1, le=60, description="How long that key is waited for; then the call is hung up.")
    ] = 15.0
    repeat_key: Annotated[
        str, Meta(max_length=1, description="The key that says the message once more; empty: none.")
    ] = "1"
    statuses: Annotated[
        tuple[StatusRule, ...],
        Meta(
            max_length=MOST_STATUSES, description="What answers mean, where this trunk means something else."
        ),
    ] = ()
    probe_number: Annotated[
        str, Meta(max_length=32, description="A number of our own that ends at a `callee`, to try the trunk.")
    ] = ""
    probe_listen: Annotated[
        str, Meta(max_length=260, description="The local host:port where the call to it is answered.")
    ] = ""
    probe_minutes: Annotated[
        int, Meta(ge=0, le=10_080, description="How often it is called by itself; 0: never.")
    ] = 0
    probe_account: Annotated[
        str, Meta(max_length=64, description="Whose messages these calls are; empty: the only account's.")
    ] = ""

    @property
    def tls(self) -> bool:
        return self.transport == "tls"


class Where(NamedTuple):
    """A place to send requests to; without a port it is looked up (RFC 3263 §4)."""

    host: str
    port: int | None


def where(written: str) -> Where:
    """Raises ValueError for what is no host or host:port."""
    found = _HOST.fullmatch(written)
    if found is None or (found[2] and not 0 < int(found[2]) < 65_536):
        raise ValueError(f"{shown(written)} is no host or host:port")
    host = found[1].strip("[]")
    if found[1] != host:
        ipaddress.IPv6Address(host)
    return Where(host, int(found[2]) if found[2] else None)


def places(settings: Settings) -> tuple[Where, ...]:
    """Where requests of a trunk go, the first one first."""
    return tuple(where(written) for written in settings.proxies or (settings.domain,))


def ports_of(written: str) -> range | None:
    """The ports of `rtp_ports`; None for any. Raises ValueError."""
    if not written:
        return None
    found = _PORTS.fullmatch(written)
    if found is None or not 1_024 <= int(found[1]) < int(found[2]) < 65_536:
        raise ValueError("it is two ports of 1024 to 65535, the lower one first, as in 20000-29999")
    return range(int(found[1]), int(found[2]) + 1)


def trunk_settings(carrier: Carrier) -> Settings:
    """The settings of a carrier that has no problems, over those of its preset. Raises ValueError for any other."""
    return settings_of(
        Settings, msgspec.structs.replace(carrier, settings=dict(with_preset(carrier.settings)))
    )


def problems_of(carrier: Carrier) -> Iterator[Problem]:
    settings = trunk_settings(carrier)
    found: list[Problem] = []
    if not settings.domain:
        found.append(Problem("domain", "it is needed: this trunk has none by itself"))
    found += _host_problems(settings)
    found += _number_problems(settings)
    found += _text_problems(settings)
    found += status_problems(settings.statuses)
    for name in ("auth_user", "realm"):
        if not getattr(settings, name).isprintable():
            found.append(Problem(name, "it has characters that are not printable"))
    if not settings.password.reveal().isprintable():
        found.append(Problem("password", "it has characters that are not printable"))
    if settings.password and not settings.auth_user:
        found.append(Problem("auth_user", "a password needs its user"))
    if settings.register and not settings.auth_user:
        found.append(Problem("auth_user", "it is needed to register"))
    if settings.transport != "tls":
        for name in ("tls_ca_file", "tls_certificate_file", "tls_key_file", "tls_server_name"):
            if getattr(settings, name):
                found.append(Problem(name, "it needs transport = tls"))
    if settings.tls_key_file and not settings.tls_certificate_file:
        found.append(Problem("tls_certificate_file", "a key needs its certificate"))
    for name in ("identity", "codecs"):
        named = getattr(settings, name)
        if len(set(named)) < len(named):
            found.append(Problem(name, "one of them is there twice"))
    if 0 < settings.session_seconds < LEAST_SESSION_SECONDS:
        found.append(Problem("session_seconds", f"it is 0 or at least {LEAST_SESSION_SECONDS}"))
    for name in ("start_key", "repeat_key"):
        if not _DIGITS.fullmatch(getattr(settings, name)):
            found.append(Problem(name, "it is a digit, * or #"))
    if settings.start_key and not settings.telephone_events:
        found.append(Problem("telephone_events", "without them no key is heard"))
    if settings.probe_minutes and not settings.probe_number:
        found.append(Problem("probe_number", "a probe needs a number to call"))
    if settings.probe_minutes and not _has_port(settings.probe_listen):
        found.append(Problem("probe_listen", "a probe needs a host:port where that number ends"))
    yield from (problem.below("settings") for problem in found)


def _has_port(written: str) -> bool:
    try:
        return where(written).port is not None
    except ValueError:
        # What is wrong with it is said elsewhere.
        return bool(written)


def _host_problems(settings: Settings) -> Iterator[Problem]:
    single = ("domain", "registrar", "from_domain", "to_domain", "identity_domain", "probe_listen")
    written: Mapping[str, str] = {
        **{name: getattr(settings, name) for name in single},
        **{f"proxies[{number}]": proxy for number, proxy in enumerate(settings.proxies)},
    }
    for place, host in written.items():
        try:
            if host:
                where(host)
        except ValueError:
            yield Problem(place, f"{shown(host)} is no host or host:port")
    for name in ("bind_address", "public_address"):
        try:
            if address := getattr(settings, name):
                ipaddress.ip_address(address)
        except ValueError:
            yield Problem(name, f"{shown(address)} is no IP address")
    try:
        ports_of(settings.rtp_ports)
    except ValueError as error:
        yield Problem("rtp_ports", str(error))


def _number_problems(settings: Settings) -> Iterator[Problem]:
    for name in ("caller", "probe_number"):
        if not _NUMBER.fullmatch(getattr(settings, name)):
            yield Problem(name, "it is not a number: 3 to 15 digits, perhaps after a +")
    if settings.home and settings.home not in phonenumbers.SUPPORTED_REGIONS:
        yield Problem("home", f"{shown(settings.home)} is no country, such as VN")
    if "national" in (settings.called_form, settings.caller_form) and not settings.home:
        yield Problem("home", "the national form needs it")
    for name in ("called_prefix", "international_prefix"):
        if not _DIGITS.fullmatch(getattr(settings, name)):
            yield Problem(name, "it has other characters than digits, * and #")


def _text_problems(settings: Settings) -> Iterator[Problem]:
    for name in ("from_user", "to_user", "identity_user"):
        if why := problem_in_user(getattr(settings, name)):
            yield Problem(name, why)
    if why := problem_in(settings.from_name):
        yield Problem("from_name", why)
    for number, header in enumerate(settings.headers):
        if why := problem_in_name(header.name):
            yield Problem(f"headers[{number}].name", why)
        if why := problem_in(header.value):
            yield Problem(f"headers[{number}].value", why)


def advice_of(carrier: Carrier, application: Application) -> Iterator[Problem]:
    """Whether the application's calls have a caller's number where the trunk takes none without."""
    settings = trunk_settings(carrier)
    has_caller = application.pool or settings.caller or not settings.caller_required
    if application.voice_code and not has_caller:
        yield Problem(
            "pool",
            f"its calls over {carrier.name} have no caller's number and fail: name a pool, or a `caller` there",
        )


def check(carrier: Carrier) -> Iterator[Problem]:
    """Whether the files of TLS are there and fit, and whether SRTP can be spoken."""
    settings = trunk_settings(carrier)
    if settings.srtp and not srtp.is_installed():
        yield Problem("settings.srtp", "pylibsrtp is not installed: pip install 'onema[srtp]'")
    try:
        context_of(settings)
    except TlsRefused as error:
        yield Problem(f"settings.{error.setting}", str(error))
