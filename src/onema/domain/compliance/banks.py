"""Countries that forbid or restrict codes by SMS at banks: `onema doctor` and `onema apply` warn of payments there."""

from collections.abc import Callable, Iterator

from onema.domain.compliance.check import Fault, Source
from onema.domain.compliance.snapshot import Snapshot
from onema.domain.configuration.advice import Advice
from onema.domain.configuration.problems import Problem, place_of
from onema.domain.configuration.rules import After

CBUAE = Source(
    "Central Bank of the UAE, Notice CBUAE/FCMCP/2025/3057",
    "no codes by SMS or e-mail at banks from 2026-03-31",
    "https://www.descope.com/blog/post/cbuae-notice-3057",
    "vendors' pages and newspapers; the notice itself is not public",
)
BSP = Source(
    "Bangko Sentral ng Pilipinas, Circular 1213 (2025)",
    "authentication that can be intercepted is limited, by 2026-06-30; a code may still prove who has a number",
    "https://www.authsignal.com/blog/articles/bsp-circular-1213-philippine-banks-must-replace-sms-otps-by-june-2026",
    "vendors' pages",
)
RBI = Source(
    "Reserve Bank of India (Authentication mechanisms for digital payment transactions) Directions, 2025",
    "RBI/2025-26/79, in force 2026-04-01",
    "https://www.rbi.org.in/Scripts/NotificationUser.aspx?Id=12898&Mode=0",
    "read in law firms' summaries",
)
_RULES = {
    "AE": (
        CBUAE,
        "banks may not send codes by SMS there since 2026-03-31",
        "confirm in the bank's app, and take AE out of countries",
    ),
    "PH": (
        BSP,
        "since 2026-06-30 banks may not confirm risky payments by a code that can be intercepted",
        "confirm in the bank's app; codes only to prove who has a number",
    ),
    "IN": (
        RBI,
        "since 2026-04-01 a factor must be made for this payment alone",
        "bind each code to amount and payee: a template with {AMOUNT} and {PAYEE}",
    ),
}


def payments_by_code(country: str) -> Callable[[Snapshot], Iterator[Fault]]:
    """Finds accounts that confirm payments by codes to a country, which forbids or restricts that."""
    _, what, change = _RULES[country]

    def find(snapshot: Snapshot) -> Iterator[Fault]:
        for account in snapshot.accounts_to(country):
            if not snapshot.confirms_payments(account):
                continue
            if country == "IN" and snapshot.binds_payments(account):
                continue
            yield Fault(place_of(account), f"its codes confirm payments in {country}: {what}", change)

    return find


def bank_warnings(snapshot: Snapshot) -> Iterator[tuple[Source, Fault]]:
    """All of them, each with where it is said."""
    for country, (source, _, _) in _RULES.items():
        for fault in payments_by_code(country)(snapshot):
            yield source, fault


def bank_advice(documents: After, now: int) -> Advice:
    """The same, as advice about accounts."""
    for source, fault in bank_warnings(Snapshot(documents=documents, settings={}, lives={}, now=now)):
        name = fault.place.removeprefix("accounts[").removesuffix("]")
        yield ("account", name), Problem(fault.place, f"{fault.what} ({source.name}): {fault.change}")
