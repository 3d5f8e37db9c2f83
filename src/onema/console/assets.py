import hashlib
import mimetypes
from importlib import resources

import jinja2
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

_FOREVER = "public, max-age=31536000, immutable"
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


class Assets:
    """The files under static/ and static/vendor/, read once. Their address holds a digest, so browsers may keep them
    forever.
    """

    def __init__(self) -> None:
        folder = resources.files("onema.console") / "static"
        self._files = {
            file.name: file.read_bytes()
            for place in (folder, folder / "vendor")
            for file in place.iterdir()
            if file.is_file()
        }
        """Contents by name."""
        digest = hashlib.sha256()
        for name, content in sorted(self._files.items()):
            digest.update(name.encode() + b"\0" + content)
        self.version = digest.hexdigest()[:12]
        """Of all files together: a change of one changes the address of each."""

    def url(self, name: str) -> str:
        """Raises KeyError for a file that does not exist."""
        if name not in self._files:
            raise KeyError(name)
        return f"/static/{self.version}/{name}"

    async def serve(self, request: Request) -> Response:
        name = request.path_params["name"]
        content = self._files.get(name)
        if content is None:
            return PlainTextResponse("not found", 404)
        suffix = name[name.rfind(".") :]
        media_type = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        # An older page may ask for what has changed since; it must not be kept under the old address.
        current = request.path_params["version"] == self.version
        headers = {"cache-control": _FOREVER if current else "no-store"}
        return Response(content, media_type=media_type, headers=headers)


def template_environment(assets: Assets) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("onema.console"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["static"] = assets.url
    return environment
