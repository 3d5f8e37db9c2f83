"""baresip (PyPI's baresip-python) as a phone that answers, presses 55#, and records what it hears into a WAV file.

Arguments: port, WAV file. Tells on standard output, a JSON object a line: listening, answered, key, ended.
"""

import asyncio
import json
import sys

import baresip
from baresip.call import Call
from baresip.runtime import Runtime
from baresip.ua import UserAgent


def tell(event: str, **more: object) -> None:
    sys.stdout.write(json.dumps({"event": event, **more}) + "\n")
    sys.stdout.flush()


async def main(port: str, recording: str) -> None:
    runtime = Runtime()
    await runtime.start(
        baresip.Config(
            audio_source="aumem",
            audio_player=f"aufile,{recording}",
            max_concurrent_calls=None,
            extra_config_text=f"sip_listen 0.0.0.0:{port}\naudio_srate 8000\nauplay_srate 8000\n",
        )
    )
    account = baresip.Account(
        user="phone", domain=f"127.0.0.1:{port}", password="", reg_interval=0, extra_params=("catchall=yes",)
    )
    phone = await UserAgent.create(runtime, account)

    async def answer(call: Call) -> None:
        await call.answer()
        await call.wait_established()
        tell("answered")
        await call.send_dtmf("55#")

    def incoming(call: Call) -> None:
        call.on_dtmf(lambda digit: tell("key", key=digit.digit))
        tasks.add(asyncio.ensure_future(answer(call)))

    def heard(event: baresip.StackEvent) -> None:
        if event.event == baresip.Event.CALL_CLOSED:
            tell("ended", why=event.text)

    tasks: set[asyncio.Future[None]] = set()
    phone.on_incoming(incoming)
    phone.on(heard)
    tell("listening")
    await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))
