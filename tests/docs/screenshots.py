"""Takes the README's pictures of the console anew, of a day of traffic: `python -m tests.docs.screenshots`."""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from onema.testing.running_server import RunningServer

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
ACCOUNT = "harbour-bank"
SIZE = {"width": 1280, "height": 720}


def pages(server: RunningServer) -> dict[str, str]:
    """Paths by the names of the files."""
    messages = server.onema("message", "list", ACCOUNT, "--limit", "200")
    sms = (one for one in messages if one["channel"] == "sms" and one["state"] == "delivered")
    told = next(one for one in sms if "verified" in server.text("message", "show", str(one["id"])))
    return {
        "now": "/console/now",
        "message": f"/console/messages/{told['id']}",
        "calls": f"/console/calls?account={ACCOUNT}",
    }


def take() -> None:
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        RunningServer(Path(folder) / "data", "demo", "--traffic", "--seed", "7") as server,
        sync_playwright() as play,
    ):
        browser = play.chromium.launch(
            executable_path=shutil.which("chromium-headless-shell"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport=SIZE, color_scheme="light")  # type: ignore[arg-type]  # it is one
        for name, path in pages(server).items():
            page.goto(f"http://127.0.0.1:{server.port}{path}", wait_until="load")
            page.wait_for_timeout(1_000)
            page.screenshot(path=FOLDER / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    take()
