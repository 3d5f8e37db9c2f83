"""`./dev bench configuration`: a configuration of thousands of accounts, and what changing it costs.

The core of a server runs here with its control socket. A callback that comes round all the time notes how much
processor time passed on its thread since it was there last: for so long nobody else was served. The command line is a
process of its own. Wall times need a machine with nothing else to do.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop

from bench.server import fresh_folder
from onema.administration.socket import ControlServer
from onema.settings import Settings
from onema.wiring.core import data_folder, open_core

ACCOUNTS = 5_000
TEMPLATES_EACH = 2
CHANGES = 10


def written(accounts: int, templates_each: int) -> str:
    """The file for `onema apply`."""
    parts = [
        '[[tariffs]]\nname = "default"\nrates = [{channel = "sms", prefix = "+84", price = "850"}]\n'
        '[[carriers]]\nname = "handset"\ntype = "handset"\n[[routes]]\nchannel = "sms"\ncarrier = "handset"\n'
    ]
    for number in range(accounts):
        texts = "".join(
            f'"{{OTP}} is the code of customer {number} for purpose {purpose}, {{P2,40}}. '
            'It is valid for {P1,5} minutes.", '
            for purpose in range(templates_each)
        )
        parts.append(
            f'[[accounts]]\nname = "customer-{number:05}"\n'
            f'[[accounts.credentials]]\ndialect = "esms"\nkey = "key-{number:05}"\n'
            f'secret = "secret-of-customer-{number:05}"\n'
            f'[[accounts.brandnames]]\nname = "Brand{number % 1000:03}"\ntemplates = [{texts}]\n'
        )
    return "".join(parts)


class LoopHold:
    """The longest that one turn of the loop held its thread, in seconds of its processor."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._last = 0.0

    def start_anew(self) -> None:
        self.longest, self._last = 0.0, time.thread_time()

    def watch(self) -> None:
        now = time.thread_time()
        self.longest = max(self.longest, now - self._last)
        self._last = time.thread_time()
        asyncio.get_running_loop().call_later(0.001, self.watch)


async def _onema(data: Path, *arguments: str) -> tuple[float, float]:
    """(wall, processor) seconds of one command of the command line."""
    started, before = time.perf_counter(), os.times()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "onema.cli", "--data", str(data), *arguments, stdout=subprocess.DEVNULL
    )
    if await process.wait():
        sys.exit(f"onema {' '.join(arguments)} failed")
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - started, used


async def _measure(accounts: int, templates_each: int) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = []
    with fresh_folder() as folder:
        file = folder / "configuration.toml"
        file.write_text(written(accounts, templates_each), encoding="utf-8")
        data = folder / "data"
        rows.append(("`apply` of all, no server", *_seconds(await _onema(data, "apply", str(file))), ""))
        async with AsyncExitStack() as stack:
            settings = Settings(data=data)
            core = await open_core(settings, stack, stack.enter_context(data_folder(settings)))
            control = ControlServer(core.administration, data)
            await control.start()
            stack.push_async_callback(control.stop)
            hold = LoopHold()
            hold.watch()

            async def command(what: str, *arguments: str, times: int = 1) -> None:
                hold.start_anew()
                spent = [await _onema(data, *arguments) for _ in range(times)]
                median = sorted(spent)[len(spent) // 2]
                rows.append((what, *_seconds(median), f"{hold.longest * 1000:.1f}"))

            await command("`account set`, a server runs", "account", "show", "customer-00001")
            rows.pop()  # the first one also warms what both sides import
            for number in range(CHANGES):
                await command("`account suspend`", "account", "suspend", f"customer-{number:05}")
            worst = max(rows[-CHANGES:], key=lambda row: float(row[-1]))
            rows[-CHANGES:] = [worst]
            await command("`template list`", "template", "list")
            await command("`apply` of all, unchanged", "apply", str(file))
            file.write_text(file.read_text().replace("It is valid", "Valid"), encoding="utf-8")
            await command("`apply`, 10,000 templates more", "apply", str(file))
    return rows


def _seconds(spent: tuple[float, float]) -> tuple[str, str]:
    return f"{spent[0]:.2f}", f"{spent[1]:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench configuration")
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    parser.add_argument("--templates-each", type=int, default=TEMPLATES_EACH)
    options = parser.parse_args()
    rows = uvloop.run(_measure(options.accounts, options.templates_each))
    print("|  | s | CPU s | loop held, ms |\n| --- | --- | --- | --- |")
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
