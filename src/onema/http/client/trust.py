"""Whom an HTTP client believes, and the proxy that it goes through."""

import os
import ssl
from pathlib import Path

import certifi

from onema.domain.configuration.callback_target import BadCallbackUrl, CallbackTarget, parse_callback_url


class ClientRefused(Exception):
    """The client cannot be made with these settings; the text is a sentence for the operator."""


def tls_context(ca_file: str, setting: str) -> ssl.SSLContext:
    """Whom to believe: `ca_file`, which the setting of this name has, else what the world's own variables name, else
    Mozilla's list. Raises ClientRefused.
    """
    named = ca_file or os.environ.get("SSL_CERT_FILE", "")
    folder = "" if ca_file else os.environ.get("SSL_CERT_DIR", "")
    if folder and not Path(folder).is_dir():
        raise ClientRefused(
            f"SSL_CERT_DIR is {folder!r}, which is no folder: nobody could be verified over https."
        )
    file = named or (None if folder else certifi.where())
    try:
        return ssl.create_default_context(cafile=file, capath=folder or None)
    except OSError as error:  # ssl.SSLError is one
        source = setting if ca_file else "SSL_CERT_FILE"
        reason = (
            error.strerror if not isinstance(error, ssl.SSLError) else "it holds no certificates in PEM form"
        )
        raise ClientRefused(
            f"{source} is {file!r}, which cannot be used to verify anybody over https: {reason}."
        ) from error


def proxy_of(url: str, setting: str) -> CallbackTarget | None:
    """The proxy that the setting of this name has; None for "". Raises ClientRefused."""
    if not url:
        return None
    try:
        return parse_callback_url(url)
    except BadCallbackUrl as error:
        raise ClientRefused(
            f"{setting} {error}. It is an HTTP proxy, as in http://proxy.example.com:3128."
        ) from error
