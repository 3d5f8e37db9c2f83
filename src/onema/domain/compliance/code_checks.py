"""What several profiles ask of codes: how they are made, how long they live, how often they are tried."""

from collections.abc import Iterator

from onema.domain.compliance.check import Fault
from onema.domain.compliance.snapshot import Snapshot, has_a_code, sends_to
from onema.domain.configuration.guard_rules import ENFORCED, Rule
from onema.domain.configuration.problems import place_of

DIGITS_FOR_20_BITS = 6
"""10**6 codes are 19.9 bits, which both NIST and ASVS take for 20."""


def short_codes(snapshot: Snapshot) -> Iterator[Fault]:
    """Applications, and carriers that make codes themselves, whose codes have less than six digits."""
    enough = DIGITS_FOR_20_BITS
    for account in snapshot.accounts():
        for application in snapshot.applications(account):
            if application.code_length < enough:
                yield Fault(
                    f"{place_of(application)}.code_length",
                    f"its codes have {application.code_length} digits",
                    f"code_length = {enough}",
                )
    for channel in ("sms", "call"):
        for carrier in snapshot.carriers(channel):
            length = carrier.settings.get("code_length", enough)
            if carrier.own_codes and isinstance(length, int) and length < enough:
                yield Fault(
                    f"{place_of(carrier)}.settings.code_length",
                    f"the codes that it makes have {length} digits",
                    f"code_length = {enough}",
                )


def codes_of_senders(snapshot: Snapshot) -> Iterator[Fault]:
    """Applications whose senders may give codes of their own: nobody here knows how these are made."""
    for account in snapshot.accounts():
        for application in snapshot.applications(account):
            if application.own_codes:
                yield Fault(
                    f"{place_of(application)}.own_codes",
                    "its sender may give the code, and nobody here knows how that is drawn",
                    "own_codes = false",
                )


def long_lives(snapshot: Snapshot, seconds: int, *, payments_to: str = "") -> Iterator[Fault]:
    """Accounts that come through a wire API over which a code may live longer; with `payments_to` only those which
    confirm payments there.
    """
    for account in snapshot.accounts():
        if payments_to and not (sends_to(account, payments_to) and snapshot.confirms_payments(account)):
            continue
        names = any(one.name and has_a_code(one) for one in snapshot.templates(account.name))
        for dialect in snapshot.dialects(account):
            life = snapshot.lives.get(dialect)
            longest = max(life.seconds, life.named if names else 0) if life else 0
            if life and longest > seconds:
                yield Fault(
                    place_of(account),
                    f"over {dialect} a code may live {longest} seconds; {seconds} are the most",
                    life.change,
                )


def ten_minutes(snapshot: Snapshot) -> Iterator[Fault]:
    return long_lives(snapshot, 600)


def unlimited_phones(snapshot: Snapshot) -> Iterator[Fault]:
    """Accounts without a window per phone: each new code is five new guesses."""
    for account in snapshot.accounts():
        if account.windows is not None and not any(window.per == "phone" for window in account.windows):
            yield Fault(
                f"{place_of(account)}.windows",
                "none counts per phone: whoever asks for code after code guesses on",
                'windows = [{ per = "phone", seconds = 600, limit = 5 }], or none for the defaults',
            )


def guards_that_only_record(snapshot: Snapshot) -> Iterator[Fault]:
    """Guards that refuse nothing although they find abuse."""
    for view in snapshot.guards():
        name = view.document.name
        lenient = sorted(rule for rule, mode in view.modes.items() if mode not in ENFORCED)
        if lenient:
            of = "every rule" if len(lenient) == len(Rule) else ", ".join(lenient)
            yield Fault(
                f"guards[{name}]", f"it refuses nothing by {of}", f"onema guard set '{name}' --mode block"
            )


def lock_outs(snapshot: Snapshot) -> Iterator[Fault]:
    """Where strangers can spend the limit of a number's owner: known numbers have no purse of their own."""
    for view in snapshot.guards():
        if not view.separates_purses:
            yield Fault(
                f"guards[{view.document.name}].rules.purses",
                "verified numbers share their limit with whoever types them in",
                f"onema guard set '{view.document.name}' --rule purses=block",
            )


def clear_text_listeners(snapshot: Snapshot) -> Iterator[Fault]:
    """A server that speaks plain HTTP to others than a proxy that it names."""
    settings = snapshot.settings
    if settings["listen.tls_certificate"] or settings["listen.trusted_proxies"]:
        return
    yield Fault(
        "listen.tls_certificate",
        f"the server speaks plain HTTP on {settings['listen.host']}, and names no proxy that ends TLS",
        "set listen.tls_certificate and listen.tls_key, or listen.trusted_proxies",
    )


def readable_codes(snapshot: Snapshot) -> Iterator[Fault]:
    """A simulated phone that shows codes of real people."""
    if snapshot.is_on("handset.beside_carriers"):
        yield Fault(
            "handset.beside_carriers",
            "codes may be read on the simulated phone beside real carriers",
            "handset.beside_carriers = false",
        )


def long_retention(snapshot: Snapshot, days: int) -> Iterator[Fault]:
    kept = snapshot.number("retention.days")
    if kept > days:
        yield Fault(
            "retention.days",
            f"messages with their phone numbers are kept {kept} days",
            f"retention.days = {days}, or less",
        )
