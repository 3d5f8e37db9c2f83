#!/usr/bin/env bash
# Signing a webhook with the standardwebhooks package at a time that is not written in UTC.
#
# Believed: Webhook.sign(id, datetime, body) signs the moment that the datetime names, so that a header with the same
# moment's seconds verifies.
# So: it drops the datetime's own zone and takes its clock for UTC. datetime.now().astimezone() and a plain
# datetime.now() are signed hours away from what their timestamp() says, and the same package's verify finds "No matching
# signature". Where the machine's zone is UTC, as in most containers and test runs, nothing is amiss.
# Seen: standardwebhooks 1.1.0 (PyPI); 2026-11-28.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check standardwebhooks==1.1.0
cat > "$folder/show.py" <<'PYTHON'
import json
import os
import sys
import time
from datetime import UTC, datetime

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


def verifies(moment):
    webhook = Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLw==")
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": webhook.sign("msg_1", moment, "{}"),
    }
    try:
        webhook.verify("{}", headers)
    except WebhookVerificationError as refused:
        return str(refused)
    return "verified"


seen = {}
for zone in ("UTC", "<+07>-7"):  # POSIX for seven hours east, which needs no zone files.
    os.environ["TZ"] = zone
    time.tzset()
    seen[zone] = {
        "datetime.now(UTC)": verifies(datetime.now(UTC)),
        "datetime.now().astimezone()": verifies(datetime.now().astimezone()),
        "datetime.now()": verifies(datetime.now()),
    }
print(json.dumps(seen, indent=1))
missed = "No matching signature found"
sys.exit(
    0
    if set(seen["UTC"].values()) == {"verified"} and list(seen["<+07>-7"].values()) == ["verified", missed, missed]
    else "it signs otherwise now"
)
PYTHON
"$folder/venv/bin/python" "$folder/show.py"
