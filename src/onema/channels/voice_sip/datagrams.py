"""Many UDP datagrams in one system call: sendmmsg and recvmmsg of the C library, over arrays that numpy fills.

What the calls read and write are arrays of C structures whose pointers are numbers here; whoever changes an array keeps
it alive, and where it is, while messages point into it.
"""

import ctypes
import errno
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Address = tuple[str, int]
"""A numeric host and a port."""

MESSAGE = np.dtype(
    {
        "names": [
            "name", "name_octets", "parts", "part_count", "control", "control_octets", "flags", "octets",
        ],
        "formats": ["u8", "u4", "u8", "u8", "u8", "u8", "u4", "u4"],
        "offsets": [0, 8, 16, 24, 32, 40, 48, 56],
        "itemsize": 64,
    }
)  # fmt: skip
"""`struct mmsghdr` where pointers have 8 octets; the same in glibc and musl (sendmmsg(2))."""

PART = np.dtype([("base", "u8"), ("octets", "u8")])
"""`struct iovec`."""

NAME_OCTETS = {socket.AF_INET: 16, socket.AF_INET6: 28}
"""The sizes of `struct sockaddr_in` and `struct sockaddr_in6`."""
LONGEST_NAME = 28

Many = Callable[[int, int, int], int]
"""Takes a file descriptor, the address of MESSAGEs and how many; says how many went. Raises OSError where none did."""


class Unreachable(ValueError):
    """An address that is not numeric, or not of the family of the socket that should send to it."""


def sockaddr(address: Address, family: int) -> bytes:
    """`struct sockaddr_in` or `struct sockaddr_in6`. Raises Unreachable."""
    host, port = address
    try:
        packed = socket.inet_pton(family, host)
    except (OSError, ValueError) as error:
        raise Unreachable("no numeric address of the socket's family") from error
    if not 0 < port < 65536:
        raise Unreachable("no port")
    head = family.to_bytes(2, sys.byteorder) + port.to_bytes(2, "big")
    if family == socket.AF_INET:
        return head + packed + bytes(8)
    return head + bytes(4) + packed + bytes(4)


def address_of(name: bytes) -> Address:
    """What `sockaddr` made."""
    family, port = int.from_bytes(name[:2], sys.byteorder), int.from_bytes(name[2:4], "big")
    packed = name[4:8] if family == socket.AF_INET else name[8:24]
    return socket.inet_ntop(family, packed), port


def normal(address: Address) -> Address:
    """As the system writes it: of an address of IPv6 there are many spellings. Raises Unreachable."""
    return address_of(sockaddr(address, family_of(address[0])))


def family_of(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def pointer(array: NDArray[Any]) -> int:
    return int(array.ctypes.data)


def grown(old: NDArray[Any] | None, room: int, kind: Any, width: int = 0) -> NDArray[Any]:
    """An array of `room` rows that begins with the old one's; it lies elsewhere."""
    array = np.zeros((room, width) if width else room, kind)
    if old is not None:
        array[: len(old)] = old
    return array


def system_call(name: str) -> Many | None:
    """`sendmmsg` or `recvmmsg`; None where the C library has none, or its structures are others."""
    if not sys.platform.startswith("linux") or ctypes.sizeof(ctypes.c_void_p) != 8:
        return None
    # The lock of the interpreter is kept: giving it away for 100 us costs a thread that must be on time more in
    # getting it back than the other thread gains.
    library = ctypes.PyDLL(None, use_errno=True)
    try:
        function = getattr(library, name)
    except AttributeError:
        return None
    function.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int]
    function.restype = ctypes.c_int
    if name == "recvmmsg":
        function.argtypes = [*function.argtypes, ctypes.c_void_p]

        def receive(descriptor: int, messages: int, count: int) -> int:
            went = int(function(descriptor, messages, count, socket.MSG_DONTWAIT, None))
            return went if went >= 0 else _raise()

        return receive

    def send(descriptor: int, messages: int, count: int) -> int:
        went = int(function(descriptor, messages, count, socket.MSG_DONTWAIT))
        return went if went >= 0 else _raise()

    return send


def _raise() -> int:
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number))


def send_one_by_one(descriptor: int, messages: int, count: int) -> int:
    """What sendmmsg does, where there is none."""
    sender = socket.socket(fileno=os.dup(descriptor))
    try:
        for number in range(count):
            message = _message_at(messages + number * MESSAGE.itemsize)
            name = ctypes.string_at(message["name"], message["name_octets"])
            parts = np.frombuffer(
                ctypes.string_at(message["parts"], message["part_count"] * PART.itemsize), PART
            )
            try:
                sender.sendto(
                    b"".join(ctypes.string_at(int(part["base"]), int(part["octets"])) for part in parts),
                    socket.MSG_DONTWAIT,
                    address_of(name),
                )
            except OSError:
                if number:
                    return number
                raise
    finally:
        sender.close()
    return count


def _message_at(address: int) -> dict[str, int]:
    message = np.frombuffer(ctypes.string_at(address, MESSAGE.itemsize), MESSAGE)[0]
    return {name: int(message[name]) for name in ("name", "name_octets", "parts", "part_count")}


NO_ROOM = frozenset((errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS))
"""The socket takes no more now."""
