"""What octets of a text mean: data_coding (3.4 §5.2.19, 3GPP TS 23.038 §4) and alphabets.

Reading never fails: what no alphabet has becomes U+FFFD.
"""

import enum
from collections.abc import Mapping

from onema.domain.values.sms_text import GSM_DEFAULT, GSM_EXTENSION, Encoding, encoding_of, gsm_octets

DATA_CODING_DEFAULT = 0x00
DATA_CODING_ASCII = 0x01
DATA_CODING_LATIN1 = 0x03
DATA_CODING_UCS2 = 0x08

_ESCAPE = 0x1B
_EXTENSION = {septet: character for character, septet in GSM_EXTENSION.items()}
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_GSM_READ: Mapping[int, str] = {
    **dict(enumerate(GSM_DEFAULT)),
    **dict.fromkeys(range(0x80, 0x100), REPLACEMENT),
}


class Alphabet(enum.Enum):
    """How octets are to be read. SMSC_DEFAULT is whatever the SMSC says that data_coding 0 is."""

    SMSC_DEFAULT = "smsc_default"
    GSM = "gsm"
    ASCII = "ascii"
    LATIN1 = "latin1"
    BINARY = "binary"
    UCS2 = "ucs2"
    JIS = "jis"
    CYRILLIC = "cyrillic"
    HEBREW = "hebrew"
    KOREAN = "korean"


# 3.4 §5.2.19. 0x02 and 0x04 are octets that nobody may look into; receipts come in them all the same.
_SMPP_CODINGS = {
    0x00: Alphabet.SMSC_DEFAULT,
    0x01: Alphabet.ASCII,
    0x02: Alphabet.BINARY,
    0x03: Alphabet.LATIN1,
    0x04: Alphabet.BINARY,
    0x05: Alphabet.JIS,
    0x06: Alphabet.CYRILLIC,
    0x07: Alphabet.HEBREW,
    0x08: Alphabet.UCS2,
    0x0A: Alphabet.JIS,
    0x0D: Alphabet.JIS,
    0x0E: Alphabet.KOREAN,
}
_CODECS = {
    Alphabet.ASCII: "ascii",
    Alphabet.LATIN1: "latin-1",
    Alphabet.BINARY: "latin-1",
    Alphabet.JIS: "shift_jis",
    Alphabet.CYRILLIC: "iso8859-5",
    Alphabet.HEBREW: "iso8859-8",
    Alphabet.KOREAN: "euc_kr",
}


def alphabet_of(data_coding: int) -> Alphabet:
    """By SMPP's table up to 0x0F, and from there by the coding groups of 3GPP TS 23.038 §4, as which SMSCs hand on
    what a phone sent: a UCS-2 flash text is 0x18, and only looks like 0x08 in its low four bits.
    """
    if data_coding < 0x10:
        return _SMPP_CODINGS.get(data_coding, Alphabet.BINARY)
    group = data_coding >> 4
    if group < 0x8:
        # General and automatic deletion groups: bits 3 and 2. A compressed text (bit 5) cannot be read.
        if data_coding & 0x20:
            return Alphabet.BINARY
        return (Alphabet.GSM, Alphabet.BINARY, Alphabet.UCS2, Alphabet.GSM)[data_coding >> 2 & 3]
    if group in (0xC, 0xD):
        return Alphabet.GSM  # a waiting message: its text discarded or stored
    if group == 0xE:
        return Alphabet.UCS2
    if group == 0xF:
        return Alphabet.BINARY if data_coding & 0x04 else Alphabet.GSM
    return Alphabet.GSM  # reserved groups are to be read as the default alphabet


def read_text(octets: bytes, alphabet: Alphabet, smsc_default: Alphabet = Alphabet.GSM) -> str:
    """The text of all parts' octets, headers taken off."""
    if alphabet is Alphabet.SMSC_DEFAULT:
        alphabet = smsc_default
    if alphabet is Alphabet.GSM:
        return read_gsm(octets)
    if alphabet is Alphabet.UCS2:
        # UTF-16: phones send surrogate pairs. An odd octet at the end belongs to nothing.
        return octets[: len(octets) & ~1].decode("utf-16-be", "replace")
    return octets.decode(_CODECS[alphabet], "replace")


def read_gsm(octets: bytes) -> str:
    """Septets, one per octet (3GPP TS 23.038 §6.2.1). After an escape what the extension table lacks is read as in the
    default table, as phones do.
    """
    if _ESCAPE not in octets:
        return "".join(map(_GSM_READ.__getitem__, octets))
    letters: list[str] = []
    escaped = False
    for octet in octets:
        if escaped:
            letters.append(_EXTENSION.get(octet) or _GSM_READ[octet])
            escaped = False
        elif octet == _ESCAPE:
            escaped = True
        else:
            letters.append(_GSM_READ[octet])
    return "".join(letters)


_SAME = bytes(code for code, letter in enumerate(GSM_DEFAULT) if code == ord(letter) and code != _ESCAPE)


def plain_octets(text: str) -> bytes | None:
    """The octets of a text that are the same in ASCII, GSM and Latin-1, as those of most codes are; None for any other.
    It takes a tenth of the time of what else tells alphabets apart.
    """
    if not text.isascii():
        return None
    octets = text.encode("ascii")
    return None if octets.translate(None, _SAME) else octets


def write_text(text: str, smsc_default: Alphabet = Alphabet.GSM) -> tuple[int, bytes]:
    """(data_coding, octets) of one part: 0 where the alphabet has all its letters, else 8.

    GSM texts go as 0, never as 1, which node-smpp sends them as. Where 0 is Latin-1, a GSM text with letters that
    Latin-1 lacks (Greek, the euro sign) goes as UCS-2: whoever priced it as GSM looks whether that fits.
    """
    if encoding_of(text) is Encoding.GSM7:
        if smsc_default is Alphabet.GSM:
            return DATA_CODING_DEFAULT, gsm_octets(text)
        try:
            return DATA_CODING_DEFAULT, text.encode(_CODECS[smsc_default])
        except UnicodeEncodeError:
            pass
    return DATA_CODING_UCS2, text.encode("utf-16-be", "replace")
