"""Offer and answer (RFC 3264): what we offer, and answers as real phones, carriers and browsers write them."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.protocols.sip.crypto_lines import SUITES, Crypto, read_crypto
from onema.protocols.sip.descriptions import MOST_LINES, Malformed, NotAcceptable, read_descriptions
from onema.protocols.sip.sdp import AudioEnd, FarAudio
from onema.speech.g711 import Law

KEY = bytes(range(30))
OURS = (Crypto(1, SUITES[0], bytes(30)), Crypto(2, SUITES[1], b"x" * 30))


def end(**options: object) -> AudioEnd:
    return AudioEnd("192.0.2.1", 4000, session=7, **options)  # type: ignore[arg-type]  # what a test wants of them


def sdp(*lines: str, connection: str = "c=IN IP4 198.51.100.1") -> bytes:
    first = ("v=0", "o=x 1 1 IN IP4 198.51.100.1", "s=-", connection, "t=0 0")
    return "".join(f"{line}\r\n" for line in (*first, *lines) if line).encode()


def accept(*lines: str, of: AudioEnd | None = None, connection: str = "c=IN IP4 198.51.100.1") -> FarAudio:
    return (of or end()).accept(sdp(*lines, connection=connection))


PLAIN = "m=audio 5000 RTP/AVP 0"


def test_an_offer_says_what_we_can() -> None:
    """RFC 8866 §5; the events are the sixteen keys (RFC 4733 §2.4)."""
    assert end().offer.decode().split("\r\n") == [
        "v=0",
        "o=- 7 7 IN IP4 192.0.2.1",
        "s=-",
        "c=IN IP4 192.0.2.1",
        "t=0 0",
        "m=audio 4000 RTP/AVP 0 8 101",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:20",
        "a=sendrecv",
        "",
    ]


def test_an_offer_follows_the_settings() -> None:
    """Codecs in the order that is set, no keys, IPv6, another packet time, SRTP with a key for each suite."""
    one = AudioEnd(
        "2001:db8::1",
        4000,
        session=1,
        laws=(Law.PCMA,),
        keys=False,
        ptime_ms=30,
        crypto=OURS,
        direction="sendonly",
    )
    lines = one.offer.decode().split("\r\n")
    assert "c=IN IP6 2001:db8::1" in lines
    assert "m=audio 4000 RTP/SAVP 8" in lines
    assert f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{base64.b64encode(bytes(30)).decode()}" in lines
    assert sum(line.startswith("a=crypto") for line in lines) == 2
    assert {"a=ptime:30", "a=sendonly"} < set(lines)
    assert not any("telephone-event" in line for line in lines)


def test_a_plain_answer_is_taken() -> None:
    """With the defaults of what it leaves out."""
    assert accept(PLAIN) == FarAudio(
        address="198.51.100.1",
        port=5000,
        rtcp_port=5001,
        law=Law.PCMU,
        payload_type=0,
        accepted=((0, Law.PCMU),),
        event_type=None,
        event_types=frozenset(),
        ptime_ms=20,
        listens=True,
    )


def test_of_several_codecs_the_first_is_sent_and_the_others_are_taken() -> None:
    """RFC 3264 §6.1; static types need no a=rtpmap."""
    far = accept("m=audio 5000 RTP/AVP 8 0")
    assert (far.law, far.payload_type) == (Law.PCMA, 8)
    assert dict(far.accepted) == {8: Law.PCMA, 0: Law.PCMU}


def test_a_codec_that_was_not_offered_is_passed_over() -> None:
    """G.729 and comfort noise stand beside ours in careless answers."""
    far = accept("m=audio 5000 RTP/AVP 18 13 8", "a=rtpmap:18 G729/8000")
    assert (far.law, dict(far.accepted)) == (Law.PCMA, {8: Law.PCMA})
    with pytest.raises(NotAcceptable, match="no codec"):
        accept("m=audio 5000 RTP/AVP 18")
    with pytest.raises(NotAcceptable, match="no codec"):
        accept(PLAIN, of=end(laws=(Law.PCMA,)))


def test_a_map_says_what_a_number_is() -> None:
    """Also of a static one, and in any case; another clock or two channels are another codec."""
    far = accept("m=audio 5000 RTP/AVP 0 96 97 98", "a=rtpmap:0 G729/8000", "a=rtpmap:96 pcmu/16000",
                 "a=rtpmap:97 PCMA/8000/2", "a=rtpmap:98 pcma/8000/1")  # fmt: skip
    assert (far.law, far.payload_type) == (Law.PCMA, 98)
    assert dict(far.accepted) == {98: Law.PCMA, 8: Law.PCMA}


def test_keys_are_those_of_the_codecs_clock() -> None:
    """Phones answer with one telephone-event for each clock; the wide ones are no use to us (RFC 4733 §2.1)."""
    far = accept(
        "m=audio 5000 RTP/AVP 0 96 97",
        "a=rtpmap:96 telephone-event/48000",
        "a=rtpmap:97 Telephone-Event/8000",
    )
    assert (far.event_type, far.event_types) == (97, frozenset((97, 101)))
    assert accept("m=audio 5000 RTP/AVP 0 101").event_type is None
    assert (
        accept(
            "m=audio 5000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000", of=end(keys=False)
        ).event_types
        == set()
    )


@pytest.mark.parametrize(
    ("lines", "ptime"),
    [
        ((), 20),
        (("a=ptime:30",), 30),
        (("a=ptime: 60",), 60),
        (("a=ptime:20.0",), 20),
        (("a=ptime:120",), 60),
        (("a=ptime:25",), 20),
        (("a=ptime:5",), 10),
        (("a=ptime:0",), 20),
        (("a=ptime:soon",), 20),
        (("a=ptime:60", "a=maxptime:40"), 40),
    ],
)
def test_the_packet_time_of_the_answer_is_obeyed(lines: tuple[str, ...], ptime: int) -> None:
    """Up to 60 ms, in tens (RFC 8866 §6.4)."""
    assert accept(PLAIN, *lines).ptime_ms == ptime


@pytest.mark.parametrize(
    ("lines", "connection", "listens"),
    [
        ((), "c=IN IP4 198.51.100.1", True),
        (("a=recvonly",), "c=IN IP4 198.51.100.1", True),
        (("a=sendonly",), "c=IN IP4 198.51.100.1", False),
        (("a=inactive",), "c=IN IP4 198.51.100.1", False),
        ((), "c=IN IP4 0.0.0.0", False),
        ((), "c=IN IP6 ::", False),
        ((), "c=IN IP4 198.51.100.1\r\na=inactive", False),
        (("a=sendrecv",), "c=IN IP4 198.51.100.1\r\na=inactive", True),
    ],
)
def test_hold_is_told_in_every_way(lines: tuple[str, ...], connection: str, listens: bool) -> None:
    """By direction (RFC 3264 §8.4), by the address that RFC 2543 had for it, for the session or for the stream."""
    assert accept(PLAIN, *lines, connection=connection).listens is listens


def test_the_streams_own_address_goes_before_the_sessions() -> None:
    """RFC 8866 §5.7; an address of refused media is not missed."""
    assert accept(PLAIN, "c=IN IP4 203.0.113.9/127").address == "203.0.113.9"
    assert accept(PLAIN, "c=IN IP6 2001:DB8:0::1", connection="").address == "2001:db8::1"
    assert accept(PLAIN, "c=IN IP4 203.0.113.9", "m=video 0 RTP/AVP 96", connection="").port == 5000


def test_reports_go_where_the_answer_says() -> None:
    """RFC 3605."""
    assert accept(PLAIN, "a=rtcp:5011 IN IP4 198.51.100.1").rtcp_port == 5011
    assert accept(PLAIN, "a=rtcp:none").rtcp_port == 5001


def test_of_several_streams_the_audio_is_taken() -> None:
    """An m-line for video or a fax is not ours, and audio with port 0 is refused."""
    assert accept("m=video 6000 RTP/AVP 96", "m=audio 0 RTP/AVP 0", "m=audio 5002 RTP/AVP 0").port == 5002
    for lines in (("m=audio 0 RTP/AVP 0",), ("m=image 5000 udptl t38",), ()):
        with pytest.raises(NotAcceptable, match="no audio"):
            accept(*lines)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"hello",
        b"v=1\r\n",
        sdp("m=audio 70000 RTP/AVP 0"),
        sdp("m=audio 5000 RTP/AVP"),
        sdp("m=audio x RTP/AVP 0"),
        sdp(PLAIN, connection=""),
        sdp(PLAIN, connection="c=IN IP4 phone.example.com"),
        sdp(PLAIN, connection="c=IN IP4 300.1.1.1"),
        sdp(PLAIN, "hello"),
        sdp(PLAIN, *["a=x"] * MOST_LINES),
    ],
)
def test_what_is_no_description_is_malformed(octets: bytes) -> None:
    """Its own error, beside that of what cannot be agreed."""
    with pytest.raises(Malformed):
        end().accept(octets)


def test_line_ends_may_be_those_of_any_system() -> None:
    """CRLF is right (RFC 8866 §5), LF is common, and lines of letters unknown are left out."""
    octets = sdp("k=clear:x", "b=AS:64", PLAIN, "y=1").replace(b"\r\n", b"\n") + b"\n\n"
    assert end().accept(octets) == accept(PLAIN)


def test_a_hold_is_answered() -> None:
    """In each direction its opposite (RFC 3264 §6.1), with one codec."""
    for offered, ours in (("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive")):
        body, far = end().answer(
            sdp("m=audio 5000 RTP/AVP 8 0 96", "a=rtpmap:96 telephone-event/8000", f"a={offered}")
        )
        lines = body.decode().split("\r\n")
        assert "m=audio 4000 RTP/AVP 8 96" in lines
        assert {f"a={ours}", "a=fmtp:96 0-15", "a=rtpmap:8 PCMA/8000"} < set(lines)
        assert far.listens is (offered == "recvonly")
        assert far.event_types == {96}


def test_streams_that_are_not_ours_are_refused_in_their_place() -> None:
    """RFC 3264 §6: as many m-lines as the offer has, in its order."""
    body, far = end().answer(sdp("m=video 6000 RTP/AVP 96 97", PLAIN, "m=application 9 UDP/DTLS/SCTP x"))
    assert [(one.kind, one.port) for one in read_descriptions(body)] == [
        ("video", 0),
        ("audio", 4000),
        ("application", 0),
    ]
    assert far.port == 5000


@pytest.mark.parametrize(
    "lines", [(), ("m=audio 0 RTP/AVP 0",), ("m=audio 5000 RTP/AVP 18",), ("m=audio 5000 RTP/SAVP 0",)]
)
def test_an_offer_with_nothing_in_common_is_refused(lines: tuple[str, ...]) -> None:
    """With 488 (RFC 3261 §13.3.1.3); the call goes on as before."""
    with pytest.raises(NotAcceptable):
        end().answer(sdp(*lines))


def test_the_version_rises_only_with_a_change() -> None:
    """RFC 3264 §8: the same description again is no new offer, which refreshing a session needs (RFC 4028 §7.4)."""

    def version(octets: bytes) -> int:
        return int(octets.split()[3])

    one = end()
    assert one.offer == one.offer
    first, _ = one.answer(sdp(PLAIN))
    again, _ = one.answer(sdp(PLAIN))
    held, _ = one.answer(sdp(PLAIN, "a=sendonly"))
    one.move("192.0.2.1", 4002)
    assert [version(body) for body in (first, again, held, one.offer, one.offer)] == [8, 8, 9, 10, 10]


def key_line(tag: int, suite: str = SUITES[0], key: bytes = KEY, behind: str = "") -> str:
    return f"a=crypto:{tag} {suite} inline:{base64.b64encode(key).decode()}{behind}"


def test_the_key_is_chosen_by_suite_and_tag() -> None:
    """Not the first line: rtpengine lists a dozen suites, with a fingerprint beside them."""
    others = [key_line(number, f"AEAD_AES_{number}_GCM") for number in range(3, 14)]
    lines = [
        "m=audio 5000 RTP/SAVP 0",
        "a=fingerprint:sha-256 AB",
        *others,
        key_line(1, SUITES[1]),
        key_line(2, SUITES[1]),
    ]
    far = accept(*lines, of=end(crypto=OURS))
    assert (far.our_key, far.their_key) == (OURS[1], Crypto(2, SUITES[1], KEY))


@pytest.mark.parametrize(
    "lines",
    [
        ("m=audio 5000 RTP/AVP 0", key_line(1)),
        ("m=audio 5000 RTP/SAVP 0",),
        ("m=audio 5000 RTP/SAVP 0", key_line(3)),
    ],
)
def test_srtp_is_never_given_up(lines: tuple[str, ...]) -> None:
    """An answer without it, or without a key that fits, ends the call."""
    with pytest.raises(NotAcceptable, match="SRTP"):
        accept(*lines, of=end(crypto=OURS))


def test_an_offer_of_srtp_is_answered_under_its_tag() -> None:
    """RFC 4568 §5.1.2: by suite, with a key of our own."""
    body, far = end(crypto=OURS).answer(
        sdp("m=audio 5000 RTP/SAVP 0", key_line(4, "AES_256_CM"), key_line(5, SUITES[0]))
    )
    (answered,) = read_descriptions(body)
    assert read_crypto(answered.values("crypto")) == [Crypto(5, SUITES[0], bytes(30))]
    assert (answered.protocol, far.their_key) == ("RTP/SAVP", Crypto(5, SUITES[0], KEY))


def test_keys_that_would_change_packets_are_left_out() -> None:
    """An MKI stands in every packet, and session parameters turn parts off (RFC 4568 §6.1, §6.3); a life span does
    not.
    """
    lines = [
        key_line(1, behind="|2^31|1:4")[9:],
        key_line(2, behind=" UNENCRYPTED_SRTP")[9:],
        key_line(3, key=b"short")[9:],
        f"4 {SUITES[0]} inline:A",
        "nonsense",
        key_line(5, behind="|2^31")[9:],
    ]
    assert read_crypto(lines) == [Crypto(5, SUITES[0], KEY)]
    assert base64.b64encode(KEY).decode() not in repr(read_crypto(lines))


laws = st.sampled_from([(Law.PCMU,), (Law.PCMA,), (Law.PCMU, Law.PCMA), (Law.PCMA, Law.PCMU)])


@given(laws, laws, st.booleans(), st.booleans(), st.booleans())
def test_both_sides_agree(
    ours: tuple[Law, ...], theirs: tuple[Law, ...], keys: bool, their_keys: bool, secure: bool
) -> None:
    """Our answer to an offer of ours: both take the same codec, keys and SRTP."""
    caller = end(laws=ours, keys=keys, crypto=OURS if secure else ())
    called = AudioEnd(
        "2001:db8::2", 5000, session=9, laws=theirs, keys=their_keys, crypto=OURS[1:] if secure else ()
    )
    if not set(ours) & set(theirs):
        with pytest.raises(NotAcceptable):
            called.answer(caller.offer)
        return
    body, heard = called.answer(caller.offer)
    said = caller.accept(body)
    assert said.law == heard.law == next(law for law in ours if law in theirs)
    assert (said.event_type is not None) == (heard.event_type is not None) == (keys and their_keys)
    assert (said.our_key, said.their_key) == (heard.their_key, heard.our_key)
    assert (said.address, said.port, heard.address, heard.port) == ("2001:db8::2", 5000, "192.0.2.1", 4000)


@given(
    st.binary(max_size=100), st.lists(st.text(alphabet="am=audio 0RTP/AVP:x85.\r\n", max_size=30), max_size=5)
)
def test_octets_of_any_kind_are_a_description_or_refused(octets: bytes, lines: list[str]) -> None:
    """Nothing but NotAcceptable is raised, and Malformed is one."""
    for tried in (
        octets,
        b"v=0\r\n" + octets,
        sdp(PLAIN, *lines),
        sdp(*(f"a={one}" for one in lines), PLAIN),
    ):
        for read in (end().accept, end().answer, end(crypto=OURS).accept):
            try:
                read(tried)
            except NotAcceptable:
                continue
