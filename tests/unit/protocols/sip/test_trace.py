"""The messages of a call as operators see them: kept within bounds, without secrets, drawn and exported."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.protocols.sip.digest import DigestClient
from onema.protocols.sip.headers import Headers
from onema.protocols.sip.ladder import ladder
from onema.protocols.sip.messages import Request, Response
from onema.protocols.sip.pcap import pcap
from onema.protocols.sip.trace import (
    LONGEST_KEPT,
    MOST_MESSAGES,
    MOST_OCTETS,
    BadTrace,
    RecordedTrace,
    Trace,
    read_trace,
    without_secrets,
)

BEGAN = 1_795_903_200.25
OURS = ("192.0.2.1", 5060)
PROXY = ("198.51.100.1", 5060)
ROWS = (
    ("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"),
    ("From", "<sip:+84900000001@example.com>;tag=1"),
    ("To", "<sip:+84900000002@example.com>"),
    ("Call-ID", "1"),
)
OFFER = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 0 101\r\n"
    b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0IGtleSBvZiBTUlRQLCBuZXZlciBzaG93bg==|2^20\r\na=sendrecv\r\n"
)


def request(method: str, *rows: tuple[str, str], body: bytes = b"") -> Request:
    kind = [("Content-Type", "application/sdp")] if body else []
    headers = Headers([*ROWS, ("CSeq", f"1 {method}"), *rows, *kind])
    return Request(method, "sip:+84900000002@example.com", headers, body)


def response(status: int, reason: str, *rows: tuple[str, str]) -> Response:
    return Response(status, reason, Headers([*ROWS, ("CSeq", "1 INVITE"), *rows]))


class Call:
    """A trace that is filled in by the second."""

    def __init__(self) -> None:
        self.trace = Trace()

    def sent(self, after: float, octets: bytes, far: tuple[str, int] = PROXY, transport: str = "UDP") -> None:
        self.trace.add(BEGAN + after, octets, is_outgoing=True, local=OURS, far=far, transport=transport)

    def came(self, after: float, octets: bytes, far: tuple[str, int] = PROXY, transport: str = "UDP") -> None:
        self.trace.add(BEGAN + after, octets, is_outgoing=False, local=OURS, far=far, transport=transport)

    def stored(self) -> RecordedTrace:
        return read_trace(self.trace.encode())


def busy_call() -> Call:
    call = Call()
    invite = request("INVITE", body=OFFER).encode()
    call.sent(0.0, invite)
    call.sent(0.5, invite)
    call.came(0.512, response(100, "trying -- \x1b[31m").encode())
    call.came(4.3, response(486, "Busy +84900000002", ("Reason", 'Q.850;cause=17;text="User busy"')).encode())
    call.sent(4.301, request("ACK").encode())
    return call


def test_a_trace_comes_back_as_it_was() -> None:
    """Times, directions, places and octets."""
    call = busy_call()
    stored = call.stored()
    assert (stored.began, stored.left_out, len(call.trace)) == (BEGAN, 0, 5)
    assert [message.milliseconds for message in stored.messages] == [0, 500, 512, 4300, 4301]
    assert [message.is_outgoing for message in stored.messages] == [True, True, False, False, True]
    assert {(message.local, message.far, message.transport) for message in stored.messages} == {
        (OURS, PROXY, "UDP")
    }
    assert stored.messages[4].octets == request("ACK").encode()


def test_nothing_makes_no_trace() -> None:
    """A call that was refused before its INVITE."""
    assert Trace().encode() == b""


def test_the_middle_of_a_long_call_is_left_out() -> None:
    """What began it and what ended it are kept, and how much is missing."""
    call = Call()
    for second in range(500):
        call.sent(second, request("UPDATE", ("X-Count", str(second))).encode())
    stored = call.stored()
    assert len(stored.messages) == MOST_MESSAGES
    assert (stored.first, stored.left_out) == (MOST_MESSAGES // 2, 500 - MOST_MESSAGES)
    assert b"X-Count: 0\r" in stored.messages[0].octets
    assert b"X-Count: 499\r" in stored.messages[-1].octets
    assert f"{500 - MOST_MESSAGES} messages left out" in ladder(stored)


@given(st.lists(st.binary(max_size=300).map(lambda octets: octets * 50), max_size=40))
def test_a_trace_never_outgrows_its_bounds(messages: list[bytes]) -> None:
    """However large messages are, and though they cannot be packed."""
    call = Call()
    for octets in messages:
        call.came(0.0, octets)
    stored = call.trace.encode()
    assert len(stored) <= 65_536
    if messages:
        kept = call.stored().messages
        assert sum(len(message.octets) for message in kept) <= MOST_OCTETS
        assert all(len(message.octets) <= LONGEST_KEPT for message in kept)


@given(st.binary(max_size=100))
def test_other_octets_are_no_trace(octets: bytes) -> None:
    """BadTrace alone is raised: a store may have been filled by another version."""
    for tried in (octets, b"\x01" + octets, busy_call().trace.encode()[:-3] + octets[:2]):
        with pytest.raises(BadTrace):
            read_trace(tried)


def test_no_proof_of_a_password_is_kept() -> None:
    """Digest keeps what tells a fault (realm, nonce, qop, nc); other schemes keep nothing."""
    client = DigestClient("alice", "secret", lambda: "cnonce-of-ours")
    invite = request("INVITE", ("X-A", "response=5"))
    challenge = Headers([("Proxy-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')])
    client.learn(invite, Response(407, "", challenge))
    client.authorize(invite)
    invite.headers.add("Authorization", "Basic YWxpY2U6c2VjcmV0")
    octets = invite.encode()
    covered = without_secrets(octets)
    assert len(covered) == len(octets)
    assert b'realm="r", nonce="n"' in covered
    assert b'response="' + b"*" * 32 + b'"' in covered
    assert b"cnonce-of-ours" not in covered
    assert b"YWxp" not in covered
    assert b"X-A: response=5" in covered
    assert without_secrets(covered) == covered


def test_no_key_of_srtp_is_kept() -> None:
    """In any form that session descriptions have for one."""
    body = OFFER + b"a=key-mgmt:mikey AQAFgM0XflABAAA\r\nk=clear:s3cret\r\n"
    octets = request("INVITE", body=body).encode()
    covered = without_secrets(octets)
    assert len(covered) == len(octets)
    assert not any(secret in covered for secret in (b"c2Vj", b"AQAF", b"s3cret"))
    assert b"inline:" + b"A" * 42 + b"==|2^20" in covered


def test_a_folded_proof_is_found() -> None:
    """A row may go on on the next lines (RFC 3261 §7.3.1)."""
    octets = (
        b'REGISTER sip:a SIP/2.0\r\nauthorization : Digest realm=r,\r\n\tresponse = "abc",\r\n nc=1\r\nTo: a'
    )
    assert without_secrets(octets) == octets.replace(b"abc", b"***")


def test_the_ladder_shows_who_sent_what_and_why() -> None:
    """Repetitions, causes and media; no phone number, and nothing that a terminal obeys."""
    assert ladder(busy_call().stored()).split("\n") == [
        "began 2026-11-28 22:00:00.250 UTC",
        "            192.0.2.1:5060                            198.51.100.1:5060",
        "    +0.000 s  |- INVITE UDP --------------------------->|",
        "              |   audio 192.0.2.1:4000 RTP/SAVP 0 101 sendrecv",
        "    +0.500 s  |- INVITE UDP, again -------------------->|",
        r"    +0.512 s  |<------ 100 trying -- \x1b[31m (INVITE) -|",
        "    +4.300 s  |<------- 486 Busy +*********** (INVITE) -|",
        '              |   Reason: Q.850;cause=17;text="User busy"',
        "    +4.301 s  |- ACK UDP ------------------------------>|",
        "",
    ]


def test_each_far_end_has_a_line() -> None:
    """A proxy that fails over to another, and what is no SIP at all."""
    call = Call()
    other = ("2001:db8::1", 5061)
    call.sent(0.0, request("INVITE").encode())
    call.sent(32.0, request("INVITE").encode(), far=other, transport="TLS")
    call.came(32.5, b"nonsense\r\n", far=PROXY)
    call.came(33.0, response(180, "Ringing").encode(), far=other, transport="TLS")
    for number in range(3):
        call.came(34.0, b"x", far=("203.0.113.9", number))
    drawn = ladder(call.stored()).split("\n")
    assert "[2001:db8::1]:5061" in drawn[1]
    assert "no SIP, 10 octets" in "".join(drawn)
    assert "203.0.113.9:2" in "".join(drawn)
    widths = {len(line) for line in drawn if " s  |" in line}
    assert len(widths) == 1


def test_an_empty_trace_can_be_drawn() -> None:
    """Nothing but its time."""
    assert ladder(RecordedTrace(BEGAN, [])).startswith("began 2026")
    assert len(pcap(RecordedTrace(BEGAN, []))) == 24


def _tshark(capture: Path, *arguments: str) -> str:
    command = [shutil.which("tshark") or "tshark", "-r", str(capture), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


def test_wireshark_reads_the_capture(tmp_path: Path) -> None:
    """IPv4 and IPv6, whole and cut messages, right checksums, nothing malformed."""
    call = busy_call()
    call.sent(5.0, request("BYE").encode(), far=("2001:db8::1", 5060), transport="TLS")
    call.came(6.0, request("INFO", ("X", "y" * LONGEST_KEPT)).encode(), far=("gateway", 5060))
    capture = tmp_path / "call.pcap"
    capture.write_bytes(pcap(call.stored()))
    checked = ("-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE")
    fields = (
        "frame.time_epoch",
        "ipv6.dst",
        "udp.srcport",
        "sip.Method",
        "sip.Status-Code",
        "udp.checksum.status",
    )
    shown = _tshark(capture, *checked, "-T", "fields", *(part for field in fields for part in ("-e", field)))
    rows = [line.split("\t") for line in shown.splitlines()]
    assert [(row[3], row[4]) for row in rows[:6]] == [
        ("INVITE", ""), ("INVITE", ""), ("", "100"), ("", "486"), ("ACK", ""), ("BYE", "")
    ]  # fmt: skip
    assert float(rows[3][0]) == pytest.approx(BEGAN + 4.3)
    assert rows[5][1] == "2001:db8::1"
    assert {row[5] for row in rows[:6]} == {"1"}
    assert _tshark(capture, *checked, "-Y", "_ws.malformed || ip.checksum.status == 0") == ""
