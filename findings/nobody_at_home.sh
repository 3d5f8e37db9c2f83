#!/usr/bin/env bash
# baresip-python told to listen at 127.0.0.1 listens nowhere, and says nothing. Needs python3 3.11 with venv and pip, iproute2.
#
# Believed: `sip_listen 127.0.0.1:PORT` opens that port, or the start fails.
# So: it skips loopback interfaces when it looks for addresses, so that none matches what is to be listened at. The runtime
# starts, the user agent is made, no error is raised or logged, and no port is open. `net_interface lo` is no way out ("None
# available for net_interface: lo", in its own log). With 0.0.0.0 it listens at every address but the loopback ones. A test
# bench on one machine must call its phone at the machine's own address.
# Seen: baresip-python 0.5.2a3 (PyPI); 2026-11-28.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check baresip-python==0.5.2a3
cat > show.py <<'PY'
import asyncio
import subprocess
import sys

import baresip
from baresip.runtime import Runtime
from baresip.ua import UserAgent


async def main(address, port):
    runtime = Runtime()
    await runtime.start(baresip.Config(extra_config_text=f"sip_listen {address}:{port}\n"))
    account = baresip.Account(user="phone", domain=f"{address}:{port}", password="", reg_interval=0)
    await UserAgent.create(runtime, account)
    listening = subprocess.run(["ss", "-lunH"], capture_output=True, text=True, check=True).stdout
    places = [line.split()[3] for line in listening.splitlines() if line.split()[3].endswith(f":{port}")]
    print(f"told {address}:{port}: listens at {places or 'no address'}")
    await runtime.close()
    return places


places = asyncio.run(main(sys.argv[1], sys.argv[2]))
on_loopback = [place for place in places if place.startswith("127.")]
sys.exit(0 if not on_loopback and bool(places) == (sys.argv[1] == "0.0.0.0") else "it behaves otherwise now")
PY
venv/bin/python show.py 127.0.0.1 29181
venv/bin/python show.py 0.0.0.0 29182
