import datetime
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from onema.console.assets import Assets, template_environment
from onema.console.recording.door import OneTimeDoor
from onema.console.recording.pages import RecordingPages, routes_of
from onema.console.recording.studio import Studio
from onema.console.security_headers import SecurityHeaders


def build_local_recording(
    studio: Studio,
    voice_id: str,
    *,
    token: str,
    new_token: Callable[[], str],
    today: Callable[[], datetime.date],
) -> ASGIApp:
    """The pages of one recording, for a command that serves nothing else: `/?token=...` opens them, once."""
    assets = Assets()
    door = OneTimeDoor(token, new_token, f"/record/{voice_id}")
    pages = RecordingPages(studio, door, template_environment(assets), today)
    routes = [
        Route("/", door.enter),
        Route("/static/{version}/{name}", assets.serve),
        *routes_of(pages, door),
    ]
    application = Starlette(routes=routes)
    application.router.redirect_slashes = False
    return SecurityHeaders(application)
