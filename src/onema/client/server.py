"""Where a client sends, as whom, and whom it believes."""

import base64
import ssl
from urllib.parse import urlsplit

import onema
from onema.http.client.trust import tls_context

SECONDS = 30.0
PATIENCE = 30.0
BODY_LIMIT = 16 * 1024 * 1024
"""Bytes of an answer."""
_PORTS = {"http": 80, "https": 443}


class Server:
    def __init__(self, url: str, key: str, secret: str, ca_file: str) -> None:
        """Raises ValueError for a URL that is none, and for a key with a colon (RFC 7617)."""
        parts = urlsplit(url)
        if (
            parts.scheme not in _PORTS
            or not parts.hostname
            or parts.query
            or parts.fragment
            or parts.username
        ):
            raise ValueError("the URL must look like https://sms.example.com")
        if ":" in key:
            raise ValueError("a key has no colon")
        self.host = parts.hostname
        self.port = parts.port or _PORTS[parts.scheme]
        self.path = parts.path.rstrip("/")
        """What stands before /v1, behind a proxy that puts the API below a path."""
        self.url = f"{parts.scheme}://{parts.netloc}{self.path}"
        self.tls: ssl.SSLContext | None = None
        if parts.scheme == "https":
            self.tls = tls_context(ca_file, "ca_file")
        login = base64.b64encode(f"{key}:{secret}".encode()).decode()
        self.headers = {"authorization": f"Basic {login}", "user-agent": f"onema-client/{onema.__version__}"}
