"""Codes: how one is drawn, and how long and how often it may be tried."""

import msgspec

from onema.domain.records import LiveVerification
from onema.domain.state_machines import VerificationState
from onema.domain.values.written_ahead import TOLERATED_MS
from onema.domain.values.written_form import code_form

ATTEMPTS = 5
"""Checks that a code survives, for every dialect."""

PURPOSE = "code"
"""What a code is for where nobody says so."""

LONGEST_LIFE_MINUTES = 60
"""How long a code may be asked to live. One that would live longer was made by a clock ahead, and is none."""

VENDORS_LIFE_MINUTES = 15
"""How long it may be asked to live over an API of a vendor that lets requests say so."""

DIGITS = "0123456789"
LETTERS_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

MIN_LENGTH = 4
MAX_LENGTH = 10

CODE_ENTROPY_BYTES = 16


def draw_code(alphabet: str, length: int, entropy: bytes) -> str:
    """A code of `length` characters from 16 random bytes.

    Taking 128 bits modulo at most 36**10 favours no code by more than one part in 2**76.
    """
    base = len(alphabet)
    # Once, so that the loop below divides small integers.
    number = int.from_bytes(entropy[:CODE_ENTROPY_BYTES], "big") % base**length
    if alphabet == DIGITS:
        return f"{number:0{length}d}"[::-1]
    characters = []
    for _ in range(length):
        number, digit = divmod(number, base)
        characters.append(alphabet[digit])
    return "".join(characters)


def is_current(expires_at: int, now: int) -> bool:
    """Whether a code that expires then may be checked now."""
    return now < expires_at <= now + LONGEST_LIFE_MINUTES * 60_000 + TOLERATED_MS


def verification_state(live: LiveVerification, now: int) -> VerificationState:
    """Of a code whose row is still there: pending, used up or expired. A row without a code tells of none any more."""
    if not is_current(live.expires_at, now):
        return VerificationState.EXPIRED
    return VerificationState.PENDING if live.attempts_left else VerificationState.USED_UP


def without_code(live: LiveVerification) -> LiveVerification:
    """What is left of the row once nobody can check its code: the phone's wrong checks."""
    return msgspec.structs.replace(
        live, verification=0, code_hash=b"", attempts_left=0, expires_at=0, plan=b"", progress=""
    )


def with_attempts_left(live: LiveVerification, left: int) -> LiveVerification:
    """After a wrong check. A code that is used up is not sent again."""
    if left:
        return msgspec.structs.replace(live, attempts_left=left)
    return msgspec.structs.replace(live, attempts_left=0, plan=b"", progress="")


def forwarding(live: LiveVerification, attempt: int, reserved: int) -> LiveVerification:
    """The row of a code that the carrier of an attempt made; `reserved` tries wait for its answer."""
    return msgspec.structs.replace(live, code_hash=bytes((attempt, reserved)))


def forwarded(live: LiveVerification) -> tuple[int, int] | None:
    """(the attempt whose carrier made the code, tries that wait for its answer); None for a code of our own."""
    return (live.code_hash[0], live.code_hash[1]) if len(live.code_hash) == 2 else None


def typed_code(text: str) -> str:
    """What a person typed, as it is compared: codes are upper case only, so case does not matter."""
    return code_form(text).upper()


def typed_codes(digits: str) -> list[str]:
    """The codes that a whole number may be, which has lost the zeros that it began with: one of every length."""
    return [digits.zfill(length) for length in range(max(MIN_LENGTH, len(digits)), MAX_LENGTH + 1)]
