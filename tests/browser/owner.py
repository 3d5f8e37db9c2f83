"""The first owner of a server that was started for a test."""

import httpx

from onema.testing.running_server import RunningServer, eventually

OWNER = "lan"
PASSWORD = "correct horse"


def set_up_link(server: RunningServer) -> str:
    """What the server printed."""
    return eventually(
        lambda: next((word for word in server.output.read_text().split() if "/welcome/" in word), "")
    )


def with_owner(server: RunningServer, name: str = OWNER) -> RunningServer:
    """The link that the server printed is used."""
    form = {"name": name, "password": PASSWORD, "again": PASSWORD}
    assert httpx.post(set_up_link(server), data=form).status_code == 303
    return server
