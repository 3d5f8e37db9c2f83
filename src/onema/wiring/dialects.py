"""The literal registry of dialects: all that a wire API consists of for the rest of the program."""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from onema.administration.answers import Administrator
from onema.dialects.camara import credentials as camara
from onema.dialects.camara import wire as camara_wire
from onema.dialects.camara.routes import ALIVE_MS as CAMARA_ALIVE_MS
from onema.dialects.camara.routes import CamaraApi
from onema.dialects.camara.sample_requests import CamaraSteps
from onema.dialects.contract import Dialect, SampleRequests, SampleStep, SampleSteps
from onema.dialects.esms import credentials as esms
from onema.dialects.esms import wire as esms_wire
from onema.dialects.esms.routes import EsmsApi
from onema.dialects.esms.sample_requests import EsmsSamples
from onema.dialects.native import credentials as native
from onema.dialects.native import wire as native_wire
from onema.dialects.native.result_tokens import ResultTokens
from onema.dialects.native.routes import NativeApi
from onema.dialects.native.sample_requests import NativeSamples
from onema.dialects.receivers import credentials as receivers
from onema.dialects.receivers import wire as receivers_wire
from onema.dialects.receivers.routes import Receivers
from onema.dialects.receivers.sample_requests import ReceiverSteps
from onema.dialects.twilio_verify import credentials as twilio_verify
from onema.dialects.twilio_verify import wire as twilio_verify_wire
from onema.dialects.twilio_verify.routes import TwilioVerifyApi
from onema.dialects.twilio_verify.sample_requests import TwilioVerifySamples
from onema.dialects.twilio_verify.verifications import ALIVE_MS as TWILIO_ALIVE_MS
from onema.dialects.vbee import credentials as vbee
from onema.dialects.vbee import wire as vbee_wire
from onema.dialects.vbee.routes import VbeeApi
from onema.dialects.vbee.sample_requests import VbeeSamples
from onema.dialects.ytx import credentials as ytx
from onema.dialects.ytx import wire as ytx_wire
from onema.dialects.ytx.routes import YtxApi
from onema.dialects.ytx.sample_requests import YtxSamples
from onema.domain.codes.check_code import Check, CheckCode
from onema.domain.codes.send_text import LONGEST_AHEAD_DAYS
from onema.domain.codes.verification import VENDORS_LIFE_MINUTES
from onema.domain.compliance.snapshot import CodeLife
from onema.domain.configuration import documents as doc
from onema.domain.configuration.problems import Problem, one_of
from onema.domain.ids import LARGEST_ID, MessageId
from onema.engine.challenges import Challenges
from onema.engine.customer_reads import CustomerReads
from onema.engine.gateway import Gateway
from onema.settings import Settings
from onema.storage.contract import Storage

_NUMBER = re.compile(r"[0-9]{1,19}")


def _no_problem(document: doc.Application) -> Iterator[Problem]:
    return iter(())


Checks = Callable[[CheckCode], Awaitable[Check]]
"""Decides checks, also those of codes that a carrier made (delivery/code_checks.py)."""


@dataclass(frozen=True)
class WireApiParts:
    """One dialect's share of what the program does; dialects/contract.py says what each part must do."""

    api: Callable[[Gateway, CustomerReads, Settings, Checks], Dialect]
    problems: Callable[[doc.Credential], Iterator[Problem]]
    """What it refuses of a credential."""
    message_of: Callable[[str], MessageId | None]
    """The message that an id names which its clients were told; None for what is no such id."""
    samples: Callable[[Mapping[str, str]], SampleRequests] | None
    """What a client with these keys sends; None where nothing sends codes. Raises KeyError for one that is missing."""
    advice: Callable[[doc.Application], Iterator[Problem]] = _no_problem
    """What the application of its credential would better have."""
    steps_alone: Callable[[Mapping[str, str]], SampleSteps] | None = None
    """The steps, where there are no samples."""
    life: Callable[[Settings], CodeLife] | None = None
    """How long its codes may live; None where codes are the sender's own, which checks them itself."""

    def steps(self, credentials: Mapping[str, str]) -> Iterator[SampleStep]:
        """What a newcomer with these keys tries. Raises KeyError for one that is missing."""
        made = self.samples or self.steps_alone
        return made(credentials).steps() if made is not None else iter(())


def _esms(gateway: Gateway, reads: CustomerReads, settings: Settings, checks: Checks) -> Dialect:
    options = settings.esms
    return EsmsApi(
        gateway,
        time_alive_max=options.time_alive_max,
        invalid_code=options.invalid_code,
        reads=reads,
        checks=checks,
        fixed_number_texts=options.fixed_number_texts,
        private_targets=settings.callback.private_targets,
        # A message must be there when its time comes.
        longest_ahead_days=min(LONGEST_AHEAD_DAYS, settings.retention.days - 1),
    )


def _ytx(gateway: Gateway, reads: CustomerReads, settings: Settings, checks: Checks) -> Dialect:
    return YtxApi(gateway, environments=settings.ytx.environments, reads=reads)


def _vbee(gateway: Gateway, reads: CustomerReads, settings: Settings, checks: Checks) -> Dialect:
    return VbeeApi(gateway, business_error_status=settings.vbee.business_error_status)


def _native(gateway: Gateway, reads: CustomerReads, settings: Settings, checks: Checks) -> Dialect:
    options = settings.native
    tokens = ResultTokens(
        gateway.result_keys,
        number=options.result_key,
        issuer=options.result_issuer,
        seconds=options.result_seconds,
    )
    return NativeApi(gateway, reads, checks, tokens, options.longest_ttl_minutes * 60)


def _twilio_verify(gateway: Gateway, reads: CustomerReads, settings: Settings, checks: Checks) -> Dialect:
    return TwilioVerifyApi(gateway, reads, checks)


def _camara(gateway: Gateway, reads: CustomerReads, settings: Settings, checks: Checks) -> Dialect:
    return CamaraApi(gateway, reads, checks)


def _receivers(gateway: Gateway, reads: CustomerReads, settings: Settings, checks: Checks) -> Dialect:
    return Receivers(gateway)


_ANOTHER_API = "its lifetime is fixed: take its credentials away, and use another API"


def _life_of_native(settings: Settings) -> CodeLife:
    return CodeLife(
        settings.native.longest_ttl_minutes * 60, change="lower native.longest_ttl_minutes", binds=True
    )


def _life_of_esms(settings: Settings) -> CodeLife:
    return CodeLife(
        settings.esms.time_alive_max * 60,
        named=VENDORS_LIFE_MINUTES * 60,
        change="lower esms.time_alive_max; requests that name a template may say more (TimeAlive up to "
        f"{VENDORS_LIFE_MINUTES}): take the names of templates away, or have them say less",
    )


DIALECTS: Mapping[str, WireApiParts] = {
    "native": WireApiParts(
        _native, native.problems_of, native_wire.message_of, NativeSamples, life=_life_of_native
    ),
    "esms": WireApiParts(_esms, esms.problems_of, esms_wire.message_of, EsmsSamples, life=_life_of_esms),
    "vbee": WireApiParts(_vbee, vbee.problems_of, vbee_wire.message_of, VbeeSamples, vbee.advice),
    "ytx": WireApiParts(_ytx, ytx.problems_of, ytx_wire.message_of, YtxSamples),
    "twilio_verify": WireApiParts(
        _twilio_verify,
        twilio_verify.problems_of,
        twilio_verify_wire.message_of,
        TwilioVerifySamples,
        life=lambda settings: CodeLife(TWILIO_ALIVE_MS // 1000, change=_ANOTHER_API),
    ),
    "camara": WireApiParts(
        _camara,
        camara.problems_of,
        camara_wire.message_of,
        samples=None,
        steps_alone=CamaraSteps,
        life=lambda settings: CodeLife(CAMARA_ALIVE_MS // 1000, change=_ANOTHER_API),
    ),
    "receivers": WireApiParts(
        _receivers,
        receivers.problems_of,
        receivers_wire.message_of,
        samples=None,
        steps_alone=ReceiverSteps,
    ),
}
"""By the name that credentials give as their dialect."""
SAMPLES = {name: parts.samples for name, parts in DIALECTS.items() if parts.samples is not None}
"""What load is made of, of those that send codes."""


def build_dialects(
    gateway: Gateway,
    storage: Storage,
    settings: Settings,
    checks: Checks | None = None,
    administrator: Administrator | None = None,
    challenges: Challenges | None = None,
) -> Sequence[Dialect]:
    """All of them, ready to answer; without `checks` those of codes that were made here only, and without
    `administrator` for codes alone. `challenges` are those of the guard.
    """
    reads = CustomerReads(gateway, storage)
    apis = [parts.api(gateway, reads, settings, checks or gateway.execute) for parts in DIALECTS.values()]
    for api in apis:
        if isinstance(api, NativeApi) and administrator is not None:
            api.administer(administrator)
        if isinstance(api, NativeApi) and challenges is not None:
            api.challenge_by(challenges)
    return apis


def code_lives(settings: Settings) -> Mapping[str, CodeLife]:
    """How long codes may live, by dialect, of those whose codes are checked here."""
    return {name: parts.life(settings) for name, parts in DIALECTS.items() if parts.life is not None}


def problems_of(document: doc.Credential) -> Iterator[Problem]:
    """What the credential's dialect refuses of it."""
    found = DIALECTS.get(document.dialect)
    if found is None:
        return iter((one_of("dialect", "dialect", document.dialect, DIALECTS),))
    return found.problems(document)


def message_of(text: str) -> MessageId:
    """The message that `text` names: its number, or an id that a client of any dialect was told.

    Raises ValueError.
    """
    text = text.strip()
    if _NUMBER.fullmatch(text):
        # What a dialect spells in digits has more of them.
        candidates = [int(text)]
    else:
        candidates = [parts.message_of(text) or 0 for parts in DIALECTS.values()]
    for message in candidates:
        if 0 < message <= LARGEST_ID:
            return MessageId(message)
    raise ValueError("not a message's id")
