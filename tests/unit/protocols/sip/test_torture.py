"""RFC 4475, SIP Torture Test Messages: all of its sections, each parsed or refused as it says.

`torture.txt` has them in the notation of its section 2 (`<hex>`, `<repeat>`), long lines in one; mpart01's signature is
shortened. What a section leaves to the reader (liberal or not) is decided here.
"""

import re
from pathlib import Path

import pytest

from onema.protocols.sip.bad_message import BadMessage
from onema.protocols.sip.bodies import session_description
from onema.protocols.sip.digest import DigestServer
from onema.protocols.sip.header_values import read_seconds
from onema.protocols.sip.messages import Request, Response, parse
from onema.protocols.sip.sdp import AudioEnd, NotAcceptable
from onema.protocols.sip.uris import OtherUri, parse_sip_uri, parse_uri


def _octets(text: str) -> bytes:
    repeated = re.sub(r"<repeat count=(\d+)>(.*?)</repeat>", lambda found: found[2] * int(found[1]), text)
    pieces = re.split(r"<hex>([0-9A-F]*)</hex>", repeated.replace("\n", "\r\n"))
    return b"".join(bytes.fromhex(piece) if at % 2 else piece.encode() for at, piece in enumerate(pieces))


def _messages() -> dict[str, bytes]:
    text = (Path(__file__).parent / "torture.txt").read_text(encoding="utf-8")
    pieces = re.split(r"^=== (\w+) [0-9.]+\n", text, flags=re.MULTILINE)
    return dict(zip(pieces[1::2], map(_octets, pieces[2::2]), strict=True))


MESSAGES = _messages()

REFUSED = {
    "badinv01": 400, "clerr": 400, "ncl": 400, "scalar02": 400, "quotbal": 400, "ltgtruri": 400, "lwsruri": 400,
    "lwsstart": 400, "trws": 400, "escruri": 400, "regbadct": 400, "baddn": 400, "badvers": 505, "mismatch01": 400,
    "mismatch02": 400, "insuf": 400, "multi01": 400, "mcl01": 400,
}  # fmt: skip
"""Requests, with what each is answered with."""
UNANSWERABLE = {"badinv01", "badvers", "insuf"}
"""Those that have no Via to send it to, or lack what an answer repeats."""
DROPPED = {"scalarlg", "bigcode"}
"""Responses, which nobody answers."""


def request(name: str) -> Request:
    message = parse(MESSAGES[name])
    assert isinstance(message, Request)
    return message


def response(name: str) -> Response:
    message = parse(MESSAGES[name])
    assert isinstance(message, Response)
    return message


def test_all_sections_are_here() -> None:
    """13 valid, 19 invalid, 1 of transactions, 15 of the application layer, 1 of RFC 2543."""
    assert len(MESSAGES) == 13 + 19 + 1 + 15 + 1


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_bad_request_is_refused(name: str) -> None:
    """Answered where there is enough of it to answer."""
    with pytest.raises(BadMessage) as bad:
        parse(MESSAGES[name])
    assert bad.value.status == REFUSED[name]
    assert (bad.value.request is None) is (name in UNANSWERABLE)


@pytest.mark.parametrize("name", sorted(DROPPED))
def test_a_bad_response_is_dropped(name: str) -> None:
    """RFC 4475 §3.1.2.5, §3.1.2.19."""
    with pytest.raises(BadMessage) as bad:
        parse(MESSAGES[name])
    assert bad.value.request is None


@pytest.mark.parametrize("name", sorted(MESSAGES.keys() - REFUSED.keys() - DROPPED))
def test_every_other_message_is_parsed_and_written_again(name: str) -> None:
    """The same comes out of what is written."""
    message = parse(MESSAGES[name])
    written = parse(message.encode())
    message.headers.set("Content-Length", str(len(message.body)))
    assert written == message


def test_wsinv_has_white_space_everywhere() -> None:
    """RFC 4475 §3.1.1.1: folds, blanks, quotes, compact forms, leading zeros, an unknown header that is kept."""
    message = request("wsinv")
    assert message.headers.get("UnknownHeaderWithUnusualValue") == ";;,,;;,;"
    assert message.headers.get("NewFangledHeader") == "newfangled value continued newfangled value"
    assert (message.headers.get("Subject"), message.headers.get("Max-Forwards")) == ("", "0068")
    assert [value.partition("branch")[0][-2:] for value in message.headers.values("Via")] == [
        "2;",
        "; ",
        "; ",
    ]
    assert (message.to.tag, message.from_.display) == ("1918181833n", 'J Rosenberg \\"')
    assert message.contact is not None
    assert message.contact.parameter("q") == "0.33"
    assert (message.cseq.number, message.via.branch, len(message.body)) == (9, "390skdjuw", 150)


def test_intmeth_uses_every_character() -> None:
    """RFC 4475 §3.1.1.2."""
    message = request("intmeth")
    assert message.method == message.cseq.method == "!interesting-Method0123456789_*+`.%indeed'~"
    uri = parse_sip_uri(message.uri)
    assert (uri.user, uri.host) == ("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*", "example.com")
    assert uri.password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    assert message.to.display == "BEL:\x07 NUL:\x00 DEL:\x7f"
    assert message.from_.display == "token1~` token2'+_ token3*%!.-"
    assert message.from_.parameter("fromparam''~+*_!.-%") == "работающий"


def test_escapes_are_read_once_and_in_users_alone() -> None:
    """RFC 4475 §3.1.1.3 to §3.1.1.5: an escaped scheme, a null, and per cents that are no escapes."""
    assert parse_sip_uri(request("esc01").uri).user == "sips:user@example.com"
    assert parse_sip_uri(request("escnull").to.uri).user == "null-\0-null"
    message = request("esc02")
    assert message.method == "RE%47IST%45R"
    assert len(message.headers.rows("Contact")) == 2
    assert message.to.display == "%Z%45"


def test_no_blank_stands_before_an_address() -> None:
    """RFC 4475 §3.1.1.6."""
    assert request("lwsdisp").from_.display == "caller"


def test_long_values_are_read() -> None:
    """RFC 4475 §3.1.1.7."""
    message = request("longreq")
    assert len(message.headers.values("Via")) == 34
    assert message.from_.tag == "12" + "982" * 50 + "424"


def test_what_follows_a_datagrams_message_is_left_out() -> None:
    """RFC 4475 §3.1.1.8."""
    assert request("dblreq").body == b""


def test_semicolons_in_a_user_part_are_no_parameters() -> None:
    """RFC 4475 §3.1.1.9."""
    uri = parse_sip_uri(request("semiuri").uri)
    assert (uri.user, uri.parameters) == ("user;par=u@example.net", ())


def test_any_transport_stands_in_a_via() -> None:
    """RFC 4475 §3.1.1.10."""
    assert len(request("transports").headers.values("Via")) == 5


def test_any_octets_stand_in_a_body() -> None:
    """RFC 4475 §3.1.1.11."""
    assert bytes.fromhex("3082015206092A864886F70D010702A0820D0A") in request("mpart01").body


def test_any_phrase_is_a_reason() -> None:
    """RFC 4475 §3.1.1.12, §3.1.1.13."""
    assert response("unreason").reason == "= 2**3 * 5**2 но сто девяносто девять - простое"
    assert response("noreason").reason == ""


def test_what_may_be_overlooked_is() -> None:
    """A time zone that SIP does not have (RFC 4475 §3.1.2.12), and blanks within brackets (§3.1.2.14)."""
    assert request("baddate").headers.get("Date") == "Fri, 01 Jan 2010 16:00:00 EST"
    assert request("badaspec").to.uri == "sip:t.watson@example.org"


def test_a_branch_that_says_nothing_is_empty_handed() -> None:
    """RFC 4475 §3.2.1: the transaction layer must match it as RFC 2543 did."""
    assert request("badbranch").via.branch == "z9hG4bK"


def test_other_schemes_are_for_who_serves_them() -> None:
    """RFC 4475 §3.3.2 to §3.3.4: such a Request-URI is answered 416; To and From may have any."""
    for name in ("unkscm", "novelsc"):
        with pytest.raises(BadMessage) as bad:
            parse_sip_uri(request(name).uri)
        assert bad.value.status == 416
    message = request("unksm2")
    assert parse_uri(message.to.uri) == OtherUri("isbn", "2983792873")
    assert message.from_.tag == "3234233"


def test_demands_are_told() -> None:
    """RFC 4475 §3.3.5, for 420; §3.3.6, for 415; §3.3.15, for 406; §3.3.11, for 483."""
    assert request("bext01").headers.tokens("Require") == {"nothingsupportsthis", "nothingsupportsthiseither"}
    assert session_description(request("invut")) == b""
    assert request("sdp01").headers.tokens("Accept") == {"text/nobodyknowsthis"}
    assert request("zeromf").headers.get("Max-Forwards") == "0"


def test_an_unknown_scheme_of_credentials_is_challenged_again() -> None:
    """RFC 4475 §3.3.7."""
    assert DigestServer("example.com", {"j.user": "x"}, lambda: "n").refuse(request("regaut01"), 0.0)


def test_a_response_with_a_hop_behind_ours_is_told_by_its_vias() -> None:
    """RFC 4475 §3.3.10: a client drops it (RFC 3261 §18.1.2), and never sends to the second."""
    assert len(response("bcast").headers.values("Via")) == 2


def test_a_parameter_belongs_to_the_header_without_brackets() -> None:
    """RFC 4475 §3.3.12 to §3.3.14."""
    bare, bracketed, escaped = (request(name).contact for name in ("cparam01", "cparam02", "regescrt"))
    assert bare is not None
    assert bare.parameter("unknownparam") == ""
    assert bracketed is not None
    assert bracketed.uri.endswith(";unknownparam")
    assert bracketed.parameters == ()
    assert escaped is not None
    assert parse_sip_uri(escaped.uri).headers == "Route=%3Csip:sip.example.com%3E"


def test_a_caller_of_the_old_days_is_understood() -> None:
    """RFC 4475 §3.4.1: no branch, no tag, no Content-Length."""
    message = request("inv2543")
    assert (message.via.branch, message.from_.tag) == ("", "")
    assert message.body.endswith(b"m=audio 49217 RTP/AVP 0\r\n")


@pytest.mark.parametrize("name", ["wsinv", "unreason", "inv2543"])
def test_their_offers_are_answered(name: str) -> None:
    """PCMU is taken, video is refused, and a codec map without a clock is passed over."""
    body, far = AudioEnd("192.0.2.1", 4000, session=1).answer(session_description(parse(MESSAGES[name])))
    assert (far.port, far.payload_type, b"m=video 0" in body) == (49217, 0, name != "inv2543")


def test_an_offer_with_a_blank_before_its_equals_is_refused() -> None:
    """As it stands behind the first message of RFC 4475 §3.1.1.8."""
    second = parse(MESSAGES["dblreq"].split(b"\r\n\r\n\r\n", 1)[1])
    with pytest.raises(NotAcceptable):
        AudioEnd("192.0.2.1", 4000, session=1).answer(second.body)


def test_huge_numbers_are_no_seconds() -> None:
    """RFC 4475 §3.1.2.4, §3.1.2.5."""
    assert read_seconds("1" + "0" * 100) is None
    assert read_seconds("949302838503028349304023988") is None
