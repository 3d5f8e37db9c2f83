"""The bytes of answers."""

import re
from http import HTTPStatus

from onema.http.messages import Headers, Response

STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

CLOSE_LINE = b"connection: close\r\n"
_NOT_IN_A_NAME = re.compile(rb'[\x00-\x20\x7f()<>@,;:\\[\]={}"]')
_NOT_IN_A_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def encode_response(response: Response, date: bytes, *, closes: bool, has_body: bool) -> bytes:
    """A whole answer, without its body for HEAD. Raises ValueError for a header that cannot be sent."""
    content = response.body
    return b"%bdate: %b\r\ncontent-type: %b\r\ncontent-length: %d\r\n%b%b\r\n%b" % (
        STATUS_LINES[response.status],
        date,
        response.content_type,
        len(content),
        header_lines(response.headers) if response.headers else b"",
        CLOSE_LINE if closes else b"",
        content if has_body else b"",
    )


def encode_refusal(status: int, text: str) -> bytes:
    """The answer to what is no request, after which the connection closes."""
    return b"%bcontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n%b\r\n%b" % (
        STATUS_LINES[status],
        len(text),
        CLOSE_LINE,
        text.encode(),
    )


def header_lines(headers: Headers) -> bytes:
    """Raises ValueError for a header that would be read as something else, such as two of them."""
    for name, value in headers:
        if _NOT_IN_A_NAME.search(name) or _NOT_IN_A_VALUE.search(value):
            raise ValueError("an answer has a header that cannot be sent")
    return b"".join([b"%b: %b\r\n" % (name.lower(), value) for name, value in headers])
