"""What a datagram on a media port is, by its first octet (RFC 7983 §7)."""

import enum


class Kind(enum.Enum):
    RTP = "rtp"
    RTCP = "rtcp"
    STUN = "stun"
    """Phones send it without being asked to; nothing is answered."""
    OTHER = "other"
    """DTLS, ZRTP, TURN channels, or nothing that anybody knows."""


def kind_of(datagram: bytes) -> Kind:
    """RTP and RTCP may share a port: packet types 192 to 223 are RTCP's (RFC 5761 §4)."""
    if not datagram:
        return Kind.OTHER
    if datagram[0] <= 3:
        return Kind.STUN
    if not 128 <= datagram[0] <= 191 or len(datagram) < 2:
        return Kind.OTHER
    return Kind.RTCP if 192 <= datagram[1] <= 223 else Kind.RTP
