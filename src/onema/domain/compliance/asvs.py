"""OWASP ASVS 5.0.0, level 2: out-of-band codes, and the console's own logins."""

from collections.abc import Iterator

from onema.domain.compliance import code_checks
from onema.domain.compliance.check import Check, Fault, Profile, Source
from onema.domain.compliance.snapshot import Snapshot

_ASVS = Source(
    "OWASP ASVS 5.0.0", "", "https://github.com/OWASP/ASVS/blob/v5.0.0/5.0/en/0x15-V6-Authentication.md"
)
_OPERATORS = ("owner", "operator")


def logins_by_password_alone(snapshot: Snapshot) -> Iterator[Fault]:
    """Roles that may change the installation and need no second factor."""
    required = snapshot.settings["console.second_factor"].split(", ")
    missing = [role for role in _OPERATORS if role not in required]
    if missing:
        yield Fault(
            "console.second_factor",
            f"whoever is {' or '.join(missing)} comes in with a password alone",
            'console.second_factor = ["owner", "operator"]',
        )


ASVS = Profile(
    name="asvs-l2",
    title="OWASP ASVS 5.0.0, level 2: V6 Authentication, as far as codes go",
    checks=(
        Check(
            name="no-lock-out",
            asks="Limits are documented, and cannot be used to lock an owner out.",
            source=_ASVS.at("6.1.1"),
            find=code_checks.lock_outs,
        ),
        Check(
            name="anti-automation",
            asks="What the documents say against automated attacks is in force.",
            source=_ASVS.at("6.3.1"),
            find=code_checks.guards_that_only_record,
        ),
        Check(
            name="second-factor",
            asks="Whoever runs the installation logs in with more than a password.",
            source=_ASVS.at("6.3.3"),
            find=logins_by_password_alone,
        ),
        Check(
            name="once",
            asks="A code is usable once.",
            source=_ASVS.at("6.5.1"),
            shown_by="tests/dialects/native/test_verifications.py::test_a_right_code_is_right_once",
        ),
        Check(
            name="hashed",
            asks="A code rests hashed.",
            source=_ASVS.at("6.5.2"),
            shown_by="tests/unit/domain/test_keyring.py::test_a_code_rests_as_the_hmac_of_it_and_its_verification",
        ),
        Check(
            name="random",
            asks="A code comes from a cryptographically secure random source.",
            source=_ASVS.at("6.5.3"),
            find=code_checks.codes_of_senders,
        ),
        Check(
            name="length",
            asks="A code has at least 20 bits: six digits.",
            source=_ASVS.at("6.5.4"),
            find=code_checks.short_codes,
        ),
        Check(
            name="length-of-requests",
            asks="A code has at least 20 bits where the request says its length, too.",
            source=_ASVS.at("6.5.4"),
            whose="integrators whose requests name a length of codes: they ask for six digits or more",
        ),
        Check(
            name="lifetime",
            asks="A code lives 10 minutes at most.",
            source=_ASVS.at("6.5.5"),
            find=code_checks.ten_minutes,
        ),
        Check(
            name="alternatives",
            asks="The number was validated before, something stronger is offered, and the risks are told.",
            source=_ASVS.at("6.6.1"),
            whose="the application: it knows its users' numbers and what else it offers them",
        ),
        Check(
            name="bound",
            asks="A code is bound to the request that it was made for: an earlier one is worth nothing.",
            source=_ASVS.at("6.6.2"),
            shown_by="tests/dialects/test_codes_across_dialects.py::test_a_code_of_one_supersedes_that_of_the_other",
        ),
        Check(
            name="throttled",
            asks="Codes are protected against brute force by rate limits.",
            source=_ASVS.at("6.6.3"),
            find=code_checks.unlimited_phones,
        ),
        Check(
            name="encrypted",
            asks="Clients reach the server over TLS.",
            source=Source(
                "OWASP ASVS 5.0.0",
                "12.2.1",
                "https://github.com/OWASP/ASVS/blob/v5.0.0/5.0/en/0x21-V12-Secure-Communication.md",
            ),
            find=code_checks.clear_text_listeners,
        ),
    ),
)
