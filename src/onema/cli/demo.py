"""`onema demo`: a server that anyone can try, with an account, a template and a simulated phone."""

import asyncio
import base64
import datetime as dt
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onema.administration.data_folder import DEMO_CREDENTIALS
from onema.cli.command import folder
from onema.cli.output import complain
from onema.cli.serving import refuse_to_start, run

if TYPE_CHECKING:
    from onema.console.handset.routes import DemoHints

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
    except CannotPrepare as error:
        refuse_to_start(str(error))
    base = f"http://{LOOPBACK}:{port}"
    steps = hints(base, credentials)
    run(settings, steps, _greeting(base, data, credentials, steps))


def hints(base: str, credentials: dict[str, Any]) -> "DemoHints":
    """Lines to paste into a shell, one step each."""
    from onema.console.handset.routes import Hint

    esms = credentials["esms"]
    service = f"{base}/MainService.svc/json"
    keys = f"ApiKey={esms['ApiKey']}&SecretKey={esms['SecretKey']}"
    text = esms["message"].replace(" ", "%20")
    return (
        Hint(
            "Send a code by SMS",
            f"curl --globoff '{service}/SendMessageAutoGenCode_V4_get?Phone=0901888484&{keys}&TimeAlive=5"
            f"&NumCharOfCode=6&Brandname={esms['Brandname']}&Type=2&message={text}&IsNumber=1'",
            "eSMS GENCODE; any text with {OTP} will do",
        ),
        Hint("Read what the phone received", f"curl '{base}/handset/messages?to=0901888484'"),
        Hint(
            "Check the code",
            f"curl '{service}/CheckCodeGen_V4_get?{keys}&Phone=0901888484&Code=123456'",
            "eSMS CHECKCODE; put in the code that you read",
        ),
        Hint("Call with a code in Vietnamese", vbee_curl(base, credentials["vbee"]), "Vbee voice-otp"),
        Hint(
            "Call with a code in Mandarin",
            ytx_curl(base, credentials["ytx"]),
            "ytx.net CodeCallOut, 24 h valid",
        ),
    )


def vbee_curl(base: str, vbee: dict[str, str]) -> str:
    """A call that reads 686868; the code travels in the signed token."""
    import jwt

    token = jwt.encode({"apiKey": vbee["apiKey"], "otpCode": "686868"}, vbee["apiSecret"], "HS256")
    body = '{"phone_number":"0901888484","voice":"hn_female_ngochuyen_full_48k-fhg","rate":1.0}'
    return (
        f"curl '{base}/api/v1/public-api/voice-otp' -H 'Authorization: Bearer {token}' "
        f"-H 'Content-Type: application/json' -d '{body}'"
    )


def ytx_curl(base: str, ytx: dict[str, str]) -> str:
    """A call that reads 158456, signed now."""
    now = dt.datetime.now(dt.timezone(dt.timedelta(hours=8))).strftime("%Y%m%d%H%M%S")
    sign = hashlib.md5(f"{ytx['accountSID']}{ytx['authToken']}{now}".encode()).hexdigest()  # noqa: S324  # the vendor's
    authorization = base64.b64encode(f"{ytx['accountSID']}|{now}".encode()).decode()
    body = (
        f'{{"action":"callOutCode","dst":"13911281234","appid":"{ytx["appid"]}","code":"158456","time":"2"}}'
    )
    return (
        f"curl '{base}/201512/sid/{ytx['accountSID']}/call/CodeCallOut.wx?Sign={sign}' "
        f"-H 'Authorization: {authorization}' -H 'Content-Type: application/json;charset=utf-8' -d '{body}'"
    )


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
