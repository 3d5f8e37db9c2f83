from hypothesis import given
from hypothesis import strategies as st

from onema.domain.codes.verification import (
    CODE_ENTROPY_BYTES,
    DIGITS,
    LETTERS_AND_DIGITS,
    MAX_LENGTH,
    MIN_LENGTH,
    draw_code,
)


@given(
    alphabet=st.sampled_from((DIGITS, LETTERS_AND_DIGITS)),
    length=st.integers(MIN_LENGTH, MAX_LENGTH),
    number=st.integers(0, 2 ** (8 * CODE_ENTROPY_BYTES) - 1) | st.integers(0, 10**MAX_LENGTH),
)
def test_a_code_is_its_entropy_in_the_alphabet(alphabet: str, length: int, number: int) -> None:
    """Every place is a digit of the random number, the lowest first, and none is left out."""
    base = len(alphabet)
    code = draw_code(alphabet, length, number.to_bytes(CODE_ENTROPY_BYTES, "big"))
    assert [alphabet.index(character) for character in code] == [
        number // base**place % base for place in range(length)
    ]
