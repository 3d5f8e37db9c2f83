"""A challenge that a browser solves by itself: ALTCHA's proof of work, version 2 (https://altcha.org/docs/v2/, npm's
altcha 3.2.2 and PyPI's 2.3.0, seen 2026-11).

The browser looks for a number with which a derived key begins with two zeros, which takes 256 tries on average; one try
tells that it was right. Nothing is kept of a challenge: a MAC says that it is ours, for whom it was made and until
when it is good.
"""

import base64
import binascii
import hashlib
import hmac

import msgspec

ALGORITHM = "PBKDF2/SHA-256"
PREFIX = "00"
KEY_BYTES = 32
ENTROPY_BYTES = 32
VALID_MS = 600_000
"""So long a challenge may be solved: people read the page first."""
LONGEST_SOLUTION = 8_192
"""Characters, of a captcha's token too."""


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """In the order of the alphabet, as they are signed. `cost` are iterations, `expires_at` is in Unix seconds."""

    algorithm: str
    cost: int
    expires_at: int
    key_length: int
    key_prefix: str
    nonce: str
    salt: str


class Challenge(msgspec.Struct, frozen=True):
    parameters: Parameters
    signature: str


class _Solution(msgspec.Struct, frozen=True, rename="camel"):
    counter: int
    derived_key: str


class _Payload(msgspec.Struct, frozen=True):
    challenge: Challenge
    solution: _Solution


_decoder = msgspec.json.Decoder(_Payload)


def challenge(key: bytes, entropy: bytes, now: int, cost: int) -> Challenge:
    """A new one for whom `key` is of; `entropy` has ENTROPY_BYTES."""
    half = ENTROPY_BYTES // 2
    parameters = Parameters(
        algorithm=ALGORITHM,
        cost=cost,
        expires_at=(now + VALID_MS) // 1000,
        key_length=KEY_BYTES,
        key_prefix=PREFIX,
        nonce=entropy[:half].hex(),
        salt=entropy[half:].hex(),
    )
    return Challenge(parameters, _signature(key, parameters))


def solved(key: bytes, payload: str, now: int) -> str:
    """The name of the challenge that this payload of ALTCHA's widget solves; "" where it solves none that is ours, for
    whom `key` is of, and still good. It may be solved again under the same name: whoever asks remembers names.
    """
    try:
        told = _decoder.decode(base64.b64decode(payload, validate=True))
    except (msgspec.MsgspecError, binascii.Error, ValueError, RecursionError):
        return ""
    parameters, counter = told.challenge.parameters, told.solution.counter
    signature = _signature(key, parameters)
    if not hmac.compare_digest(signature.encode(), told.challenge.signature.encode()):
        return ""
    if now > parameters.expires_at * 1000 or not 0 <= counter < 2**32:
        return ""
    password = bytes.fromhex(parameters.nonce) + counter.to_bytes(4, "big")
    salt = bytes.fromhex(parameters.salt)
    derived = hashlib.pbkdf2_hmac("sha256", password, salt, parameters.cost, parameters.key_length)
    return signature if derived.hex().startswith(parameters.key_prefix) else ""


def _signature(key: bytes, parameters: Parameters) -> str:
    return hmac.digest(key, msgspec.json.encode(parameters), hashlib.sha256).hex()
