import asyncio
import datetime
from collections.abc import Collection, Mapping
from types import MappingProxyType

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from onema.administration.answers import Administrator
from onema.console.assets import Assets, template_environment
from onema.console.door.access import Doorman
from onema.console.door.authenticator import Authenticators
from onema.console.door.login import Login, PasskeyUse
from onema.console.door.openid import OpenIdClient
from onema.console.door.passwords import Passwords
from onema.console.door.provider import START, ProviderLogin
from onema.console.door.session import ReadRows, Sessions, Visitor
from onema.console.door.sign_up import SigningUp
from onema.console.door.tickets import Tickets
from onema.console.door.welcome import Welcome
from onema.console.door.you import You
from onema.console.handset.calls import AudioSource, CallControl
from onema.console.handset.events import HEARTBEAT_SECONDS, EventStreams
from onema.console.handset.items import InboxReader, Presenter
from onema.console.handset.routes import DemoHints, HandsetPages
from onema.console.operate.carrier_forms import CarrierKind
from onema.console.operate.frame import Equipment, Frame
from onema.console.operate.live import EVERY_SECONDS, LiveParts
from onema.console.operate.samples import Samples
from onema.console.operate.sections import SECTIONS
from onema.console.operate.speaker import Speaker
from onema.console.recording.pages import RecordingPages, routes_of
from onema.console.recording.studio import Studio
from onema.console.security_headers import SecurityHeaders
from onema.delivery.callback_contract import CallbackRenderer
from onema.domain.configuration.documents import User, UserRole
from onema.domain.keyring import Keyring
from onema.domain.refusals import Refused
from onema.engine.gateway import Gateway
from onema.storage.contract import StorageError


def build_console(
    *,
    inbox: InboxReader | None,
    gateway: Gateway,
    keyring: Keyring,
    read: ReadRows,
    open_on_loopback: bool,
    stopping: asyncio.Event,
    audio: AudioSource | None = None,
    calls: CallControl | None = None,
    demo: DemoHints = (),
    studio: Studio | None = None,
    administrator: Administrator | None = None,
    speaker: Speaker | None = None,
    carrier_kinds: Mapping[str, CarrierKind] = MappingProxyType({}),
    samples: Samples | None = None,
    renderers: Mapping[str, CallbackRenderer] = MappingProxyType({}),
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
    live_seconds: float = EVERY_SECONDS,
    public_url: str = "",
    second_factor: Collection[UserRole] = (),
    passkeys: PasskeyUse = "alone",
    signs_up: bool = False,
    provider: OpenIdClient | None = None,
    provider_role: UserRole | None = None,
) -> ASGIApp:
    """The console.

    Without `inbox` there is no handset; without `audio` calls are silent; without `calls` they do not
    ring, but are listed when they came; without `studio` no voices are recorded; without `administrator` there are no
    pages for operators and customers; without `speaker` these let nobody hear a voice, without `samples`
    they show nobody how a key is used. With a `provider` people log in by its word, too; whom nobody knows becomes a
    `provider_role` (None: nobody).

    `scope["client"]` and `scope["scheme"]` must be the client's own (HttpApplication sees to it).
    """

    def users() -> Mapping[str, User]:
        return gateway.directory.users

    assets = Assets()
    templates = template_environment(assets)

    def lacks(visitor: Visitor) -> bool:
        user = users().get(visitor.user)
        return user is not None and user.role in second_factor and not visitor.access.has_second_factor

    def is_operator(visitor: Visitor) -> bool:
        user = users().get(visitor.user)
        return user is not None and user.role in ("owner", "operator")

    sessions = Sessions(keyring, users, gateway, read)
    doorman = Doorman(sessions, open_on_loopback, lacks)
    # Every code of every account is on the simulated phone.
    operators = doorman.only_for(is_operator)

    async def home(request: Request) -> Response:
        visitor = await doorman.arrive(request)
        goes_on = visitor is not None and administrator is not None and not is_operator(visitor)
        return RedirectResponse("/console" if goes_on else "/handset", 302)

    passwords, authenticators = Passwords(), Authenticators(keyring)
    tickets = Tickets(keyring, gateway.now)
    login = Login(gateway, users, sessions, doorman, templates, passwords, authenticators, tickets, passkeys)
    routes = [
        Route("/", home),
        *login.routes(),
        Route("/login/", _without_slash),
        Route("/static/{version}/{name}", assets.serve),
    ]
    if inbox is not None:
        presenter = Presenter(audio)
        pages = HandsetPages(
            inbox=inbox,
            audio=audio,
            calls=calls,
            demo=demo,
            streams=EventStreams(inbox, calls, presenter, gateway.now, stopping, heartbeat_seconds),
            presenter=presenter,
            doorman=operators,
            templates=templates,
            records_voices=studio is not None,
        )
        routes += _handset_routes(pages, operators)
    if studio is not None:

        def today() -> datetime.date:
            return datetime.datetime.fromtimestamp(gateway.now() / 1000, datetime.UTC).date()

        routes += routes_of(RecordingPages(studio, operators, templates, today), operators)
    if administrator is not None:
        you = You(gateway, users, sessions, doorman, administrator, passwords, authenticators, tickets)
        frame = Frame(
            doorman,
            administrator,
            templates,
            users,
            (*SECTIONS, you.section()),
            LiveParts(stopping, live_seconds),
            Equipment(gateway.token, speaker, samples, carrier_kinds, renderers),
        )
        routes += you.routes()
        routes += Welcome(administrator, passwords, templates).routes()
        if provider is not None:
            login.providers = ((START, provider.provider.title),)
            routes += ProviderLogin(
                provider,
                provider_role,
                keyring,
                gateway,
                users,
                login,
                sessions,
                passwords,
                tickets,
                administrator,
            ).routes()
        if signs_up:
            login.signs_up = True
            routes += SigningUp(administrator, passwords, templates).routes()
        routes += [Route("/console/", _without_slash), *frame.routes()]
    application = Starlette(
        routes=routes, exception_handlers={StorageError: _store_away, Refused: _store_away}
    )
    application.state.public_url = public_url
    # Starlette would build the whole address from the Host header, which is whatever the client says.
    application.router.redirect_slashes = False
    return SecurityHeaders(application)


def _handset_routes(pages: HandsetPages, doorman: Doorman) -> list[Route]:
    return [
        Route("/handset", doorman.page(pages.page)),
        Route("/handset/", _without_slash),
        Route("/handset/messages", doorman.data(pages.messages)),
        Route("/handset/phones", doorman.data(pages.phones)),
        Route("/handset/events", doorman.data(pages.events)),
        Route("/handset/audio/{id}.wav", doorman.data(pages.wav)),
        Route("/handset/peaks/{id}.json", doorman.data(pages.peaks)),
        Route("/handset/calls/{id}/answer", doorman.data(pages.answer), methods=["POST"]),
        Route("/handset/calls/{id}/decline", doorman.data(pages.decline), methods=["POST"]),
        Route("/handset/calls/{id}/key", doorman.data(pages.press), methods=["POST"]),
    ]


# The console's own commands are refused only while the store is away.
async def _store_away(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "the store is away; try again"}, 503, {"retry-after": "1"})


async def _without_slash(request: Request) -> Response:
    return RedirectResponse("/" + request.url.path.strip("/"), 307)
