"""What is raised for octets that are no SIP, whoever reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onema.protocols.sip.messages import Request


class BadMessage(Exception):
    """Octets or a value that SIP cannot have; its text holds no part of them, which may be a number or a secret.

    `request` is what could be read of a request, where its Via, From, To, Call-ID and CSeq are there to answer with;
    `status` is what it is then answered with (RFC 3261 §8.2.2, §18.3). Both say nothing of a response or an ACK, which
    are dropped.
    """

    def __init__(self, why: str, status: int = 400, request: Request | None = None) -> None:
        super().__init__(why)
        self.status = status
        self.request = request
