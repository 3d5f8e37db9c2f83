import pytest

from onema.domain.configuration import documents as doc
from onema.domain.configuration.brandname_view import BrandnameView


def brandname(*texts: str) -> BrandnameView:
    templates = [doc.Template(account="acme", brandname="Acme", text=text) for text in texts]
    return BrandnameView(doc.Brandname(account="acme", name="Acme"), templates)


def test_a_code_must_fit_the_placeholder_that_it_takes() -> None:
    """A word of at most four characters has no place for a code of six."""
    view = brandname("{P1,4} la ma")
    assert view.allowed("{OTP} la ma", 4) is not None
    assert view.allowed("{OTP} la ma", 6) is None


def test_the_marker_itself_must_fit_too() -> None:
    """`{OTP}9` is no code, though a code and a 9 would look like one."""
    assert brandname("{OTP} la ma").allowed("{OTP}9 la ma", 6) is None


@pytest.mark.parametrize("length", [4, 6, 10])
def test_the_answer_is_the_same_when_it_is_remembered(length: int) -> None:
    """Also after many other texts came between."""
    view = brandname("{OTP} la ma", "{P2,40}: {OTP}")
    first = view.allowed("{OTP} la ma", length)
    for number in range(1_500):
        assert view.allowed(f"don {number}: {{OTP}}", length) is not None
    assert view.allowed("{OTP} la ma", length) == first is not None


def test_an_endless_text_is_refused_at_once() -> None:
    """It fits no template, and looking closely would hold up everybody else."""
    assert brandname("{P2,500} {OTP}").allowed("a " * 30_000 + "{OTP}", 6) is None
