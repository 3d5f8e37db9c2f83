"""Challenges that are a proof of work, judged by ALTCHA's own library (PyPI altcha)."""

import base64
import hashlib
import json
from typing import Any

import altcha
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.domain.guard.proof_of_work import VALID_MS, challenge, solved
from onema.domain.keyring import Keyring

KEYRING = Keyring(b"k" * 32)
(KEY,), (OTHERS,) = (
    KEYRING.challenge_keys("7 shop +84901888484"),
    KEYRING.challenge_keys("7 shop +84912345678"),
)
NOW = 4_000_000_000_000
"""Later than this test runs: ALTCHA's library has the machine's clock."""
COST = 10


def made(seed: int = 1) -> dict[str, Any]:
    one = challenge(KEY, hashlib.sha256(b"%d" % seed).digest(), NOW, COST)
    return {
        "parameters": {
            "algorithm": one.parameters.algorithm,
            "cost": one.parameters.cost,
            "expiresAt": one.parameters.expires_at,
            "keyLength": one.parameters.key_length,
            "keyPrefix": one.parameters.key_prefix,
            "nonce": one.parameters.nonce,
            "salt": one.parameters.salt,
        },
        "signature": one.signature,
    }


def solve(told: dict[str, Any]) -> str:
    asked = altcha.Challenge.from_dict(told)
    solution = altcha.solve_challenge(asked)
    assert solution is not None
    return altcha.Payload(asked, solution).to_base64()


def changed(payload: str, **parameters: Any) -> str:
    told = json.loads(base64.b64decode(payload))
    told["challenge"]["parameters"] |= parameters
    return base64.b64encode(json.dumps(told).encode()).decode()


def test_what_altcha_solves_is_right_for_us_and_for_its_own_library() -> None:
    """Signature, canonical JSON, number and derived key are as it has them."""
    payload = solve(made())
    assert solved(KEY, payload, NOW) == made()["signature"]
    assert altcha.verify_solution(payload, KEY).verified


def test_a_solution_is_good_until_its_challenge_expires() -> None:
    """To the second that the challenge says."""
    payload = solve(made())
    assert solved(KEY, payload, NOW + VALID_MS)
    assert not solved(KEY, payload, NOW + VALID_MS + 1)


def test_a_solution_is_good_only_for_whom_it_was_made() -> None:
    """Another phone, application or account has another key."""
    assert not solved(OTHERS, solve(made()), NOW)


@pytest.mark.parametrize(
    "parameters",
    [
        {"cost": 1},
        {"keyPrefix": ""},
        {"expiresAt": 2**33},
        {"nonce": "00" * 16},
        {"algorithm": "SHA-256"},
        {"x": 1},
    ],
)
def test_a_challenge_that_was_changed_is_not_ours(parameters: dict[str, Any]) -> None:
    """Made easier, longer, or another one."""
    assert not solved(KEY, changed(solve(made()), **parameters), NOW)


def test_a_wrong_number_is_no_solution() -> None:
    """Whatever derived key it claims."""
    told = json.loads(base64.b64decode(solve(made())))
    for counter in (told["solution"]["counter"] + 1, -1, 2**32):
        told["solution"]["counter"] = counter
        assert not solved(KEY, base64.b64encode(json.dumps(told).encode()).decode(), NOW)


@given(st.one_of(st.text(), st.binary().map(lambda raw: base64.b64encode(raw).decode())))
def test_whatever_else_comes_solves_nothing(text: str) -> None:
    """No fault either."""
    assert solved(KEY, text, NOW) == ""


@pytest.mark.parametrize("opening", ['{"more":' + "[" * 6_000, '{"challenge":' + '{"a":' * 1_000])
def test_what_is_nested_too_deeply_solves_nothing(opening: str) -> None:
    """A decoder gives up on it in its own way."""
    assert solved(KEY, base64.b64encode(opening.encode()).decode(), NOW) == ""


@given(st.integers(0, 2**31))
def test_any_challenge_is_signed_as_altcha_signs(seed: int) -> None:
    """Over the JSON of its parameters in the order of the alphabet."""
    told = made(seed)
    wrong = altcha.Payload(altcha.Challenge.from_dict(told), altcha.Solution(0, "00"))
    assert altcha.verify_solution(wrong, KEY).invalid_signature is False
