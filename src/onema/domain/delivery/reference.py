"""A carrier's name for something, as it is kept and compared.

Carriers name what they took by anything from a number to octets that are no text. Every name is spelled by the same
rule when it is written down and when a receipt quotes it, so that nothing a carrier may say is refused by a store.
"""

import hashlib

LONGEST_REFERENCE = 255
_TAIL = 32


def spelled(reference: str) -> str:
    """As it is, where it is plain text of ordinary length; otherwise with what is odd escaped, and a long one cut with
    a digest of the whole at its end.
    """
    if reference.isprintable() and len(reference) <= LONGEST_REFERENCE:
        return reference
    plain = reference.encode("unicode_escape").decode("ascii")
    if len(plain) <= LONGEST_REFERENCE:
        return plain
    digest = hashlib.sha256(plain.encode()).hexdigest()[:_TAIL]
    return f"{plain[: LONGEST_REFERENCE - _TAIL - 1]}~{digest}"
