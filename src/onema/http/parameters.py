"""Parameters as real clients send them.

NUL and unpaired surrogates are refused here, at the edge: no store keeps them, and a batch that holds one
would have to be taken apart to find it. Every refusal is a ValueError.
"""

from urllib.parse import unquote_to_bytes

import msgspec
from python_multipart.multipart import MultipartParser, parse_options_header

_JSON_OBJECT = msgspec.json.Decoder(dict[str, object])
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# The parser of options takes a millisecond for one of the longest, and its time grows with the square.
_LONGEST_OPTIONS = 512
_MOST_PARTS = 100
# No API has members so deep. The decoder itself goes deeper than Python's own calls can follow.
_DEEPEST = 100


def parse_query(query: bytes) -> dict[str, str]:
    """Parameters by lower-cased name; the values of a name that comes again are joined by commas.

    That is what .NET makes of them, so a second phone is no phone rather than one of the two.
    Raises ValueError for NUL and for anything that is not UTF-8.
    """
    # Most escapes are spaces; replacing them in one go halves the time. It cannot make a new escape.
    text = query.decode().replace("+", " ").replace("%20", " ")
    if "\0" in text:
        raise ValueError("a parameter holds NUL")
    encoded = "%" in text
    parameters: dict[str, str] = {}
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        if encoded and "%" in pair:
            name, value = _decoded(name), _decoded(value)
        name = name.lower()
        if name in parameters:
            value = f"{parameters[name]},{value}"
        if name:
            parameters[name] = value
    return parameters


def parse_form(body: bytes) -> dict[str, str]:
    """The parameters of an `application/x-www-form-urlencoded` body; the rules of `parse_query` apply."""
    return parse_query(body)


def parse_multipart(body: bytes, content_type: bytes) -> dict[str, str]:
    """The fields of a `multipart/form-data` body, which PHP's curl makes of an array; the rules of `parse_query` apply.

    Files are left out. Raises ValueError.
    """
    options = _options(content_type)
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise ValueError("a multipart form has no boundary")
    parameters: dict[str, str] = {}
    headers: dict[bytes, bytes] = {}
    name, value = bytearray(), bytearray()
    ended, parts = False, 0

    def end_header() -> None:
        headers[bytes(name).lower()] = bytes(value)
        name.clear()
        value.clear()

    def begin_part() -> None:
        nonlocal parts
        parts += 1
        if parts > _MOST_PARTS:
            raise ValueError("a multipart form has too many parts")
        headers.clear()
        value.clear()

    def end_part() -> None:
        disposition = _options(headers.get(b"content-disposition", b""))
        if b"filename" not in disposition:
            field, text = _text(disposition.get(b"name", b"")).lower(), _text(bytes(value))
            if field:
                parameters[field] = f"{parameters[field]},{text}" if field in parameters else text

    def end() -> None:
        nonlocal ended
        ended = True

    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": begin_part,
            "on_header_field": lambda data, start, end: name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: value.extend(data[start:end]),
            "on_header_end": end_header,
            "on_part_data": lambda data, start, end: value.extend(data[start:end]),
            "on_part_end": end_part,
            "on_end": end,
        },
    )
    parser.write(body)
    if not ended:
        raise ValueError("a multipart form has no end")
    return parameters


def _options(header: bytes) -> dict[bytes, bytes]:
    if len(header) > _LONGEST_OPTIONS:
        raise ValueError("a header of a multipart form is too long")
    return parse_options_header(header)[1]


def parse_json_object(body: bytes) -> dict[str, object]:
    """The members of a JSON object; of members with one name the last wins. Raises ValueError, also for one in which
    whoever walks through it would get lost.
    """
    try:
        members = _JSON_OBJECT.decode(body.removeprefix(_BYTE_ORDER_MARK))
    except RecursionError as exc:
        raise ValueError("the JSON is nested too deeply") from exc
    if body.count(b"[") + body.count(b"{") > _DEEPEST and _is_deep(members):
        raise ValueError("the JSON is nested too deeply")
    # JSON can spell NUL in one way only, so that most bodies need no walk through their values.
    if rb"\u0000" in body and _holds_nul(members):
        raise ValueError("a JSON string holds NUL")
    return members


def _decoded(text: str) -> str:
    # Names, and most values, are written without escapes; looking is cheaper than unquoting.
    return _text(unquote_to_bytes(text)) if "%" in text else text


def _text(encoded: bytes) -> str:
    decoded = encoded.decode()
    if "\0" in decoded:
        raise ValueError("a parameter holds NUL")
    return decoded


def _is_deep(value: object) -> bool:
    """Whether it has more than _DEEPEST levels."""
    level = [value]
    for _ in range(_DEEPEST):
        inside: list[object] = []
        for one in level:
            if isinstance(one, dict):
                inside += one.values()
            elif isinstance(one, list):
                inside += one
        level = inside
    return any(isinstance(one, dict | list) for one in level)


def _holds_nul(value: object) -> bool:
    match value:
        case str():
            return "\0" in value
        case dict():
            return any(_holds_nul(key) or _holds_nul(member) for key, member in value.items())
        case list():
            return any(_holds_nul(member) for member in value)
        case _:
            return False
