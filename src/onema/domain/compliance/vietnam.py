"""Vietnam: personal data, codes of banks, and names of senders."""

from collections.abc import Iterator

from onema.domain.compliance import code_checks
from onema.domain.compliance.check import Check, Fault, Profile, Source
from onema.domain.compliance.sender_checks import NameRule, unregistered
from onema.domain.compliance.snapshot import Snapshot, has_a_code
from onema.domain.configuration.message_template import MessageTemplate
from onema.domain.configuration.problems import place_of

_LAW = Source(
    "Law 91/2025/QH15 on Personal Data Protection, in force 2026-01-01",
    "",
    "https://thuviennhadat.vn/vbpl/luat-bao-ve-du-lieu-ca-nhan-2025-so-91-2025-qh15-625628.html",
)
_ERASURE = Source(
    _LAW.name,
    "Art. 14(1)",
    "https://nghean24h.vn/tu-01012026-ca-nhan-duoc-quyen-yeu-cau-xoa-chinh-sua-du-lieu-ca-nhan-a759683.html",
    "the article is cited from a newspaper",
)
_DECREE = Source(
    "Decree 356/2025/ND-CP, in force 2026-01-01",
    "rights of data subjects",
    "https://www.frasersvn.com/vi/legal-updates-and-publications/"
    "the-next-chapter-in-data-protection-new-decree-guiding-the-personal-data-protection-law",
    "read in a law firm's summary, which names no article",
)
_BANKS = Source(
    "Circular 50/2024/TT-NHNN of the State Bank, in force 2025-01-01",
    "Art. 11(3)",
    "https://thuonghieucongluan.com.vn/xac-nhan-bang-otp-trong-giao-dich-online-banking-a245133.html",
    "the article is cited from a magazine",
)
_SENDERS = Source(
    "Decree 91/2020/ND-CP against spam",
    "Art. 23",
    "http://vbot.vn/vbot/dinh-danh-doanh-nghiep",
    "it speaks of advertising, and networks ask the same of every sender; nothing newer was found",
)
NEEDED_DAYS = 365
"""The law names no number of days; it asks that data go when their purpose is done. A code's is done within minutes,
and what a year's accounts need stays in the ledger, which has no numbers of people.
"""
SMS_SECONDS = 300


def kept_longer_than_needed(snapshot: Snapshot) -> Iterator[Fault]:
    return code_checks.long_retention(snapshot, NEEDED_DAYS)


def long_sms_codes_of_banks(snapshot: Snapshot) -> Iterator[Fault]:
    return code_checks.long_lives(snapshot, SMS_SECONDS, payments_to="VN")


def texts_without_a_purpose(snapshot: Snapshot) -> Iterator[Fault]:
    """Texts with which codes of banks are sent that say nothing of what the code is for."""
    for account in snapshot.accounts_to("VN"):
        if not snapshot.confirms_payments(account):
            continue
        for template in snapshot.templates(account.name):
            words = " ".join(
                piece for piece in MessageTemplate.parse(template.text).pieces if isinstance(piece, str)
            )
            if has_a_code(template) and len(words.split()) < 3:
                yield Fault(
                    place_of(template),
                    "the customer cannot tell from it what the code is for",
                    "words that say what the code confirms",
                )


VIETNAM = Profile(
    name="vn",
    title="Vietnam: personal data (Law 91/2025), codes of banks (Circular 50/2024), names of senders (Decree 91/2020)",
    country="VN",
    checks=(
        Check(
            name="erasure",
            asks="A person's data can be erased when the person asks for it, everywhere.",
            source=_ERASURE,
            shown_by="tests/e2e/test_person.py::test_a_person_is_forgotten_in_every_table",
        ),
        Check(
            name="retention",
            asks="Data go when their purpose is done.",
            source=_ERASURE,
            find=kept_longer_than_needed,
        ),
        Check(
            name="answer",
            asks="A person who asks gets an answer within two working days.",
            source=_DECREE,
            whose="the data controller: it answers, and runs `onema person export` or `erase`",
        ),
        Check(
            name="consent-and-assessment",
            asks="Consent, an impact assessment, and one for data that leave the country.",
            source=_LAW.at("consent, impact and transfer assessments"),
            whose="the data controller; a database, carrier or integrator abroad is such a transfer",
        ),
        Check(
            name="bank-sms-lifetime",
            asks="At banks a code by SMS is good for 5 minutes at most.",
            source=_BANKS,
            find=long_sms_codes_of_banks,
        ),
        Check(
            name="bank-call-lifetime",
            asks="At banks a code by call is good for 3 minutes at most.",
            source=_BANKS,
            whose="the bank's requests: they name a lifetime of at most 180 seconds for calls",
        ),
        Check(
            name="bank-purpose",
            asks="At banks the text says what the code is for.",
            source=_BANKS,
            find=texts_without_a_purpose,
        ),
        Check(
            name="sender-name",
            asks="A sender has at most 11 Latin letters, digits, - _ . and spaces, and not digits alone.",
            source=_SENDERS,
            find=NameRule(
                "VN",
                r"(?![0-9]+\Z)[A-Za-z0-9._ -]{1,11}",
                "up to 11 letters, digits, - _ . and spaces, not digits alone",
            ).find,
        ),
        Check(
            name="sender-registered",
            asks="A sender is registered, for three years, and at the networks.",
            source=_SENDERS,
            find=unregistered("VN"),
        ),
    ),
)
