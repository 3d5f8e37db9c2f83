"""The settings of the console and of whoever comes to it."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from onema.domain.configuration.documents import UserRole
from onema.secret import Secret


class Console(msgspec.Struct, frozen=True):
    url: Annotated[
        str,
        Meta(
            description="Where people reach the console, such as `https://otp.example.com`; links begin with it. "
            "Empty: the address that the browser asked for; for the command line the one that the server listens on."
        ),
    ] = ""

    second_factor: Annotated[
        tuple[UserRole, ...],
        Meta(
            description="Roles that need a second factor, such as `owner, operator`: whoever has none can do nothing "
            "but get one. Others may have one."
        ),
    ] = ()
    passkeys: Annotated[
        Literal["alone", "second"],
        Meta(
            description="`alone`: a passkey that verifies its owner lets in without a password. `second`: only "
            "after it."
        ),
    ] = "alone"

    sign_up: Annotated[
        bool,
        Meta(
            description="Let customers sign up at `/sign-up`: each gets a prepaid account without money, and a sandbox "
            "application."
        ),
    ] = False

    oidc_issuer: Annotated[
        str,
        Meta(
            description="The OpenID Connect provider by whose word people may log in, such as "
            "`https://login.example.com/realms/staff`: as its own metadata spell it. Empty: nobody's."
        ),
    ] = ""
    oidc_client_id: Annotated[str, Meta(description="What this console is called at the provider.")] = ""
    oidc_client_secret: Annotated[
        Secret, Meta(description="What proves that to it; empty for a public client.")
    ] = Secret()
    oidc_title: Annotated[
        str, Meta(description="What the login page calls the provider. Empty: its host.")
    ] = ""
    oidc_scopes: Annotated[
        tuple[str, ...], Meta(description="What is asked of the provider; `openid` must be among it.")
    ] = ("openid", "profile", "email")
    oidc_claim: Annotated[
        str,
        Meta(
            min_length=1,
            description="The claim that is the name of a user here. `email` is believed where the provider says "
            "`email_verified`, in small letters. Choose none that people write themselves at the provider.",
        ),
    ] = "email"
    oidc_role: Annotated[
        Literal["", "viewer", "operator", "owner"],
        Meta(
            description="What people of the provider become whom nobody knows and nobody has invited under their name. "
            "Empty: they do not come in."
        ),
    ] = ""
    oidc_private_targets: Annotated[
        bool,
        Meta(
            description="Whether the provider may be in a private network, or on this machine, and without TLS."
        ),
    ] = False
    oidc_ca_file: Annotated[
        str,
        Meta(description="Whom to believe that it is the provider instead of the usual authorities, as PEM."),
    ] = ""

    @property
    def fault(self) -> str:
        """What is wrong with them, as a sentence for the operator; or ""."""
        parts = urlsplit(self.url)
        if self.url and (
            parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/")
        ):
            return "`console.url` is an address without a path, such as `https://otp.example.com`."
        return self._provider_fault if self.oidc_issuer else ""

    @property
    def _provider_fault(self) -> str:
        parts = urlsplit(self.oidc_issuer)
        schemes = ("https", "http") if self.oidc_private_targets else ("https",)
        if parts.scheme not in schemes or not parts.hostname or parts.query or parts.fragment:
            return (
                "`console.oidc_issuer` is an address on https, such as `https://login.example.com`; on http with "
                "`console.oidc_private_targets`."
            )
        if not self.oidc_client_id:
            return "`console.oidc_issuer` needs `console.oidc_client_id`: what this console is called there."
        if "openid" not in self.oidc_scopes:
            return "`console.oidc_scopes` must have `openid` in it."
        return ""
