"""Mainland China: signatures, who answers for them, and how often a phone may get a code."""

from collections.abc import Iterator

from onema.domain.compliance.check import Check, Fault, Profile, Source
from onema.domain.compliance.sender_checks import registered_templates, unregistered
from onema.domain.compliance.snapshot import Snapshot
from onema.domain.configuration.guard_rules import ENFORCED
from onema.domain.configuration.guard_view import GuardView
from onema.domain.configuration.problems import place_of
from onema.domain.configuration.registered import SIGNATURE

_REAL_NAME = Source(
    "Real-name rules of the three networks for signatures, as vendors tell them",
    "qualification of a signature's owner",
    "https://help.aliyun.com/zh/sms/user-guide/apply-qualification",
    "vendors' pages; no primary text was read",
)
_FREQUENCY = Source(
    "How often a phone may get a code, as a vendor enforces it",
    "1 a minute, 5 an hour, 10 a day",
    "http://developer.aliyun.com/ask/474934",
    "a vendor's forum; other vendors differ, and its day is the last 24 hours",
)
QUALIFICATION = "qualification_id"
"""The registered fact that names the qualification which a signature was filed with."""
WINDOWS = ((60, 1), (3_600, 5), (86_400, 10))
CODE = "+86"


def unsigned_texts(snapshot: Snapshot) -> Iterator[Fault]:
    for template, facts in registered_templates(snapshot, "CN"):
        if SIGNATURE not in facts:
            yield Fault(
                f"{place_of(template)}.registered",
                "its signature is not said",
                f'registered = {{ {SIGNATURE} = "..." }} of its brandname',
            )


def shared_signatures(snapshot: Snapshot) -> Iterator[Fault]:
    """Signatures without a qualification, or with more than one."""
    owners: dict[str, str] = {}
    for template, facts in registered_templates(snapshot, "CN"):
        signature, qualification = facts.get(SIGNATURE, ""), facts.get(QUALIFICATION, "")
        if not signature:
            continue
        if not qualification:
            yield Fault(
                f"{place_of(template)}.registered",
                f"no qualification is known for its signature {signature!r}",
                f'registered = {{ {QUALIFICATION} = "..." }} of its brandname',
            )
        elif owners.setdefault(signature, qualification) != qualification:
            yield Fault(
                f"{place_of(template)}.registered.{QUALIFICATION}",
                f"its signature {signature!r} has the qualification {owners[signature]!r} elsewhere",
                "one signature, one qualification: register another signature",
            )


def too_often(snapshot: Snapshot) -> Iterator[Fault]:
    """Accounts of which a phone in China may get more codes than vendors pass on."""
    for account in snapshot.accounts_to("CN"):
        own = [(one.seconds, one.limit) for one in account.windows or () if one.per == "phone"]
        for view in snapshot.guards_of(account):
            limits = [*own, *_refusing(view)]
            for seconds, most in WINDOWS:
                if not any(length >= seconds and limit <= most for length, limit in limits):
                    yield Fault(
                        f"guards[{view.document.name}].limits",
                        f"a phone may get more than {most} of {account.name} in {seconds} seconds",
                        f'{{ per = "phone", seconds = {seconds}, limit = {most}, how = "clock", prefix = "{CODE}", '
                        'offset_minutes = 480, mode = "block" }',
                    )


def _refusing(view: GuardView) -> Iterator[tuple[int, int]]:
    """(seconds, limit) of the guard's windows per phone there that refuse."""
    for limit, mode in view.limits:
        counts = limit.per == "phone" and limit.how == "clock" and CODE.startswith(limit.prefix)
        if counts and mode in ENFORCED:
            yield limit.seconds, limit.limit


CHINA = Profile(
    name="cn",
    title="Mainland China: signatures and frequencies",
    country="CN",
    checks=(
        Check(
            name="signed",
            asks="Every text has the registered signature of its sender.",
            source=_REAL_NAME,
            find=unsigned_texts,
        ),
        Check(
            name="one-qualification",
            asks="One signature, one qualification.",
            source=_REAL_NAME,
            find=shared_signatures,
        ),
        Check(
            name="filed",
            asks="A signature is approved at each carrier; for some days after that carriers still refuse it.",
            source=_REAL_NAME,
            find=unregistered("CN", carriers=True),
        ),
        Check(
            name="frequency",
            asks="A phone gets at most 1 code in a minute, 5 in an hour and 10 in a day.",
            source=_FREQUENCY,
            find=too_often,
        ),
        Check(
            name="company",
            asks="The owner of a signature for China is a company of mainland China.",
            source=_REAL_NAME,
            whose="the customer: it files its licence with the carrier",
        ),
    ),
)
