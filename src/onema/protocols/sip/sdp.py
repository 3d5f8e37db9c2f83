"""Offer and answer (RFC 3264) of one audio stream: PCMU, PCMA, and keys (RFC 4733)."""

import enum
import re

import msgspec

from onema.protocols.sip.crypto_lines import Crypto, agreed, chosen, read_crypto
from onema.protocols.sip.descriptions import Description, Malformed, NotAcceptable, read_descriptions
from onema.speech.g711 import Law

__all__ = ["AudioEnd", "FarAudio", "Malformed", "NotAcceptable"]

EVENT_TYPE = 101
"""The payload type that we offer telephone-event as: what everybody uses."""
PTIME_MS = 20
"""Milliseconds of audio in a packet where nothing is said (RFC 3551 §4.2)."""
LONGEST_PTIME_MS = 60

_STATIC = {Law.PCMU: "0", Law.PCMA: "8"}
"""RFC 3551 §6; no a=rtpmap is needed for them."""
_CLOCK = 8_000
_RTPMAP = re.compile(r"([0-9]{1,3})\s+([^\s/]+)/([0-9]{1,6})(?:/([0-9]{1,2}))?\s*")
_PLAIN = ("RTP/AVP", "RTP/AVPF")
_SECURE = ("RTP/SAVP", "RTP/SAVPF")
_ANSWERS = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
"""By the offered direction (RFC 3264 §6.1)."""


class FarAudio(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed: where the far end wants audio, and how."""

    address: str
    """Without brackets; never a name."""
    port: int
    rtcp_port: int
    """Where it wants reports (RFC 3605; one above `port` where it does not say)."""
    law: Law
    payload_type: int
    """Of `law`, in what we send."""
    accepted: tuple[tuple[int, Law], ...]
    """Payload types that may come, with their laws: all that were agreed (RFC 3264 §7)."""
    event_type: int | None
    """Of telephone-event in what we send; None where none was agreed."""
    event_types: frozenset[int]
    """Of telephone-event in what may come: as we wrote it, and as the far end did, since peers send either."""
    ptime_ms: int
    """A multiple of 10, to 60. More than that is not sent, whatever it asks for."""
    listens: bool
    """Whether it wants to hear us; False is hold: `sendonly`, `inactive` or address 0.0.0.0."""
    our_key: Crypto | None = None
    their_key: Crypto | None = None


class _Format(msgspec.Struct, frozen=True):
    """A payload type and what it stands for: None is something that we do not know."""

    number: int
    law: Law | None = None
    is_event: bool = False


class _Use(enum.Enum):
    """What a description of the far end is read as."""

    ANSWER = "answer"
    OFFER = "offer"


class AudioEnd:
    """Our end of one call's audio. The description of it changes its version only when anything else changes."""

    def __init__(
        self,
        address: str,
        port: int,
        *,
        session: int,
        laws: tuple[Law, ...] = (Law.PCMU, Law.PCMA),
        keys: bool = True,
        ptime_ms: int = PTIME_MS,
        crypto: tuple[Crypto, ...] = (),
        direction: str = "sendrecv",
    ) -> None:
        """`address` without brackets; `session` tells this call's descriptions from all others' (RFC 8866 §5.2); `laws`
        in the order they are wanted; with `crypto` audio is SRTP or nothing.
        """
        self._address, self._port, self._session = address, port, session
        self._laws, self._has_keys, self._ptime_ms = laws, keys, ptime_ms
        self._crypto, self._direction = crypto, direction
        self._version = session
        self._said: list[str] = []

    @property
    def offer(self) -> bytes:
        """Always the same, as long as no answer of ours said something else in between."""
        numbers = [_STATIC[law] for law in self._laws]
        lines = [f"a=rtpmap:{_STATIC[law]} {law.value}/{_CLOCK}" for law in self._laws]
        if self._has_keys:
            numbers.append(str(EVENT_TYPE))
            lines += _event_lines(EVENT_TYPE)
        protocol = _SECURE[0] if self._crypto else _PLAIN[0]
        lines = [f"m=audio {self._port} {protocol} {' '.join(numbers)}", *lines]
        lines += (f"a=crypto:{crypto.encode()}" for crypto in self._crypto)
        return self._encode([*lines, f"a=ptime:{self._ptime_ms}", f"a={self._direction}"])

    def move(self, address: str, port: int) -> None:
        """The next offer and answer name another place."""
        self._address, self._port = address, port

    def accept(self, answer: bytes) -> FarAudio:
        """What an answer to our offer agreed. Raises Malformed, and NotAcceptable where we cannot go on by it."""
        for description in read_descriptions(answer):
            if description.kind == "audio" and description.port:
                return self._read(description, _Use.ANSWER)
        raise NotAcceptable("the answer takes no audio")

    def answer(self, offer: bytes) -> tuple[bytes, FarAudio]:
        """Our answer to an offer, with one codec, so that there is nothing to agree upon again. Raises Malformed, and
        NotAcceptable where nothing is in common.
        """
        descriptions = read_descriptions(offer)
        taken = next((one for one in descriptions if one.kind == "audio" and one.port), None)
        if taken is None:
            raise NotAcceptable("the offer has no audio")
        far = self._read(taken, _Use.OFFER)
        lines: list[str] = []
        for description in descriptions:
            if description is taken:
                lines += self._answer_lines(description, far)
            else:
                # Refused, in its place (RFC 3264 §6).
                lines.append(f"m={description.kind} 0 {description.protocol} {' '.join(description.formats)}")
        return self._encode(lines), far

    def _answer_lines(self, offered: Description, far: FarAudio) -> list[str]:
        numbers = [far.payload_type]
        lines = [f"a=rtpmap:{far.payload_type} {far.law.value}/{_CLOCK}"]
        if far.event_type is not None:
            numbers.append(far.event_type)
            lines += _event_lines(far.event_type)
        if far.our_key is not None:
            lines.append(f"a=crypto:{far.our_key.encode()}")
        direction = _ANSWERS[offered.direction] if self._direction == "sendrecv" else self._direction
        return [
            f"m=audio {self._port} {offered.protocol} {' '.join(map(str, numbers))}",
            *lines,
            f"a=ptime:{self._ptime_ms}",
            f"a={direction}",
        ]

    def _encode(self, lines: list[str]) -> bytes:
        family = "IP6" if ":" in self._address else "IP4"
        lines = ["s=-", f"c=IN {family} {self._address}", "t=0 0", *lines]
        if self._said and lines != self._said:
            self._version += 1
        self._said = lines
        origin = f"o=- {self._session} {self._version} IN {family} {self._address}"
        text = "".join(f"{line}\r\n" for line in ("v=0", origin, *lines))
        return text.encode("utf-8", "surrogateescape")

    def _read(self, description: Description, use: _Use) -> FarAudio:
        if description.protocol not in (_SECURE if self._crypto else _PLAIN):
            raise NotAcceptable(f"{'' if self._crypto else 'no '}SRTP is wanted")
        ours = theirs = None
        if self._crypto:
            found = (chosen if use is _Use.ANSWER else agreed)(
                self._crypto, read_crypto(description.values("crypto"))
            )
            if found is None:
                raise NotAcceptable("no key of SRTP in common")
            ours, theirs = found
        formats = _formats(description)
        audio = [(one.number, one.law) for one in formats if one.law is not None and one.law in self._laws]
        if not audio:
            raise NotAcceptable("no codec in common")
        event = next((one.number for one in formats if one.is_event), None) if self._has_keys else None
        number, law = audio[0]
        accepted = dict(audio)
        if use is _Use.ANSWER:
            accepted |= {int(_STATIC[law]): law for _, law in audio}
        return FarAudio(
            address=description.address,
            port=description.port,
            rtcp_port=_rtcp_port(description),
            law=law,
            payload_type=number,
            accepted=tuple(accepted.items()),
            event_type=event,
            event_types=_event_types(event, use),
            ptime_ms=_ptime(description),
            listens=_listens(description),
            our_key=ours,
            their_key=theirs,
        )


def _event_lines(number: int) -> list[str]:
    """RFC 4733 §2.4: the events 0 to 15 are the keys."""
    return [f"a=rtpmap:{number} telephone-event/{_CLOCK}", f"a=fmtp:{number} 0-15"]


def _event_types(event: int | None, use: _Use) -> frozenset[int]:
    if event is None:
        return frozenset()
    return frozenset((event, EVENT_TYPE)) if use is _Use.ANSWER else frozenset((event,))


def _formats(description: Description) -> list[_Format]:
    """In the order of the m-line, which is the order of preference (RFC 3264 §6.1)."""
    maps: dict[int, tuple[str, int]] = {}
    for value in description.values("rtpmap"):
        if found := _RTPMAP.fullmatch(value):
            maps[int(found[1])] = found[2].upper(), int(found[3]) if found[4] in (None, "1") else 0
    known: list[_Format] = []
    for text in description.formats:
        if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) < 128):
            continue
        number = int(text)
        name, clock = maps.get(number, _WITHOUT_RTPMAP.get(number, ("", 0)))
        # telephone-event comes once for every clock; ours is that of the codec (RFC 4733 §2.1).
        if clock == _CLOCK and name == "TELEPHONE-EVENT":
            known.append(_Format(number, is_event=True))
        elif clock == _CLOCK and name in Law.__members__:
            known.append(_Format(number, law=Law[name]))
    return known


_WITHOUT_RTPMAP = {int(number): (law.value, _CLOCK) for law, number in _STATIC.items()}


def _ptime(description: Description) -> int:
    """What the far end wants to get, as far as we send it."""
    wanted = _milliseconds(description.value("ptime")) or PTIME_MS
    most = _milliseconds(description.value("maxptime")) or LONGEST_PTIME_MS
    return max(10, min(wanted, most, LONGEST_PTIME_MS) // 10 * 10)


def _milliseconds(value: str | None) -> int:
    """0 for what is no number of them."""
    found = re.match(r"[0-9]{1,4}", value or "")
    return int(found[0]) if found else 0


def _rtcp_port(description: Description) -> int:
    """RFC 3605, where an address may follow; RFC 3550 §11 where it does not say."""
    found = re.match(r"[0-9]{1,5}", description.value("rtcp") or "")
    port = int(found[0]) if found else 0
    return port if 0 < port <= 65_535 else min(description.port + 1, 65_535)


def _listens(description: Description) -> bool:
    """Whether it is not on hold (RFC 3264 §8.4; by the address RFC 2543 said so)."""
    return description.direction in ("sendrecv", "recvonly") and description.address not in ("0.0.0.0", "::")  # noqa: S104
