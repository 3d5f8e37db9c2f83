"""Who must wait before the next try to log in: counted in the store, so that all processes and nodes count together."""

import hashlib
import ipaddress

from starlette.requests import Request

from onema.console.door.session import KNOWN_COOKIE, Sessions
from onema.domain.people.tries import ADDRESS, BROWSER, NAME, SECOND, CountTry, ForgetTries, Patience
from onema.engine.gateway import Gateway

Whose = tuple[tuple[Patience, str], ...]


class Tries:
    def __init__(self, gateway: Gateway, sessions: Sessions) -> None:
        self._gateway = gateway
        self._sessions = sessions

    def of_name(self, request: Request, name: str) -> Whose:
        """Whose a try with this name is. A browser in which it was logged in before counts by itself, so that nobody
        who knows the name, or shares the address, can make its owner wait.
        """
        browser = self._sessions.knows(request.cookies.get(KNOWN_COOKIE, ""), name)
        if browser:
            return ((BROWSER, browser),)
        return ((ADDRESS, network_of(request)), (NAME, _short(name)))

    def of_address(self, request: Request) -> Whose:
        """Whose a try without a name is."""
        return ((ADDRESS, network_of(request)),)

    def of_second(self, user: str) -> Whose:
        """Whose a try is to show a second factor: only who knows the password can make its owner wait."""
        return ((SECOND, user),)

    async def begin(self, whose: Whose) -> int:
        """How many milliseconds it must wait; 0 when it may be made, and then it counts as failed."""
        wait: int = await self._gateway.execute(CountTry(whose, self._gateway.now()))
        return wait

    async def succeeded(self, whose: Whose) -> None:
        await self._gateway.execute(ForgetTries(whose))


def network_of(request: Request) -> str:
    """What one attacker holds: an IPv4 address, or an IPv6 /64."""
    address = request.client.host if request.client else ""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if parsed.version == 4 else str(ipaddress.ip_network(f"{address}/64", strict=False))


def _short(name: str) -> str:
    """Nothing that strangers send is kept as it is: it may be a password in the wrong field."""
    return hashlib.sha256(name.encode()).hexdigest()
