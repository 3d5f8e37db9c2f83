"""Australia and Singapore: registries of senders."""

from onema.domain.compliance.check import Check, Profile, Source
from onema.domain.compliance.sender_checks import NameRule, unregistered
from onema.domain.configuration.registration_advice import AUSTRALIAN_SENDER

_ACMA = Source(
    "ACMA: Telecommunications (SMS Sender ID Register) Industry Standard 2025, in force 2026-07-01",
    "3.1.1 validation rules",
    "https://www.acma.gov.au/31-ensure-your-sender-ids-meet-valid-use-case-rules",
)
_AUSTRALIAN = NameRule(
    "AU",
    AUSTRALIAN_SENDER.pattern,
    "2 to 11 ASCII characters, not digits alone, without a space or underscore at its ends, and without 'Unverified'",
)
_SSIR = Source(
    "IMDA: Singapore SMS Sender ID Registry (SSIR), since 2023-01-31",
    "registration",
    "https://www.imda.gov.sg/How-We-Can-Help/Anti-Scam-Measures",
)

AUSTRALIA = Profile(
    name="au",
    title="Australia: the SMS Sender ID Register",
    country="AU",
    checks=(
        Check(
            name="sender-name",
            asks=f"A sender has {_AUSTRALIAN.says}.",
            source=_ACMA,
            find=_AUSTRALIAN.find,
        ),
        Check(
            name="sender-registered",
            asks='A sender is in the register; phones show others as "Unverified".',
            source=_ACMA.at("from 2026-07-01"),
            find=unregistered("AU"),
        ),
        Check(
            name="use-case",
            asks="A sender is a name, trademark or domain of its owner, who has confirmed it.",
            source=_ACMA.at("3.1.2 valid use case"),
            whose="the customer, through a participating provider",
        ),
    ),
)
SINGAPORE = Profile(
    name="sg",
    title="Singapore: the SMS Sender ID Registry",
    country="SG",
    checks=(
        Check(
            name="sender-registered",
            asks='A sender is in the SSIR; others were shown as "Likely-SCAM" at first, and are blocked.',
            source=_SSIR,
            find=unregistered("SG"),
        ),
        Check(
            name="sender-name",
            asks="An alphanumeric sender has at most 11 characters.",
            source=_SSIR,
            find=NameRule("SG", r"(?![0-9]+\Z).{1,11}", "up to 11 characters, not digits alone").find,
        ),
        Check(
            name="aggregator",
            asks="Only aggregators send that take part in the SSIR.",
            source=_SSIR,
            whose="the operator: it asks its carriers for Singapore",
        ),
        Check(
            name="entity",
            asks="The owner of a sender has a Unique Entity Number of Singapore.",
            source=_SSIR,
            whose="the customer",
        ),
    ),
)
