"""`onema demo`: a server that anyone can try, with an account, a template and a simulated phone."""

import asyncio
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onema.administration.data_folder import DEMO_CREDENTIALS
from onema.cli.command import folder
from onema.cli.output import complain
from onema.cli.serving import refuse_to_start, run

if TYPE_CHECKING:
    from onema.console.handset.routes import DemoHints
    from onema.settings import Settings

DEMO_DATA = Path("demo-data")
LOOPBACK = "127.0.0.1"


def demo(
    data: Annotated[
        Path,
        typer.Option(
            help="The demo's own data folder; ONEMA_DATA does not count here.",
            parser=folder,
            metavar="<path>",
        ),
    ] = DEMO_DATA,
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8400,
    traffic: Annotated[
        bool,
        typer.Option(
            "--traffic",
            help="Fill the data with a day of traffic that nobody had, once, so that pages have something to show.",
        ),
    ] = False,
    seed: Annotated[
        int | None, typer.Option(help="What the day is drawn from; by lot without it.", min=0)
    ] = None,
) -> None:
    """Run a demo server on 127.0.0.1: credentials in demo-data/demo.json, codes on the simulated phone."""
    from onema.settings import SettingsError, load_settings
    from onema.wiring.demo import CannotPrepare, prepare

    overrides: dict[str, object] = {
        "data": data,
        # Whoever reaches the demo may read every code, for its page asks for no login.
        "listen.host": LOOPBACK,
        "listen.port": port,
        "handset.open_on_loopback": True,
        # A carrier that one tries out stands beside it; the page is for this machine alone.
        "handset.beside_carriers": True,
        "callback.private_targets": True,
        "workers": 1,
    }
    try:
        settings = load_settings(None, os.environ, overrides)
    except SettingsError as error:
        refuse_to_start(str(error))
    if os.environ.get("ONEMA_LISTEN_HOST", LOOPBACK) not in ("", LOOPBACK):
        complain(f"onema: ONEMA_LISTEN_HOST does not count here: a demo listens on {LOOPBACK} only")
    try:
        credentials = asyncio.run(prepare(settings))
        if traffic:
            _fill(settings, secrets.randbelow(1_000_000) if seed is None else seed)
    except CannotPrepare as error:
        refuse_to_start(str(error))
    base = f"http://{LOOPBACK}:{port}"
    steps = hints(base, credentials)
    run(settings, steps, _greeting(base, data, credentials, steps))


def _fill(settings: "Settings", seed: int) -> None:
    from onema.engine.ports import SystemClock
    from onema.wiring.synthetic.fill import fill

    filled = asyncio.run(fill(settings, seed, SystemClock().now()))
    if filled.messages:
        complain(f"onema: {filled.messages:,} messages of a day that nobody had (--seed {filled.seed})")
    else:
        complain("onema: the day of traffic is there already")


def hints(base: str, credentials: dict[str, Any]) -> "DemoHints":
    """Lines to paste into a shell, one step each."""
    from onema.console.handset.routes import Hint
    from onema.dialects.contract import PHONE_TO_TRY
    from onema.wiring.dialects import DIALECTS

    first, *others = (
        Hint(step.title, step.request.as_curl(base), step.note)
        for name, parts in DIALECTS.items()
        for step in parts.steps(credentials[name])
    )
    read = Hint("Read what the phone received", f"curl '{base}/handset/messages?to={PHONE_TO_TRY}'")
    return (first, read, *others)


def _greeting(base: str, data: Path, credentials: dict[str, Any], steps: "DemoHints") -> str:
    lines = "\n\n".join(
        f"# {step.title}{f' ({step.note})' if step.note else ''}\n{step.command}" for step in steps
    )
    return (
        f"onema runs in demo mode.\n\n"
        f"  console      {base}/\n"
        f"  phones       {base}/handset\n"
        f"  credentials  {data / DEMO_CREDENTIALS} (console user {credentials['console']['user']})\n\n{lines}\n"
    )
