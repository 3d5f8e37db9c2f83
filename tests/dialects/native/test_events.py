"""Events: docs/api.md#events."""

import asyncio
import base64
import datetime as dt
import json
import re
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from onema.delivery.callback_contract import CallbackRequest
from onema.dialects.native.callbacks import webhook_secret
from onema.dialects.native.routes import NativeApi
from onema.domain.configuration import documents as doc
from onema.domain.delivery.outcome import Ending
from onema.domain.ids import MessageId
from onema.domain.records import Call, Message, MessageState
from onema.domain.values.money import parse_amount

from ..running_core import RunningCore
from .client import ACCOUNT, CREDENTIAL, DOCUMENTS, KEY, SECRET, create

PAGE = Path(__file__).parents[3] / "docs" / "api.md"
URL = "https://shop.example/events"
NEXT_SECRET = "ns-2" + "x" * 20
NPM = Path(__file__).parents[3] / ".tools/npm/node_modules/standardwebhooks"
SCRIPT = Path(__file__).parent / "verify_webhook.cjs"


@pytest.fixture
async def api(core: RunningCore) -> NativeApi:
    await core.configure(*DOCUMENTS)
    # The judge compares with its own clock.
    core.clock.advance(dt.datetime.now(dt.UTC).timestamp() - core.clock.now() / 1000)
    return NativeApi(core.gateway, core.reads)


async def ended(api: NativeApi, core: RunningCore, **changes: Any) -> Message:
    """A code that was sent, as it ends."""
    sent = json.loads((await api.answer(create({"purpose": "login"}))).body)
    message = await core.message("shop", int(sent["id"]))
    end = {"state": MessageState.DELIVERED, "ended_at": core.clock.now(), "charged": parse_amount("850")}
    return msgspec.structs.replace(message, **{**end, **changes})


def judged(request: CallbackRequest, secret: str) -> Any:
    headers = {name.decode(): value.decode() for name, value in request.headers}
    return Webhook(webhook_secret(secret)).verify(request.body, headers)


async def test_an_event_passes_the_specifications_own_library(api: NativeApi, core: RunningCore) -> None:
    """With the account's secret, and no other."""
    message = await ended(api, core)
    request = api.callbacks.render(message, URL)
    assert (request.method, request.url) == ("POST", URL)
    told = judged(request, SECRET)
    assert (told["type"], told["data"]["id"]) == ("message.delivered", str(message.id))
    assert told["data"]["purpose"] == "login"
    assert told["data"]["cost"] == {"currency": "VND", "charged": "850"}
    with pytest.raises(WebhookVerificationError):
        judged(request, SECRET + "x")


async def judged_by_npm(request: CallbackRequest, secret: str) -> Any:
    node = shutil.which("node")
    assert node is not None
    process = await asyncio.create_subprocess_exec(
        node, str(SCRIPT), str(NPM), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    asked = {
        "secret": webhook_secret(secret),
        "headers": {name.decode(): value.decode() for name, value in request.headers},
        "body": base64.b64encode(request.body).decode(),
    }
    told, _ = await process.communicate(json.dumps(asked).encode())
    return json.loads(told)


async def test_an_event_passes_the_library_for_node(api: NativeApi, core: RunningCore) -> None:
    """npm's standardwebhooks, with each of two live secrets and with no other; it wants strict base64."""
    await core.configure(doc.Credential(account="shop", dialect="native", key="nk-2", secret=NEXT_SECRET))
    message = await ended(api, core)
    request = api.callbacks.render(message, URL)
    for secret in (SECRET, NEXT_SECRET):
        found = await judged_by_npm(request, secret)
        assert found["event"] == json.loads(request.body)
    assert await judged_by_npm(request, SECRET + "x") == {"refused": "No matching signature found"}


async def test_an_application_signs_with_its_own_secrets_and_its_accounts(
    api: NativeApi, core: RunningCore
) -> None:
    """Who listens at the application's address, or at the account's, knows one; another application's is not used."""
    own, others = "own" + "x" * 21, "others" + "x" * 18
    for name, secret in (("app", own), ("other", others)):
        await core.configure(
            doc.Application(account="shop", name=name),
            doc.Credential(
                account="shop", dialect="native", key=f"k-{name}", secret=secret, application=name
            ),
        )
    request = api.callbacks.render(await ended(api, core, application="app"), URL)
    signatures = dict(request.headers)[b"webhook-signature"].decode()
    assert re.fullmatch(r"v1,[A-Za-z0-9+/]{43}= v1,[A-Za-z0-9+/]{43}=", signatures)
    judged(request, own)
    judged(request, SECRET)
    with pytest.raises(WebhookVerificationError):
        judged(request, others)


async def test_members_stand_in_the_order_of_their_names(api: NativeApi, core: RunningCore) -> None:
    """A receiver's library that writes the body anew before it signs gets the same bytes."""
    body = api.callbacks.render(await ended(api, core), URL).body
    assert json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")).encode() == body


async def test_a_later_try_is_the_same_event_signed_anew(api: NativeApi, core: RunningCore) -> None:
    """Receivers refuse what was signed long ago, and know what they have by its id."""
    message = await ended(api, core)
    first = dict(api.callbacks.render(message, URL).headers)
    core.clock.advance(3_600)
    later = api.callbacks.render(message, URL)
    again = dict(later.headers)
    assert again[b"webhook-id"] == first[b"webhook-id"]
    assert int(again[b"webhook-timestamp"]) == int(first[b"webhook-timestamp"]) + 3_600
    assert again[b"webhook-signature"] != first[b"webhook-signature"]


async def test_two_live_secrets_both_sign(api: NativeApi, core: RunningCore) -> None:
    """So that a receiver can move from one to the next; a retired one does not."""
    second = doc.Credential(account="shop", dialect="native", key="nk-2", secret=NEXT_SECRET)
    await core.configure(second)
    message = await ended(api, core)
    request = api.callbacks.render(message, URL)
    assert judged(request, SECRET) == judged(request, NEXT_SECRET)
    await core.configure(msgspec.structs.replace(CREDENTIAL, state="inactive"))
    request = api.callbacks.render(message, URL)
    judged(request, NEXT_SECRET)
    with pytest.raises(WebhookVerificationError):
        judged(request, SECRET)


async def test_an_account_without_credentials_has_unsigned_events(api: NativeApi, core: RunningCore) -> None:
    """Nobody could check them; what happened is told all the same."""
    message = await ended(api, core)
    await core.configure(remove=(("credential", f"native/{KEY}"),))
    request = api.callbacks.render(message, URL)
    assert b"webhook-signature" not in dict(request.headers)
    assert json.loads(request.body)["type"] == "message.delivered"


async def test_an_event_of_a_call_tells_how_it_went(api: NativeApi, core: RunningCore) -> None:
    """And how it ended, in a word for programs."""
    message = await ended(api, core, state=MessageState.UNDELIVERED, ending=Ending.NO_ANSWER, channel="call")
    call = Call(
        message.account, MessageId(message.id), 2, "trunk", "ended", 1, ring_ms=30_500, talk_ms=0, keys=""
    )
    told = judged(api.callbacks.render(message, URL, call), SECRET)
    assert told["data"]["delivery"] == {"status": "undelivered", "reason": "", "ending": "no_answer"}
    assert told["data"]["call"] == {"attempts": 2, "ring_seconds": 30.5, "talk_seconds": 0.0, "keys": ""}


async def test_the_event_in_the_page_has_the_members_that_are_sent(api: NativeApi, core: RunningCore) -> None:
    """In their order."""
    section = PAGE.read_text().partition("## Events")[2]
    shown = re.findall(r"\n\n(\{.*?\})\n```", section, re.DOTALL)[0].replace("\n", "")
    sent = json.loads(api.callbacks.render(await ended(api, core), URL).body)

    def names(value: Any) -> Any:
        return [(name, names(inner)) for name, inner in value.items()] if isinstance(value, dict) else None

    assert names(json.loads(shown)) == names(sent)
    assert ACCOUNT.name == "shop"
