"""A call's messages as a capture file that Wireshark reads (the classic format: draft-ietf-opsawg-pcap)."""

import ipaddress
import struct

from onema.protocols.sip.trace import RecordedTrace, TracedMessage

_FILE = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1)
"""Little-endian, times in microseconds, link type 1: Ethernet."""
_OURS, _THEIRS = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
"""Made-up addresses of the two cards (the bit 0x02: administered locally)."""
_IPV4, _IPV6 = 0x0800, 0x86DD
_UDP = 17
_LONGEST = 65_535 - 40 - 8


def pcap(trace: RecordedTrace) -> bytes:
    """Each message as one UDP datagram, also what went over TCP or TLS. What was cut when it was kept is cut in the
    capture too, with its true length beside it.
    """
    return _FILE + b"".join(_record(trace.began, message) for message in trace.messages)


def _record(began: float, message: TracedMessage) -> bytes:
    seconds, microseconds = divmod(round(began * 1_000_000) + message.milliseconds * 1000, 1_000_000)
    frame = _frame(message)
    cut = min(message.whole, _LONGEST) - len(message.octets)
    return struct.pack("<IIII", seconds & 0xFFFFFFFF, microseconds, len(frame), len(frame) + cut) + frame


def _frame(message: TracedMessage) -> bytes:
    source, target = (message.local, message.far) if message.is_outgoing else (message.far, message.local)
    from_card, to_card = (_OURS, _THEIRS) if message.is_outgoing else (_THEIRS, _OURS)
    from_host, to_host = _hosts(source[0], target[0])
    length = 8 + min(message.whole, _LONGEST)
    udp = struct.pack(">HHHH", source[1] & 0xFFFF, target[1] & 0xFFFF, length, 0) + message.octets
    if message.whole == len(message.octets):
        pseudo = from_host + to_host + struct.pack(">II", length, _UDP)
        udp = udp[:6] + struct.pack(">H", _checksum(pseudo + udp) or 0xFFFF) + udp[8:]
    if len(from_host) == 4:
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 64, _UDP, 0) + from_host + to_host
        head = head[:10] + struct.pack(">H", _checksum(head)) + head[12:]
        kind = _IPV4
    else:
        head = struct.pack(">IHBB", 6 << 28, length, _UDP, 64) + from_host + to_host
        kind = _IPV6
    return to_card + from_card + struct.pack(">H", kind) + head + udp


def _hosts(source: str, target: str) -> tuple[bytes, bytes]:
    """Both as IPv4 or both as IPv6; what is no address becomes that of nobody (RFC 791, RFC 4291 §2.5.2)."""
    hosts = [_address(host) for host in (source, target)]
    if all(isinstance(host, ipaddress.IPv4Address) for host in hosts):
        return hosts[0].packed, hosts[1].packed
    first, second = (
        host if isinstance(host, ipaddress.IPv6Address) else ipaddress.IPv6Address(f"::ffff:{host}")
        for host in hosts
    )
    return first.packed, second.packed


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return ipaddress.IPv4Address(0)


def _checksum(octets: bytes) -> int:
    """RFC 1071."""
    if len(octets) % 2:
        octets += b"\0"
    total: int = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
