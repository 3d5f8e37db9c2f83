"""What a service manager is told: systemd waits for it before it starts what needs this server (sd_notify(3))."""

import contextlib
import os
import socket

_SOCKET = "NOTIFY_SOCKET"


def tell_service_manager(*news: str) -> None:
    """Such as READY=1. Without a service manager, or when it is gone, nothing happens: the server serves anyway."""
    address = os.environ.get(_SOCKET, "")
    if address[:1] not in ("/", "@"):
        return
    # A name that begins with @ is one of Linux' abstract namespace.
    address = f"\0{address[1:]}" if address[0] == "@" else address
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager,
    ):
        manager.setblocking(False)
        manager.sendto("\n".join(news).encode(), address)
