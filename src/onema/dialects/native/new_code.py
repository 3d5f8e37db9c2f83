"""The code that a request asks for: one to be made or one of its own, and what it confirms besides."""

import msgspec

from onema.dialects.native import wire
from onema.dialects.native.errors import Invalid
from onema.domain.codes.channel_plan import HowToSend
from onema.domain.codes.send_in_sandbox import BOUND
from onema.domain.codes.start_verification import NewCode
from onema.domain.codes.verification import DIGITS, LETTERS_AND_DIGITS, MAX_LENGTH, MIN_LENGTH, typed_code
from onema.domain.values.written_form import text_form

_ALPHABETS = {"digits": DIGITS, "letters_and_digits": LETTERS_AND_DIGITS}
_LENGTH = 6


def new_code(asked: wire.VerificationRequest, bound: str, how: HowToSend) -> NewCode:
    """`bound` is what bound_to says. Raises Invalid."""
    alphabet = _ALPHABETS[asked.alphabet]
    given = typed_code(asked.code)
    if given:
        _judge(asked, given, alphabet)
    return NewCode(
        alphabet=alphabet,
        length=len(given) or asked.code_length or _LENGTH,
        time_alive=asked.ttl * 1000,
        purpose=asked.purpose,
        how=how,
        own=given,
        bound=bound,
    )


def in_the_sandbox(code: NewCode, fixed: str) -> NewCode:
    """The fixed code in its place, which goes out once: there is nothing to send."""
    bound = code.bound + BOUND
    return msgspec.structs.replace(code, own=fixed, length=len(fixed), bound=bound, how=None)


def _judge(asked: wire.VerificationRequest, given: str, alphabet: str) -> None:
    if not MIN_LENGTH <= len(given) <= MAX_LENGTH:
        raise Invalid("/code", f"it must have {MIN_LENGTH} to {MAX_LENGTH} characters")
    if given != asked.code.upper() or not set(given) <= set(alphabet):
        raise Invalid("/code", "it has a character that is not of the alphabet")
    if asked.code_length not in (None, len(given)):
        raise Invalid("/code_length", "the code has another length")


def bound_to(amount: str, payee: str) -> str:
    """What a code confirms besides: the amount and the payee of a payment (Delegated Regulation (EU) 2018/389,
    Article 5), none of which can be changed without making the code another one. Raises Invalid.
    """
    if not amount and not payee:
        return ""
    for name, value, other in (("amount", amount, payee), ("payee", payee, amount)):
        if not other:
            raise Invalid(f"/{name}", "amount and payee go together")
        if text_form(value) != value or not value.isprintable() or "{" in value or "}" in value:
            raise Invalid(f"/{name}", "it has braces, or what would not be sent as it is")
    # No text has this character.
    return f"\0{amount}\0{payee}"
