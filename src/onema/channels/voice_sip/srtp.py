"""SRTP and SRTCP (RFC 3711) with keys of SDP (SDES, RFC 4568), by libsrtp: the extra `srtp` installs pylibsrtp.

Keys travel in the signalling, so that this hides nothing from whoever reads that: it wants TLS.
"""

import importlib.util
import secrets
from typing import Any, Protocol

from onema.protocols.sip.crypto_lines import KEY_OCTETS, SUITES, Crypto

_REPLAYS = 128
"""Packets that may come late or again and are told apart (RFC 3711 §3.3.2)."""


class Protection(Protocol):
    """What makes packets of one call secret, and those of its far end readable."""

    def protect(self, packet: bytes) -> bytes: ...
    def unprotect(self, packet: bytes) -> bytes | None:
        """None for what the far end's key did not make, and for what came before."""

    def protect_report(self, report: bytes) -> bytes: ...
    def unprotect_report(self, report: bytes) -> bytes | None: ...


def is_installed() -> bool:
    return importlib.util.find_spec("pylibsrtp") is not None


def offered() -> tuple[Crypto, ...]:
    """New keys for an offer, one of each suite (RFC 4568 §6.1: never two streams with one key)."""
    return tuple(Crypto(tag, suite, secrets.token_bytes(KEY_OCTETS)) for tag, suite in enumerate(SUITES, 1))


class SrtpSession:
    """A Protection. `ours` is the key of what we send, `theirs` of what comes."""

    def __init__(self, ours: Crypto, theirs: Crypto) -> None:
        import pylibsrtp

        self._error = pylibsrtp.Error
        self._outgoing = _session(pylibsrtp, ours, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        self._incoming = _session(pylibsrtp, theirs, pylibsrtp.Policy.SSRC_ANY_INBOUND)

    def __repr__(self) -> str:
        return "SrtpSession(...)"

    def protect(self, packet: bytes) -> bytes:
        return bytes(self._outgoing.protect(packet))

    def unprotect(self, packet: bytes) -> bytes | None:
        try:
            return bytes(self._incoming.unprotect(packet))
        except self._error:
            return None

    def protect_report(self, report: bytes) -> bytes:
        return bytes(self._outgoing.protect_rtcp(report))

    def unprotect_report(self, report: bytes) -> bytes | None:
        try:
            return bytes(self._incoming.unprotect_rtcp(report))
        except self._error:
            return None


def _session(library: Any, key: Crypto, which: int) -> Any:
    policy = library.Policy(
        key=key.key,
        ssrc_type=which,
        srtp_profile=(
            library.Policy.SRTP_PROFILE_AES128_CM_SHA1_32
            if key.suite.endswith("_32")
            else library.Policy.SRTP_PROFILE_AES128_CM_SHA1_80
        ),
    )
    policy.window_size = _REPLAYS
    return library.Session(policy)
