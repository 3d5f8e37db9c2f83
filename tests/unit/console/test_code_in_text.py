import pytest

from onema.console.handset.code_in_text import find_code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("482913 la ma xac minh dang ky Baotrixemay cua ban", "482913"),
        ("1NTTJ6 la ma xac minh dang ky Baotrixemay cua ban", "1NTTJ6"),
        ("Ma OTP cua ban la ABQZKR", "ABQZKR"),
        ("Mã xác nhận: 0471", "0471"),
        ("ACME: 771204 is your code. Hotline 19001234", "771204"),
        ("Goi 19001234 neu can. Ma cua ban la 5520", "5520"),
        ("【阿客美】您的验证码是830516,五分钟内有效", "830516"),
        ("Your ACME code is KXQPLM.", "KXQPLM"),
        ("Pay 1.500.000 VND? Enter 9911", "9911"),
    ],
)
def test_the_code_is_found_among_other_words(text: str, code: str) -> None:
    """Digits, digits with letters, letters alone; not hotlines and amounts."""
    found = find_code(text)
    assert found is not None
    assert text[slice(*found)] == code


@pytest.mark.parametrize(
    "text", ["", "Xin chao", "VIETCOMBANK thong bao", "Call +84901888484", "code 12", "So du 1.500.000"]
)
def test_a_text_without_a_code_has_none(text: str) -> None:
    """Better none than a wrong one."""
    assert find_code(text) is None
