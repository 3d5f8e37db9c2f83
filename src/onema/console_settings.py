"""The settings of the console and of whoever comes to it."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from onema.domain.configuration.documents import UserRole


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

    @property
    def fault(self) -> str:
        """What is wrong with them, as a sentence for the operator; or ""."""
        parts = urlsplit(self.url)
        if self.url and (
            parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/")
        ):
            return "`console.url` is an address without a path, such as `https://otp.example.com`."
        return ""
