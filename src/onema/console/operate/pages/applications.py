"""What an account registers to send from: its applications, each with what it may do, what it says and its keys."""

from typing import Any
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from onema.administration import customer_requests as theirs
from onema.administration import requests as ask
from onema.console.operate.forms import Unfit
from onema.console.operate.frame import Section, Visit
from onema.console.operate.pages import keys, voice
from onema.console.operate.viewer import NotForThem
from onema.console.words import Words
from onema.domain.configuration import documents as doc
from onema.domain.configuration.document_rules import MOST_RECALLS, RECALL_DELAYS
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.times import show_time

_APPID_BYTES = 16
_SANDBOX = "sandbox"
"""The name of the application that is made with one press."""
_RECALLED = ("busy", "no_answer", "failed", "voicemail")
_DEFAULT_VOICE = "vi-north"


async def applications(visit: Visit) -> Response:
    accounts = await visit.accounts()
    account = visit.chosen(accounts)
    found = await visit.ask(ask.ReadDocuments(account=account.name)) if account else None
    documents = found.documents if found else ()
    registered = [one for one in documents if isinstance(one, doc.Application)]
    return visit.render(
        "applications.html",
        accounts=accounts,
        account=account,
        applications=registered,
        gone=await _gone(visit, account.name, "") if account else "",
        offers_sandbox=all(one.environment != "sandbox" for one in registered),
        **keys.shown(visit, account.name if account else "", "", documents),
        command=f"onema application list {account.name if account else ''}",
    )


async def application(visit: Visit) -> Response:
    one, _ = await _meant(visit)
    found = await visit.ask(ask.ReadDocuments(account=one.account))
    (account,) = (each for each in found.documents if isinstance(each, doc.Account))
    pools = await visit.ask(ask.ReadDocuments(kind="hotline_pool"))
    voices = visit.speaker.voices.values() if visit.speaker else ()
    return visit.render(
        "application.html",
        account=account,
        application=one,
        address=_address(one),
        voices=[
            ("", visit.words.say("the default of the language")),
            *((each.id, each.title) for each in voices),
        ],
        speaks=bool(visit.speaker) and (one.voice or _DEFAULT_VOICE) in {each.id for each in voices},
        code=voice.CODE_TO_HEAR,
        pools=[("", visit.words.say("none")), *((each.identity, each.identity) for each in pools.documents)],
        recalled=_recalled(visit.words),
        told_at=one.callback_url or account.callback_url,
        gone=await _gone(visit, one.account, one.name if one.callback_url else ""),
        tried=visit.outcome if isinstance(visit.outcome, theirs.CallbackTried) else None,
        **keys.shown(visit, one.account, one.name, found.documents),
        command=f"onema application set {one.account} {one.name}",
    )


def _recalled(words: Words) -> list[tuple[str, str]]:
    """The endings after which a call may be placed again, and what they are called."""
    said = (words.say("busy"), words.say("no answer"), words.say("failed"), words.say("voicemail"))
    return list(zip(_RECALLED, said, strict=True))


async def call(visit: Visit) -> Response:
    """What a call of this application says."""
    one, _ = await _meant(visit)
    return await voice.spoken(visit, one.voice or _DEFAULT_VOICE, one.sentence)


async def create(visit: Visit) -> str:
    environment = "production" if visit.form.text("environment") == "production" else "sandbox"
    return await _make(visit, visit.form.text("name"), environment)


async def make_sandbox(visit: Visit) -> str:
    """One to try with, ready: nothing has to be filled in, and nobody is told of what it sends."""
    return await _make(visit, _SANDBOX, "sandbox")


async def _make(visit: Visit, name: str, environment: str) -> str:
    account = visit.chosen(await visit.accounts())
    if account is None:
        raise NotForThem
    made = visit.form.document(
        visit.words,
        doc.Application,
        account=account.name,
        name=name,
        environment=environment,
        appid=visit.token(_APPID_BYTES).hex(),
    )
    found = await visit.ask(ask.ReadDocuments(kind=made.kind, identity=made.identity))
    if found.documents:
        visit.form.errors["name"] = visit.words.say("This is there already.")
        raise Unfit
    await visit.put(made, revision=found.revision)
    return f"{_address(made)}?done=1"


async def save(visit: Visit) -> str:
    """What the large form of an application says."""
    form = visit.form
    shortest, longest = RECALL_DELAYS
    changed: dict[str, Any] = {
        "voice_code": form.is_on("voice_code"),
        "allowed_ips": form.several("allowed_ips"),
        "callback_url": form.text("callback_url"),
        "call_state_url": form.text("call_state_url"),
        "voice": form.text("voice"),
        "sentence": form.text("sentence") or None,
        "recall_after": tuple(each for each in _RECALLED if form.is_on(f"recall_{each}")),
        "recall_times": form.number(visit.words, "recall_times", 1, MOST_RECALLS),
        "recall_delay": form.number(visit.words, "recall_delay", shortest, longest),
    }
    if not visit.viewer.account:
        changed["pool"] = form.text("pool")
    return await _change(visit, **changed)


async def go_online(visit: Visit) -> str:
    return await _change(visit, environment="production")


async def go_to_sandbox(visit: Visit) -> str:
    return await _change(visit, environment="sandbox")


async def switch_on(visit: Visit) -> str:
    return await _change(visit, state="active")


async def switch_off(visit: Visit) -> str:
    return await _change(visit, state="inactive")


async def try_callback(visit: Visit) -> Response:
    """Tell the application's address of a message that never was, and show what became of it."""
    one, _ = await _meant(visit)
    visit.outcome = await visit.ask(theirs.TryCallback(account=one.account, application=one.name))
    return await application(visit)


async def _gone(visit: Visit, account: str, application: str) -> str:
    """Since when the own address of an application, or of the account, is told of no events; "" while it is."""
    addresses = await visit.ask(theirs.ReadAddresses(account=account))
    at = next((one.gone_at for one in addresses if one.application == application), 0)
    return show_time(at) if at else ""


async def put_online(visit: Visit) -> str:
    """Tell the address of events again that the application is told at: its own, or the account's."""
    one, _ = await _meant(visit)
    application = one.name if one.callback_url else ""
    await visit.ask(theirs.PutAddressOnline(account=one.account, application=application))
    return f"{_address(one)}?done=1"


async def put_account_online(visit: Visit) -> str:
    account = visit.chosen(await visit.accounts())
    if account is None:
        raise NotForThem
    await visit.ask(theirs.PutAddressOnline(account=account.name))
    return f"/console/applications?account={quote(account.name)}&done=1"


async def remove(visit: Visit) -> str:
    one, revision = await _meant(visit)
    await visit.put(remove=((one.kind, one.identity),), revision=revision)
    return f"/console/applications?account={quote(one.account)}&done=1"


async def change_account(visit: Visit) -> str:
    """What an account says of itself: where it is told, and from where its requests may come."""
    account = visit.chosen(await visit.accounts())
    if account is None:
        raise NotForThem
    document, revision = await visit.document(doc.Account, account.name)
    changed = msgspec.structs.replace(
        document,
        callback_url=visit.form.text("callback_url"),
        allowed_ips=visit.form.several("allowed_ips"),
    )
    await visit.put(changed, revision=revision)
    return f"/console/applications?account={quote(account.name)}&done=1"


async def _meant(visit: Visit) -> tuple[doc.Application, int]:
    """The application that the address names, and the revision that it was read at. Raises NotForThem."""
    parameters = visit.request.path_params
    return await visit.document(doc.Application, f"{parameters['account']}/{parameters['name']}")


async def _change(visit: Visit, **fields: Any) -> str:
    one, revision = await _meant(visit)
    changed = visit.form.document(visit.words, doc.Application, **{**msgspec.structs.asdict(one), **fields})
    try:
        await visit.put(changed, revision=revision)
    except Refused as refused:
        if refused.refusal is not Refusal.SENTENCE_MISSING:
            raise
        visit.form.errors["sentence"] = visit.words.say(
            "This sentence cannot be made into sound here: {why}", why=refused.detail
        )
        raise Unfit from refused
    return f"{_address(one)}?done=1"


def _address(one: doc.Application) -> str:
    return f"/console/applications/{quote(one.account)}/{quote(one.name)}"


_ONE = "/{account}/{name}"
SECTION = Section(
    "applications",
    "Applications",
    {
        "": applications,
        "/postman.json": keys.postman,
        _ONE: application,
        f"{_ONE}/call.wav": call,
    },
    actions={
        "": {
            "create": create,
            "sandbox": make_sandbox,
            "account": change_account,
            "address-online": put_account_online,
            "make-key": keys.make(applications),
            "key-off": keys.switch_off,
            "key-scopes": keys.set_scopes,
            "key-on": keys.switch_on,
            "forget-key": keys.forget,
        },
        _ONE: {
            "save": save,
            "online": go_online,
            "offline": go_to_sandbox,
            "on": switch_on,
            "off": switch_off,
            "remove": remove,
            "try-callback": try_callback,
            "address-online": put_online,
            "make-key": keys.make(application),
            "key-off": keys.switch_off,
            "key-scopes": keys.set_scopes,
            "key-on": keys.switch_on,
            "forget-key": keys.forget,
        },
    },
)
