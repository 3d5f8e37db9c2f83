"""The provider by whose word people log in to the console, where the settings name one."""

from contextlib import AsyncExitStack
from urllib.parse import urlsplit

from onema.console.door.openid import OpenIdClient, Provider
from onema.engine.ports import Clock
from onema.http.client.client import PooledClient
from onema.settings import Settings

SECONDS = 10.0
"""For one question to the provider, while somebody waits before an empty page."""
BODY_LIMIT = 262_144
"""Of an answer; some providers publish many keys, each with its certificates."""


def login_provider(settings: Settings, stack: AsyncExitStack, clock: Clock) -> OpenIdClient | None:
    """Raises ClientRefused."""
    console = settings.console
    if not console.oidc_issuer:
        return None
    http = PooledClient(
        seconds=SECONDS,
        idle_connections=0,
        private_targets=console.oidc_private_targets,
        private_setting="console.oidc_private_targets",
        ca_file=console.oidc_ca_file,
        ca_setting="console.oidc_ca_file",
        body_limit=BODY_LIMIT,
    )
    stack.push_async_callback(http.close)
    provider = Provider(
        issuer=console.oidc_issuer,
        client_id=console.oidc_client_id,
        client_secret=console.oidc_client_secret,
        title=console.oidc_title or urlsplit(console.oidc_issuer).hostname or "",
        scopes=console.oidc_scopes,
        claim=console.oidc_claim,
    )
    return OpenIdClient(provider, http, clock.now)
