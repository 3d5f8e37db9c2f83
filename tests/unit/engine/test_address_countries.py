"""Which country an address is in. docs/guard.md"""

import logging
from pathlib import Path

import pytest

from onema.engine.address_countries import (
    LOOKED_FOR_EVERY_SECONDS,
    AddressCountries,
    AddressCountriesError,
    put_in_place,
)

from ...address_lists import countries, write_list

LIST = countries(VN="113.160.0.0/11", FR="2001:db8::/32")


class Seconds:
    """Passes when the test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("address", "country"),
    [
        ("113.160.0.1", "VN"),
        ("::ffff:113.160.0.1", "VN"),
        ("2001:db8::7", "FR"),
        ("198.51.100.7", ""),
        ("2001:db9::7", ""),
        ("", ""),
        ("113.160.0", ""),
    ],
)
def test_an_address_is_looked_up_in_the_list(tmp_path: Path, address: str, country: str) -> None:
    """IPv4 also where a socket for both kinds writes it as IPv6; what the list does not have is nowhere."""
    assert AddressCountries(write_list(tmp_path / "list.mmdb", LIST)).of(address) == country


def test_lists_in_the_shape_of_maxmind_s_own_are_read_too(tmp_path: Path) -> None:
    """GeoLite2 and those that follow it; a record without a country is none."""
    records = {
        "113.160.0.0/11": {"country": {"iso_code": "VN"}},
        "198.51.100.0/24": {"continent": {"code": "EU"}},
        "203.0.113.0/24": {"country_code": "None"},
    }
    there = AddressCountries(write_list(tmp_path / "list.mmdb", records))
    assert [there.of(one) for one in ("113.160.0.1", "198.51.100.1", "203.0.113.1")] == ["VN", "", ""]


def test_a_list_comes_changes_and_goes_while_it_is_used(tmp_path: Path) -> None:
    """Without a restart; between two looks at the file nothing is asked of the disk."""
    seconds, file = Seconds(), tmp_path / "data" / "kept.mmdb"
    there = AddressCountries(file, seconds)
    assert (there.of("113.160.0.1"), there.built_at()) == ("", 0)
    put_in_place(write_list(tmp_path / "a.mmdb", LIST), file)
    assert there.of("113.160.0.1") == ""
    seconds.now += LOOKED_FOR_EVERY_SECONDS
    assert there.of("113.160.0.1") == "VN"
    built_at = put_in_place(write_list(tmp_path / "b.mmdb", countries(LA="113.160.0.0/11")), file)
    assert there.of("113.160.0.1") == "VN"
    seconds.now += LOOKED_FOR_EVERY_SECONDS
    assert (there.of("113.160.0.1"), there.built_at()) == ("LA", built_at)
    file.unlink()
    seconds.now += LOOKED_FOR_EVERY_SECONDS
    assert there.of("113.160.0.1") == ""


def test_what_tells_no_countries_takes_no_list_s_place(tmp_path: Path) -> None:
    """Neither text nor a list of operators, nor what is not there."""
    file = tmp_path / "kept.mmdb"
    put_in_place(write_list(tmp_path / "a.mmdb", LIST), file)
    text = tmp_path / "text.mmdb"
    text.write_text("113.160.0.0/11,VN\n")
    operators = write_list(
        tmp_path / "asn.mmdb", {"113.160.0.0/11": {"autonomous_system_number": 45899}}, "asn"
    )
    for wrong, why in (
        (text, "no file in MaxMind's format"),
        (operators, "'asn'"),
        (tmp_path / "x", "No such"),
    ):
        with pytest.raises(AddressCountriesError, match=why):
            put_in_place(wrong, file)
    assert AddressCountries(file).of("113.160.0.1") == "VN"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.mmdb", "asn.mmdb", "kept.mmdb", "text.mmdb"]


def test_a_broken_list_is_none_and_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody may have put it there by hand: messages go out all the same."""
    file, seconds = tmp_path / "kept.mmdb", Seconds()
    file.write_bytes(b"half a list")
    there = AddressCountries(file, seconds)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            seconds.now += LOOKED_FOR_EVERY_SECONDS
            assert there.of("113.160.0.1") == ""
    assert [record.message for record in caplog.records] == ["the countries of addresses cannot be read"]
