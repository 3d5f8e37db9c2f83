"""Where the caller's number and the number called stand in an INVITE, as real trunks want it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.channels.contract import Outgoing
from onema.channels.voice_sip.configuration import ExtraHeader, Settings
from onema.channels.voice_sip.line import Invite
from onema.channels.voice_sip.requests import NoCaller, invite_of, written_number
from onema.domain.delivery.payload import CallPayload
from onema.domain.ids import AccountId, MessageId
from onema.domain.values.phone import Phone
from onema.protocols.sip.header_values import NameAddr
from onema.protocols.sip.uris import parse_sip_uri


def invite(*, phone: str = "+84901888484", caller: str = "+842473000000", **settings: Any) -> Invite:
    payload = CallPayload(
        phone=Phone(phone),
        caller=caller,
        voice="en",
        code="123456",
        sentence=None,
        times=2,
        rate=1.0,
        max_seconds=60,
        valid_until=0,
    )
    outgoing = Outgoing(account=AccountId(7), message=MessageId(0xABC), attempt=2, payload=payload)
    return invite_of(Settings(**{"domain": "sip.example.com", **settings}), outgoing, payload)


def test_numbers_stand_in_request_uri_from_and_to() -> None:
    """E.164 in all three, and nothing else."""
    assert invite() == Invite(
        request_uri="sip:+84901888484@sip.example.com",
        from_="<sip:+842473000000@sip.example.com>",
        to="<sip:+84901888484@sip.example.com>",
        contact_user="onema",
    )


# https://github.com/livekit/sip/issues/795
def test_users_and_domains_of_to_and_from_may_be_others() -> None:
    """Some trunks want their own in To, their customer's in From, and a port in neither."""
    shape = invite(
        domain="10.0.0.1:5080",
        from_domain="customer.example.com",
        from_name="Code {caller}",
        to_user="trunk7",
        to_domain="[2001:db8::1]",
        user_phone=True,
    )
    assert shape.request_uri == "sip:+84901888484@10.0.0.1:5080;user=phone"
    assert shape.from_ == '"Code +842473000000" <sip:+842473000000@customer.example.com;user=phone>'
    assert shape.to == "<sip:trunk7@[2001:db8::1]>"


# https://help.sipgate.de/trunking/wie-setze-ich-bei-sipgate-trunking-die-absenderrufnummer
def test_the_trunks_own_id_stands_in_from_while_the_number_rides_elsewhere() -> None:
    """In P-Preferred-Identity, without a plus."""
    shape = invite(
        domain="sipconnect.sipgate.de",
        auth_user="1234567t0",
        from_user="{auth_user}",
        identity=("P-Preferred-Identity",),
        caller_form="e164",
    )
    assert shape.from_ == "<sip:1234567t0@sipconnect.sipgate.de>"
    assert shape.headers == (("P-Preferred-Identity", "<sip:842473000000@sipconnect.sipgate.de>"),)


def test_several_identity_headers_may_be_sent() -> None:
    """Each with the parameters that it has."""
    shape = invite(
        identity=("P-Asserted-Identity", "Remote-Party-ID", "Diversion"), identity_domain="pbx.example.com"
    )
    uri = "<sip:+842473000000@pbx.example.com>"
    assert shape.headers == (
        ("P-Asserted-Identity", uri),
        ("Remote-Party-ID", f"{uri};party=calling;privacy=off;screen=yes"),
        ("Diversion", f"{uri};reason=unconditional"),
    )


def test_a_caller_may_be_kept_from_the_phone() -> None:
    """RFC 3323: From is anonymous, the network still knows who calls, and may not tell."""
    shape = invite(privacy=True, identity=("P-Asserted-Identity",))
    assert shape.from_ == '"Anonymous" <sip:anonymous@anonymous.invalid>'
    assert shape.headers == (
        ("P-Asserted-Identity", "<sip:+842473000000@sip.example.com>"),
        ("Privacy", "id"),
    )


def test_a_call_without_a_hotline_has_the_trunks_caller_or_none() -> None:
    """None at all only where the settings allow it."""
    assert invite(caller="", caller_required=False).from_ == ('"Anonymous" <sip:anonymous@anonymous.invalid>')
    with pytest.raises(NoCaller):
        invite(caller="")
    assert Settings(domain="a").caller_required


@pytest.mark.parametrize(
    ("form", "more", "number", "written"),
    [
        ("+e164", {}, "+84901888484", "+84901888484"),
        ("e164", {}, "+84901888484", "84901888484"),
        ("00", {}, "+84901888484", "0084901888484"),
        ("00", {"international_prefix": "011"}, "+84901888484", "01184901888484"),
        ("national", {"home": "VN"}, "+84901888484", "0901888484"),
        ("national", {"home": "VN"}, "+12015550123", "0012015550123"),
        ("national", {"home": "US", "international_prefix": "011"}, "+12015550123", "2015550123"),
        ("national", {"home": "IT"}, "+390612345678", "0612345678"),
        ("national", {"home": "VN"}, "19001234", "19001234"),
        ("00", {}, "19001234", "19001234"),
        ("+e164", {}, "02473000000", "02473000000"),
        ("+e164", {"home": "VN"}, "02473000000", "+842473000000"),
        ("e164", {"home": "VN"}, "842473000000", "842473000000"),
    ],
)
def test_numbers_are_written_as_the_trunk_wants(
    form: Any, more: dict[str, Any], number: str, written: str
) -> None:
    """Short numbers as they are, and hotlines as at home as they are abroad."""
    assert written_number(number, form, Settings(domain="a", **more)) == written


def test_a_tech_prefix_stands_before_the_number_called() -> None:
    """In Request-URI and To, and not before the caller's."""
    shape = invite(called_form="e164", called_prefix="1234#")
    assert shape.request_uri == "sip:1234%2384901888484@sip.example.com"
    assert shape.to == "<sip:1234%2384901888484@sip.example.com>"
    assert "1234" not in shape.from_


def test_extra_headers_are_filled_in() -> None:
    """From a closed set: never with the code or a sentence."""
    shape = invite(
        headers=(
            ExtraHeader(name="X-Account", value="{account}/{message}/{attempt}"),
            ExtraHeader(name="P-Charge-Info", value="<sip:{caller}@sip.example.com>"),
        )
    )
    assert shape.headers == (
        ("X-Account", "7/abc/2"),
        ("P-Charge-Info", "<sip:+842473000000@sip.example.com>"),
    )


@given(
    auth_user=st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1),
    name=st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"), exclude_characters="{}")),
    caller=st.from_regex(r"\+?[0-9]{3,15}", fullmatch=True),
)
def test_no_value_can_write_a_header(auth_user: str, name: str, caller: str) -> None:
    """Whatever the settings hold, addresses are read back as they were meant."""
    shape = invite(
        auth_user=auth_user,
        from_user="{auth_user}",
        from_name=name,
        identity=("P-Asserted-Identity",),
        caller=caller,
    )
    read = NameAddr.parse(shape.from_)
    assert read.display == name
    uri = parse_sip_uri(read.uri)
    assert (uri.user, uri.host) == (auth_user, "sip.example.com")
    ((_, asserted),) = shape.headers
    assert parse_sip_uri(NameAddr.parse(asserted).uri).user == caller
    for text in (shape.request_uri, shape.from_, shape.to, asserted):
        assert "\r" not in text
        assert "\n" not in text
