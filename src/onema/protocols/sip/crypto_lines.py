"""Keys of SRTP in session descriptions (SDES, RFC 4568)."""

import base64
import binascii
import re

import msgspec

SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")
"""Those that are known, the better first (RFC 4568 §6.2)."""
KEY_OCTETS = 30
"""Master key and salt of both (RFC 4568 §6.1)."""

_LINE = re.compile(
    r"([0-9]{1,9})\s+(\S+)\s+inline:([A-Za-z0-9+/]+=*)((?:\|[^\s;|]+)*)\s*(?:\s(.*))?", re.IGNORECASE
)


class Crypto(msgspec.Struct, frozen=True):
    """One key: what its sender encrypts with."""

    tag: int
    suite: str
    key: bytes

    def __repr__(self) -> str:
        """Without the key."""
        return f"<Crypto {self.tag} {self.suite}>"

    def encode(self) -> str:
        return f"{self.tag} {self.suite} inline:{base64.b64encode(self.key).decode()}"


def read_crypto(values: list[str]) -> list[Crypto]:
    """Those that can be used, in order. Left out are other suites (rtpengine offers a dozen), keys with an MKI, and
    session parameters that change packets (RFC 4568 §6.3).
    """
    found: list[Crypto] = []
    for value in values:
        line = _LINE.fullmatch(value)
        if line is None or line[2].upper() not in SUITES or ":" in line[4] or line[5]:
            continue
        try:
            key = base64.b64decode(line[3], validate=True)
        except binascii.Error:
            continue
        if len(key) == KEY_OCTETS:
            found.append(Crypto(int(line[1]), line[2].upper(), key))
    return found


def chosen(ours: tuple[Crypto, ...], theirs: list[Crypto]) -> tuple[Crypto, Crypto] | None:
    """Of an answer: our key and theirs, by suite and tag together, whatever else it lists (RFC 4568 §5.1.3)."""
    for their in theirs:
        for our in ours:
            if (our.tag, our.suite) == (their.tag, their.suite):
                return our, their
    return None


def agreed(ours: tuple[Crypto, ...], theirs: list[Crypto]) -> tuple[Crypto, Crypto] | None:
    """Of an offer: our key under their tag, and theirs (RFC 4568 §5.1.2)."""
    for our in ours:
        for their in theirs:
            if our.suite == their.suite:
                return msgspec.structs.replace(our, tag=their.tag), their
    return None
