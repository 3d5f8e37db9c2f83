"""Calls by baresip-python: one for each line that is read; says a line for each that ended.

python baresip_calls.py AUDIO.wav HOST:PORT SECONDS
"""

import asyncio
import sys

from baresip import Account, Config, Runtime, UserAgent


async def main(audio: str, target: str, seconds: float) -> None:
    runtime = Runtime()
    await runtime.start(
        Config(
            net_interface="127.0.0.1",
            audio_source=f"aufile,{audio}",
            audio_player="aumem",
            max_concurrent_calls=None,
            native_log_level="error",
        )
    )
    account = Account("bench", target, "", reg_interval=0, audio_codecs=("pcmu",))
    agent = await UserAgent.create(runtime, account)
    print("ready", flush=True)

    async def call(number: int) -> None:
        try:
            dialled = await agent.dial(f"sip:+8490{number:07d}@{target}")
            await dialled.wait_established()
            await asyncio.sleep(seconds)
            await dialled.hangup()
        except Exception as error:  # noqa: BLE001  # whatever it is, the call failed
            print(f"failed: {type(error).__name__}", flush=True)
        else:
            print("ended", flush=True)

    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    calls: set[asyncio.Task[None]] = set()
    async for _ in reader:
        task = asyncio.create_task(call(len(calls)))
        calls.add(task)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
