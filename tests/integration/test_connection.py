"""What a connection makes of the bytes it gets: whose body they are, and when one has had enough of them."""

from starlette.types import Receive, Scope, Send

from .raw_http import on_uvloop, serving_app


async def answer_path(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the path at once, before the body has come."""
    body = scope["path"].encode()
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 404, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def test_a_body_that_comes_after_its_answer_is_not_taken_for_a_request() -> None:
    """What looks like a request inside of a body is that body, whatever bytes surround it."""
    inner = b"GET /inner HTTP/1.1\r\nHost: test\r\n\r\n"
    inner += b" " * (len(inner) % 2)

    async def scenario() -> None:
        async with serving_app(answer_path) as client:
            client.send(
                b"POST /first HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n" % (len(inner) * 3 // 2)
            )
            assert (await client.answer())[2] == b"/first"
            client.send(b"\xff" * (len(inner) // 2))
            await client.writer.drain()
            client.send(inner)
            client.get("/second")
            assert (await client.answer())[2] == b"/second"

    on_uvloop(scenario)
