"""Where people reach the console."""

import ipaddress

from onema.settings import Settings


def console_address(settings: Settings, port: int = 0) -> str:
    """The one that is configured, else the one that the server listens on, at `port` if that is known."""
    if settings.console.url:
        return settings.console.url.rstrip("/")
    listen = settings.listen
    scheme = "https" if listen.tls_certificate else "http"
    return f"{scheme}://{_reachable(listen.host)}:{port or listen.port}"


def _reachable(host: str) -> str:
    """As it stands in an address; this machine's own for all of them."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "[::1]"
    return host if address.version == 4 else f"[{host}]"
