"""NIST SP 800-63B-4, out-of-band authenticators over the telephone network."""

from collections.abc import Iterator

from onema.domain.compliance import code_checks
from onema.domain.compliance.check import Check, Fault, Profile, Source
from onema.domain.compliance.snapshot import Snapshot
from onema.domain.configuration.problems import place_of

_NIST = Source(
    "NIST SP 800-63B-4 (August 2025)",
    "",
    "https://pages.nist.gov/800-63-4/sp800-63b.html",
    "the primary text was not read for this table: section numbers are those that catalogues cite",
)


def numbers_on_the_internet(snapshot: Snapshot) -> Iterator[Fault]:
    """Accounts that may send to numbers which belong to no device."""
    for account in snapshot.accounts():
        if "voip" in account.destinations:
            yield Fault(
                f"{place_of(account)}.destinations",
                "it may send codes to VoIP numbers, which are bound to no physical device",
                'take "voip" out of destinations',
            )


NIST = Profile(
    name="nist",
    title="NIST SP 800-63B-4: codes over the telephone network",
    checks=(
        Check(
            name="length",
            asks="A code has at least 20 bits: six digits.",
            source=_NIST.at("Sec. 3.1.3.2"),
            find=code_checks.short_codes,
        ),
        Check(
            name="length-of-requests",
            asks="A code has at least 20 bits where the request says its length, too.",
            source=_NIST.at("Sec. 3.1.3.2"),
            whose="integrators whose requests name a length of codes: they ask for six digits or more",
        ),
        Check(
            name="random",
            asks="A code comes from an approved random bit generator.",
            source=_NIST.at("Sec. 3.1.3.2"),
            find=code_checks.codes_of_senders,
        ),
        Check(
            name="lifetime",
            asks="A code is good for 10 minutes at most.",
            source=_NIST.at("Sec. 3.1.3.2"),
            find=code_checks.ten_minutes,
        ),
        Check(
            name="once",
            asks="A code is accepted once.",
            source=_NIST.at("Sec. 3.1.3.2"),
            shown_by="tests/dialects/native/test_verifications.py::test_a_right_code_is_right_once",
        ),
        Check(
            name="tries",
            asks="At most 100 wrong tries in a row, over all codes of a phone.",
            source=_NIST.at("Sec. 3.2.2"),
            shown_by="tests/unit/domain/codes/test_guessing.py::test_a_phone_may_go_on_after_an_hour_and_a_day",
        ),
        Check(
            name="throttled",
            asks="Requests for new codes do not give endless new tries.",
            source=_NIST.at("Sec. 3.2.2"),
            find=code_checks.unlimited_phones,
        ),
        Check(
            name="device",
            asks="A code goes to a number that is bound to a physical device.",
            source=_NIST.at("Sec. 3.1.3.3"),
            find=numbers_on_the_internet,
        ),
        Check(
            name="not-shown-elsewhere",
            asks="A code is shown on the phone alone.",
            source=_NIST.at("Sec. 3.1.3.1"),
            find=code_checks.readable_codes,
        ),
        Check(
            name="number-changed",
            asks="Signs that a number changed hands are looked at: a new SIM, a port, a new device.",
            source=_NIST.at("Sec. 3.1.3.3"),
            whose="the application: no signal of operators about a SIM reaches onema",
        ),
        Check(
            name="restricted",
            asks="SMS and calls are restricted: an alternative is offered, its risks are told, a plan to leave exists.",
            source=_NIST.at("Sec. 3.2.9"),
            whose="the application: it offers something else, and tells its users why",
        ),
    ),
)
