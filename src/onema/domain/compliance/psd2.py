"""PSD2's technical standards on strong customer authentication, for codes that confirm payments."""

from collections.abc import Iterator

from onema.domain.compliance import code_checks
from onema.domain.compliance.check import Check, Fault, Profile, Source
from onema.domain.compliance.snapshot import Snapshot, is_of_a_payment
from onema.domain.configuration.message_template import is_whole_for_a_payment
from onema.domain.configuration.problems import place_of

_RTS = Source(
    "Commission Delegated Regulation (EU) 2018/389",
    "",
    "https://eur-lex.europa.eu/eli/reg_del/2018/389/2023-09-12",
)


def payments_that_are_not_shown(snapshot: Snapshot) -> Iterator[Fault]:
    """Texts about a payment that hide its amount or its payee, and accounts of payments that have no such text."""
    for account in snapshot.accounts():
        if not snapshot.confirms_payments(account):
            continue
        texts = list(snapshot.templates(account.name))
        for template in texts:
            if is_of_a_payment(template.text) and not is_whole_for_a_payment(template.text):
                yield Fault(
                    place_of(template),
                    "it does not show code, amount and payee, and nothing else to fill in",
                    "a text with {OTP}, {AMOUNT} and {PAYEE}",
                )
        if not any(is_of_a_payment(template.text) for template in texts):
            yield Fault(
                place_of(account),
                "its codes confirm payments, and no template shows one",
                "a template with {OTP}, {AMOUNT} and {PAYEE}, and requests with amount and payee",
            )


def unbound_apis(snapshot: Snapshot) -> Iterator[Fault]:
    """Accounts of payments that come through wire APIs which cannot name an amount and a payee."""
    for account in snapshot.accounts():
        if snapshot.confirms_payments(account):
            for dialect in snapshot.dialects(account):
                life = snapshot.lives.get(dialect)
                if life is None or not life.binds:
                    yield Fault(
                        place_of(account),
                        f"over {dialect} no request can bind a code to an amount and a payee",
                        "send payments through onema's own API (`/v1/verifications` with amount and payee)",
                    )


_BOUND = "tests/dialects/native/test_codes_of_all_kinds.py::test_a_payment_is_shown_and_bound"
PSD2 = Profile(
    name="psd2",
    title="PSD2: strong customer authentication by a code (RTS (EU) 2018/389)",
    checks=(
        Check(
            name="once",
            asks="An authentication code is accepted once.",
            source=_RTS.at("Art. 4(1)"),
            shown_by="tests/dialects/native/test_verifications.py::test_a_right_code_is_right_once",
        ),
        Check(
            name="underivable",
            asks="No code can be derived from another, nor forged.",
            source=_RTS.at("Art. 4(2)"),
            find=code_checks.codes_of_senders,
        ),
        Check(
            name="five-tries",
            asks="At most five wrong tries in a row.",
            source=_RTS.at("Art. 4(3)(b)"),
            shown_by="tests/dialects/native/test_verifications.py::test_five_wrong_codes_are_the_end",
        ),
        Check(
            name="sessions",
            asks="Sessions are protected against whoever listens or changes them.",
            source=_RTS.at("Art. 4(3)(c)"),
            find=code_checks.clear_text_listeners,
        ),
        Check(
            name="amount-and-payee-shown",
            asks="The payer is made aware of the amount and of the payee.",
            source=_RTS.at("Art. 5(1)(a)"),
            find=payments_that_are_not_shown,
        ),
        Check(
            name="amount-and-payee-bound",
            asks="A code is of this amount and this payee; any change makes it worthless.",
            source=_RTS.at("Art. 5(1)(b)-(d)"),
            shown_by=_BOUND,
        ),
        Check(
            name="bound-everywhere",
            asks="Payments are confirmed through requests alone that name amount and payee.",
            source=_RTS.at("Art. 5(1)(b)"),
            find=unbound_apis,
        ),
        Check(
            name="possession",
            asks="The SIM is the possession: it is bound to the payer, and protected against replication.",
            source=Source(
                "EBA Q&A 2018_4039",
                "RTS Art. 7",
                "https://www.eba.europa.eu/single-rule-book-qa/qna/view/publicId/2018_4039",
            ),
            whose="the bank: it binds the number to the payer and watches for swapped SIMs",
        ),
        Check(
            name="second-element",
            asks="A second, independent element goes with the code.",
            source=_RTS.at("Art. 9"),
            whose="the bank: a code alone is one element",
        ),
        Check(
            name="not-readable",
            asks="Codes are readable nowhere but where they are due.",
            source=_RTS.at("Art. 22(2)(a)"),
            find=code_checks.readable_codes,
        ),
        Check(
            name="hashed",
            asks="Codes do not rest in plain text.",
            source=_RTS.at("Art. 22(2)(b)"),
            shown_by="tests/unit/domain/test_keyring.py::test_a_code_rests_as_the_hmac_of_it_and_its_verification",
        ),
    ),
)
