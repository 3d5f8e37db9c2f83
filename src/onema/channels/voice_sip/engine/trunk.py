"""One trunk: where its places are, whether somebody answers there, and whether we are registered."""

import asyncio
import contextlib
import random
import secrets
from collections.abc import Callable

from onema.channels.tls import TlsRefused
from onema.channels.voice_sip import line as l
from onema.channels.voice_sip.engine.conversation import Conversation
from onema.channels.voice_sip.engine.network import Network
from onema.channels.voice_sip.locating import NotLocated, Resolver, locate
from onema.channels.voice_sip.transports import Hop, Transport, local_address
from onema.protocols.sip.dialogs import Local
from onema.protocols.sip.digest import DigestClient, read_challenges
from onema.protocols.sip.messages import Request, Response
from onema.protocols.sip.options import NotReached, Ping, Reached
from onema.protocols.sip.registering import (
    NotRegistered,
    Registered,
    Registration,
    RegistrationEvent,
    Unregistered,
)

AGENT = "onema"
LOCATE_SECONDS = 60.0
"""How often names are looked up anew."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 30.0
"""Between tries of what failed: looking up, opening a socket, registering at another place."""
ASK_AGAIN_SECONDS = 5.0
"""How soon a place that does not answer is asked again."""
CLOSE_SECONDS = 0.5
"""How long a trunk that is closed waits for its registration to be taken back."""


class RealmDigest(DigestClient):
    """Meets the challenges of one realm only, where there is one: a password is for nobody else, hashed neither."""

    def __init__(self, realm: str, user: str, password: str, new_cnonce: Callable[[], str]) -> None:
        super().__init__(user, password, new_cnonce)
        self._realm = realm

    def learn(self, request: Request, response: Response) -> bool:
        if self._realm:
            header = "WWW-Authenticate" if response.status == 401 else "Proxy-Authenticate"
            challenges = read_challenges(response.headers.rows(header))
            if any(challenge.realm != self._realm for challenge in challenges):
                return False
        return super().learn(request, response)


class _Place:
    """A hop, and what is known of it."""

    def __init__(self, hop: Hop, transport: Transport) -> None:
        self.hop = hop
        self.transport = transport
        self.answers: bool | None = None
        """None: nobody has asked yet."""
        self.why = ""
        """Why it does not."""
        self.is_asked = False
        """Whether it is being asked."""


class RunningTrunk:
    """`told` hears whether calls can be placed, whenever that changes."""

    def __init__(
        self,
        settings: l.Trunk,
        network: Network,
        resolver: Resolver,
        told: Callable[[l.TrunkTold], None],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.settings = settings
        self.network = network
        self._resolver = resolver
        self._told = told
        self._chance = chance
        self._places: list[_Place] = []
        """In the order in which they are to be tried."""
        self._problem = "it is being looked up"
        """Why it has no places."""
        self._registration: Registration | None = None
        """While one is kept."""
        self._home: Hop | None = None
        """Where it is kept."""
        self._registration_problem = "it is not registered yet"
        self._last_told: l.TrunkTold | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._local_ips: dict[str, str] = {}
        """By the far end's address."""
        self._woken = asyncio.Event()
        """Set when places are to be asked at once."""
        self._user = settings.auth_user or AGENT
        self._address = f"<sip:{self._user}@{settings.registrar or settings.domain}>"
        """Ours, as REGISTER and OPTIONS name it."""
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        self._tell()
        self._tasks.append(self._loop.create_task(self._keep_located()))
        if self.settings.options_seconds:
            self._tasks.append(self._loop.create_task(self._keep_asking()))
        if self.settings.registrar:
            self._tasks.append(self._loop.create_task(self._keep_registered()))

    async def close(self) -> None:
        """Take the registration back, and give up the sockets."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.network.release(self)

    # For calls.

    @property
    def ready(self) -> bool:
        if not self._registered:
            return False
        if not self.settings.options_seconds:
            return bool(self._places)
        return any(place.answers for place in self._places)

    @property
    def _registered(self) -> bool:
        if not self.settings.registrar:
            return True
        return self._registration is not None and self._registration.is_registered

    def ways(self) -> list[tuple[Hop, Transport]]:
        """Where a call is to be tried, the first one first: where we are registered, then those that answer."""

        def rank(place: _Place) -> tuple[bool, bool]:
            return place.answers is False, bool(self.settings.registrar) and place.hop != self._home

        return [(place.hop, place.transport) for place in sorted(self._places, key=rank)]

    def tokens(self) -> str:
        return secrets.token_hex(10)

    def digest(self) -> DigestClient | None:
        """Answers the challenges of one call: another's nonce counts are no matter of its."""
        settings = self.settings
        if not settings.auth_user:
            return None
        return RealmDigest(settings.realm, settings.auth_user, settings.password, self.tokens)

    def local_ip(self, hop: Hop) -> str:
        """Where its media and SIP come from. Raises OSError."""
        if self.settings.bind_address:
            return self.settings.bind_address
        found = self._local_ips.get(hop.ip)
        if found is None:
            found = self._local_ips[hop.ip] = local_address(hop.ip)
        return found

    def shown_ip(self, hop: Hop) -> str:
        """As others reach it. Raises OSError."""
        return self.settings.public_address or self.local_ip(hop)

    def local(self, transport: Transport, hop: Hop, user: str = "") -> Local:
        """Raises OSError."""
        shown = _in_uri(self.shown_ip(hop))
        user = f"{user}@" if user else ""
        # TLS without a certificate of ours listens nowhere: the far end uses the connection from this port.
        port = f":{transport.port}" if transport.port else ""
        parameter = "" if hop.kind == "udp" else f";transport={hop.kind}"
        return Local(
            transport=hop.kind.upper(),
            host=_in_uri(self.local_ip(hop)),
            port=transport.port,
            contact=f"<sip:{user}{shown}{port}{parameter}>",
            agent=AGENT,
        )

    def works(self, hop: Hop) -> None:
        """An answer came from there."""
        self._note(hop, True, "")

    def suspects(self, hop: Hop, why: str) -> None:
        """No answer came from there: look whether anybody is there at all."""
        if self.settings.options_seconds:
            self._woken.set()

    def failed(self, hop: Hop, why: str) -> None:
        """The network says that nothing gets there, or a connection is gone."""
        if not self.settings.options_seconds:
            return
        if hop.reliable and any(place.hop == hop and place.answers for place in self._places):
            # Far ends close what is idle, and take the next one: that says nothing before it is tried.
            self._woken.set()
        else:
            self._note(hop, False, f"{hop}: {why}")

    def _note(self, hop: Hop, answers: bool, why: str) -> None:
        for place in self._places:
            if (place.hop.ip, place.hop.port) == (hop.ip, hop.port):
                place.answers, place.why = answers, why
        self._tell()

    # What it says of itself.

    def look(self) -> None:
        """Say what has changed by itself: a registration that ran out."""
        self._tell()

    def _tell(self) -> None:
        told = l.TrunkTold(name=self.settings.name, ready=self.ready, problem=self._problem_now())
        if told != self._last_told:
            self._last_told = told
            self._told(told)

    def _problem_now(self) -> str:
        if not self._places:
            return self._problem
        if not self.ready and self._registered:
            told = list(dict.fromkeys(place.why for place in self._places if place.why))
            return "; ".join(told[:3]) or "it has not answered OPTIONS yet"
        return "" if self._registered else self._registration_problem

    # Where it is.

    async def _keep_located(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._locate()
                pause = FIRST_PAUSE_SECONDS
            except (NotLocated, TlsRefused, OSError) as error:
                self._problem = self._words(error)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            self._tell()
            await asyncio.sleep(LOCATE_SECONDS if self._places else pause)

    def _words(self, error: Exception) -> str:
        if not isinstance(error, OSError):
            return str(error)
        port = f"port {self.settings.bind_port}: " if self.settings.bind_port else ""
        return f"{port}{error.strerror or type(error).__name__}"

    async def _locate(self) -> None:
        """Raises NotLocated where no place has an address, TlsRefused, OSError."""
        hops: list[Hop] = []
        failure: NotLocated | None = None
        for host, port in self.settings.places:
            try:
                hops += await locate(
                    host,
                    port,
                    self.settings.transport,
                    self._resolver,
                    self._chance,
                    self.settings.tls_server_name,
                )
            except NotLocated as error:
                failure = error
        if not hops and failure is not None:
            # What was known is better than nothing: the name servers may be away.
            if not self._places:
                raise failure
            return
        known = {place.hop: place for place in self._places}
        places: list[_Place] = []
        refused: OSError | None = None
        for hop in dict.fromkeys(hops):
            try:
                places.append(
                    known.get(hop) or _Place(hop, await self.network.transport(self, self.settings, hop.ip))
                )
            except OSError as error:
                # A machine without IPv6 has no way to some of them.
                refused = error
        if not places and refused is not None:
            raise refused
        if [place.hop for place in places] != [place.hop for place in self._places]:
            self._woken.set()
        self._places = places

    # Whether it answers.

    async def _keep_asking(self) -> None:
        while True:
            self._woken.clear()
            for place in self._places:
                if not place.is_asked:
                    self._ask(place)
            silent = not self._places or any(place.answers is False for place in self._places)
            pause = min(self.settings.options_seconds, ASK_AGAIN_SECONDS if silent else 3_600)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._woken.wait()

    def _ask(self, place: _Place) -> None:
        """Whether anybody is there."""
        place.is_asked = True
        try:
            local = self.local(place.transport, place.hop, self._user)
        except OSError as error:
            self._asked(place, NotReached(error.strerror or "no way there"))
            return
        ping = Ping(
            uri=f"sip:{self.settings.domain}",
            from_=self._address,
            local=local,
            tokens=self.tokens,
            reliable=place.hop.reliable,
        )
        conversation = Conversation(
            self.network,
            ping,
            place.transport,
            place.hop,
            lambda event: self._asked(place, event, conversation.failure),
        )
        ping.start(self._loop.time())
        conversation.advance()

    def _asked(self, place: _Place, event: Reached | NotReached, failure: str = "") -> None:
        place.is_asked = False
        if isinstance(event, Reached):
            self._note(place.hop, True, "")
        else:
            self._note(place.hop, False, f"{place.hop}: {failure or event.why}")

    # Whether we are registered.

    async def _keep_registered(self) -> None:
        """Register at the first place that takes us, whenever there is no registration."""
        tried = 0
        while True:
            if self._places:
                place = self._places[tried % len(self._places)]
                tried += 1
                await self._stay_registered(place)
            await asyncio.sleep(FIRST_PAUSE_SECONDS)

    async def _stay_registered(self, place: _Place) -> None:
        """Until another place had better be tried, or this is cancelled."""
        settings = self.settings
        try:
            local = self.local(place.transport, place.hop, self._user)
        except OSError as error:
            self._registration_problem = error.strerror or "no way to the registrar"
            return
        session = Registration(
            registrar=f"sip:{settings.registrar}",
            address=self._address,
            seconds=settings.register_seconds,
            local=local,
            tokens=self.tokens,
            digest=self.digest(),
            reliable=place.hop.reliable,
        )
        ended = asyncio.Event()

        def hears(event: RegistrationEvent) -> None:
            match event:
                case Registered():
                    self._note(place.hop, True, "")
                case NotRegistered(status, why):
                    answer = f"{status} {why}".strip() if status else conversation.failure or why
                    self._registration_problem = f"{place.hop}: not registered: {answer}"
                    others = len(self._places) > 1 or place not in self._places
                    if others and not session.is_registered and status in (0, 408, 503, 504):
                        ended.set()
                case Unregistered():
                    ended.set()
            self._tell()

        conversation = Conversation(self.network, session, place.transport, place.hop, hears)
        # The registrar reaches us by the connection, whether or not we wait for an answer.
        conversation.lives_with_connection = place.hop.reliable
        self._registration = session
        self._home = place.hop
        session.start(self._loop.time())
        conversation.advance()
        try:
            await ended.wait()
        finally:
            conversation.advance(session.stop(self._loop.time()))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    while not session.is_over and session.is_registered:
                        ended.clear()
                        await ended.wait()
            self._registration = None
            self._tell()


def _in_uri(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip
