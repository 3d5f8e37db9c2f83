"""PDUs in a stream: header and body (3.4 §3.2)."""

import struct

import msgspec

from onema.protocols.smpp.commands import name_of

HEADER = struct.Struct(">IIII")
"""command_length, command_id, command_status, sequence_number: big-endian (3.4 §3.1)."""

HEADER_OCTETS = 16
LONGEST_PDU = 131_072
"""Octets of a PDU with its header: two message_payloads of 64 KiB would not fit, and nobody sends one."""

LARGEST_SEQUENCE = 0x7FFFFFFF
"""Sequence numbers go from 1 to this (3.4 §3.2)."""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One PDU whose body has not been looked at."""

    command: int
    status: int
    sequence: int
    body: bytes = b""

    def __repr__(self) -> str:
        """Without the body: it holds texts and passwords."""
        told = f"{name_of(self.command)}, status {self.status}, sequence {self.sequence}"
        return f"<Frame {told}, {len(self.body)} octets>"


class FrameReader:
    """Cuts what comes into frames, however it is cut on its way."""

    def __init__(self, longest: int = LONGEST_PDU) -> None:
        self._longest = longest
        self._begun = bytearray()
        """The beginning of a PDU whose end has not come; never as long as the longest PDU."""
        self.broken = ""
        """Why the stream cannot be read any more: a command_length that none can have, after which nobody knows where
        the next PDU begins."""

    @property
    def pending(self) -> int:
        """Octets of a PDU whose end has not come."""
        return len(self._begun)

    def receive(self, data: bytes) -> list[Frame]:
        """The PDUs that end in `data`, in order; none after the stream broke."""
        frames: list[Frame] = []
        if self.broken:
            return frames
        source: bytes | bytearray = data
        if self._begun:
            self._begun += data
            source = self._begun
        at, available = 0, len(source)
        unpack, longest = HEADER.unpack_from, self._longest
        while available - at >= HEADER_OCTETS:
            length, command, status, sequence = unpack(source, at)
            if not HEADER_OCTETS <= length <= longest:
                # Seven digits in a row would be masked in a log, where it could be a phone number.
                self.broken = f"a command_length of {length:,}"
                self._begun = bytearray()
                return frames
            end = at + length
            if end > available:
                break
            frames.append(Frame(command, status, sequence, bytes(source[at + HEADER_OCTETS : end])))
            at = end
        if source is self._begun:
            del self._begun[:at]
        elif at < available:
            self._begun = bytearray(source[at:])
        return frames


def pdu(command: int, status: int, sequence: int, body: bytes = b"") -> bytes:
    """The octets of a PDU."""
    return HEADER.pack(HEADER_OCTETS + len(body), command, status, sequence) + body
