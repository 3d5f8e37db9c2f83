"""The signalling of a call that took place nowhere, as a trunk's would be kept."""

from onema.protocols.sip.trace import Trace

OURS, THEIRS = ("192.0.2.10", 5060), ("198.51.100.20", 5060)
_REASONS = {200: "OK", 480: "Temporarily Unavailable", 486: "Busy Here", 603: "Decline"}


def call_trace(caller: str, phone: str, began: int, ring_ms: int, talk_ms: int, status: int) -> bytes:
    """`began` is Unix milliseconds."""
    trace = Trace()
    call = f"{began:x}"
    head = (
        f"From: <sip:{caller}@{OURS[0]}>;tag=a{call}\r\nTo: <sip:{phone}@{THEIRS[0]}>;tag=b{call}\r\n"
        f"Call-ID: {call}@{OURS[0]}\r\n"
    )

    def add(at: int, line: str, step: str, *, is_ours: bool) -> None:
        octets = (
            f"{line}\r\nVia: SIP/2.0/UDP {OURS[0]}:{OURS[1]};branch=z9hG4bK{call}\r\n{head}"
            f"CSeq: {step}\r\nContent-Length: 0\r\n\r\n"
        ).encode()
        trace.add(at / 1000, octets, is_outgoing=is_ours, local=OURS, far=THEIRS, transport="UDP")

    target = f"sip:{phone}@{THEIRS[0]} SIP/2.0"
    add(began, f"INVITE {target}", "1 INVITE", is_ours=True)
    add(began + 30, "SIP/2.0 100 Trying", "1 INVITE", is_ours=False)
    at = began + 700
    if ring_ms:
        add(at, "SIP/2.0 180 Ringing", "1 INVITE", is_ours=False)
        at += ring_ms
    add(at, f"SIP/2.0 {status} {_REASONS[status]}", "1 INVITE", is_ours=False)
    add(at + 2, f"ACK {target}", "1 ACK", is_ours=True)
    if talk_ms:
        add(at + talk_ms, f"BYE {target}", "2 BYE", is_ours=True)
        add(at + talk_ms + 25, "SIP/2.0 200 OK", "2 BYE", is_ours=False)
    return trace.encode()
