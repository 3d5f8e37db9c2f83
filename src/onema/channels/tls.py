"""TLS from a carrier's settings: to an SMSC, to a SIP trunk."""

import ssl
from typing import Protocol


class TlsSettings(Protocol):
    """What of a carrier's settings is about TLS."""

    @property
    def tls(self) -> bool: ...
    @property
    def tls_ca_file(self) -> str: ...
    @property
    def tls_certificate_file(self) -> str: ...
    @property
    def tls_key_file(self) -> str: ...


class TlsRefused(Exception):
    """A file of `setting` cannot be used."""

    def __init__(self, setting: str, why: str) -> None:
        super().__init__(why)
        self.setting = setting


def context_of(settings: TlsSettings) -> ssl.SSLContext | None:
    """None where no TLS is spoken. Names are always checked. Raises TlsRefused."""
    if not settings.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.tls_ca_file or None)
    except OSError as error:
        raise TlsRefused("tls_ca_file", _words(error, settings.tls_ca_file)) from error
    _equip(context, settings)
    return context


def own_context_of(settings: TlsSettings) -> ssl.SSLContext | None:
    """For those who connect to us; None without TLS or without a certificate of ours. Raises TlsRefused."""
    if not settings.tls or not settings.tls_certificate_file:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _equip(context, settings)
    return context


def _equip(context: ssl.SSLContext, settings: TlsSettings) -> None:
    # SMSCs and session border controllers that speak nothing newer than 1.2 are common; older ones may not be asked.
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not settings.tls_certificate_file:
        return
    try:
        # A key with a passphrase would be asked for on the terminal.
        context.load_cert_chain(
            settings.tls_certificate_file, settings.tls_key_file or None, password=_no_passphrase
        )
    except (OSError, ValueError) as error:
        raise TlsRefused(
            "tls_key_file" if settings.tls_key_file else "tls_certificate_file",
            _words(error, settings.tls_key_file or settings.tls_certificate_file),
        ) from error


def _no_passphrase() -> str:
    raise ValueError("its key has a passphrase")


def _words(error: Exception, file: str) -> str:
    """The system's words of a file that is not there, or whose text is none that TLS can use."""
    if isinstance(error, ssl.SSLError):
        return f"{file} holds no certificate, no key, or two that do not belong together"
    return f"{file}: {error.strerror}" if isinstance(error, OSError) else str(error)
