"""A check says nothing of whether a number was ever sent a code: docs/guard.md#who-is-a-customer."""

from collections.abc import Awaitable, Callable

import msgspec
import pytest

from onema.dialects.camara.routes import CamaraApi
from onema.dialects.camara.wire import message_of as camara_message_of
from onema.dialects.esms.routes import EsmsApi
from onema.dialects.native.routes import NativeApi
from onema.dialects.twilio_verify.routes import TwilioVerifyApi
from onema.domain.configuration import documents as doc
from onema.http.messages import Request, Response
from onema.wiring.dialects import DIALECTS

from .camara import client as camara
from .esms import vendor_client as esms
from .native import client as native
from .running_core import RunningCore
from .twilio_verify import client as twilio

BY_NUMBER = {"esms", "twilio_verify"}
BY_ID = {"native", "camara"}
CHECKS_NOTHING = {"ytx", "vbee", "receivers"}
"""Those whose codes are their clients' own: nothing is asked of us."""
SEEN, NEVER, CODE = "+84901888484", "+84901888499", "135790"
DAY_SECONDS = 86_400


def test_every_dialect_says_by_what_it_checks() -> None:
    """A new one is asked the same below."""
    assert set(DIALECTS) == BY_NUMBER | BY_ID | CHECKS_NOTHING


class Checks:
    """Sends a code to a number, and checks one, over the API of a vendor that names numbers."""

    def __init__(self, core: RunningCore, dialect: str) -> None:
        self.core = core
        self.dialect = dialect

    async def configure(self) -> None:
        documents = esms.DOCUMENTS if self.dialect == "esms" else twilio.DOCUMENTS
        await self.core.configure(*documents)
        if self.dialect == "esms":
            self._esms = esms.VendorClient(
                EsmsApi(self.core.gateway, reads=self.core.reads, time_alive_max=10, invalid_code="117"),
                self.core,
            )
        else:
            self._twilio = TwilioVerifyApi(self.core.gateway, self.core.reads)

    async def send(self) -> str:
        """A code to SEEN; the code."""
        if self.dialect == "esms":
            return await self._esms.send_code(Phone=SEEN)
        await self._twilio.answer(
            twilio.post(f"{twilio.SERVICE}/Verifications", {"To": SEEN, "Channel": "sms"})
        )
        (message,) = await self.core.messages("shop")
        return (await self.core.queued_sms(message.id)).text[:6]

    async def check(self, phone: str, code: str = CODE) -> Response:
        if self.dialect == "esms":
            asked = esms.query_of({**esms.KEYS, "Phone": phone, "Code": code})
            return await self._esms.ask(esms.CHECKCODE, asked)
        return await self._twilio.answer(
            twilio.post(f"{twilio.SERVICE}/VerificationCheck", {"To": phone, "Code": code})
        )


def said(answer: Response, phone: str) -> Response:
    """All that goes over the wire, without the number that was asked for."""
    assert answer.body
    body = answer.body.replace(phone.encode(), b"N").replace(phone[1:].encode(), b"N")
    return msgspec.structs.replace(answer, body=body, outcome="")


async def nothing(checks: Checks) -> None:
    """No code was ever sent to it: the same against the same."""


async def used(checks: Checks) -> None:
    """Its code was typed in."""
    right = await checks.check(SEEN, await checks.send())
    assert said(right, SEEN) != said(await checks.check(NEVER), NEVER)


async def expired(checks: Checks) -> None:
    await checks.send()
    checks.core.clock.advance(DAY_SECONDS)


async def wrongly_typed(checks: Checks) -> None:
    """And its code expired then."""
    await checks.send()
    await checks.check(SEEN)
    checks.core.clock.advance(DAY_SECONDS)


@pytest.mark.parametrize("before", [nothing, used, expired, wrongly_typed])
@pytest.mark.parametrize("dialect", sorted(BY_NUMBER))
async def test_no_code_and_an_unknown_number_are_answered_alike(
    core: RunningCore, dialect: str, before: Callable[[Checks], Awaitable[None]]
) -> None:
    """Byte for byte, with status and headers; only the number itself may stand in it."""
    checks = Checks(core, dialect)
    await checks.configure()
    await before(checks)
    answers = [said(await checks.check(phone), phone) for phone in (SEEN, NEVER, SEEN)]
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize(("dialect", "differs"), [("esms", False), ("twilio_verify", True)])
async def test_a_wrong_code_shows_a_live_one_only_where_the_vendor_does(
    core: RunningCore, dialect: str, differs: bool
) -> None:
    """Twilio's clients are told `pending`, that they may try again; eSMS has one word for all that is not right."""
    checks = Checks(core, dialect)
    await checks.configure()
    code = await checks.send()
    wrong = "000000" if code != "000000" else "111111"
    live, never = [said(await checks.check(phone, wrong), phone) for phone in (SEEN, NEVER)]
    assert (live != never) is differs


async def by_native(core: RunningCore) -> tuple[Callable[[str], Awaitable[Response]], str, str]:
    """What checks an id as another account, an id that this one got, and one that nobody did."""
    await core.configure(
        *native.DOCUMENTS,
        doc.Account(name="rival", country="VN"),
        doc.Credential(account="rival", dialect="native", key="nk-rival", secret="ns-of-a-rival" + "x" * 12),
    )
    api = NativeApi(core.gateway, core.reads)
    await api.answer(native.create({"to": SEEN}))
    (message,) = await core.messages("shop")
    login = native.login("nk-rival", "ns-of-a-rival" + "x" * 12)

    async def check(identifier: str) -> Response:
        body = msgspec.json.encode({"code": CODE})
        path = f"{native.VERIFICATIONS}/{identifier}/check"
        return await api.answer(Request("POST", path, b"", (login,), body, native.CLIENT_IP))

    return check, str(message.id), str(message.id + 1)


async def by_camara(core: RunningCore) -> tuple[Callable[[str], Awaitable[Response]], str, str]:
    await core.configure(
        *camara.DOCUMENTS,
        doc.Account(name="rival", country="VN"),
        doc.Credential(account="rival", dialect="camara", key="rival", secret="secret of a rival"),
    )
    api = CamaraApi(core.gateway, core.reads)
    ours = camara.token_of(camara.CLIENT_ID, camara.CLIENT_SECRET, core.clock.now() + 1_000)
    theirs = camara.token_of("rival", "secret of a rival", core.clock.now() + 1_000)
    sent = msgspec.json.decode((await api.answer(camara.send(ours))).body)["authenticationId"]
    assert camara_message_of(sent)

    async def check(identifier: str) -> Response:
        return await api.answer(camara.validate(theirs, identifier, CODE))

    last = "0" if sent[-1] != "0" else "1"
    return check, sent, sent[:-1] + last


Ids = Callable[[RunningCore], Awaitable[tuple[Callable[[str], Awaitable[Response]], str, str]]]


@pytest.mark.parametrize("ids", [by_native, by_camara])
async def test_an_id_of_another_account_is_one_that_there_is_not(core: RunningCore, ids: Ids) -> None:
    """Where a check names what it is about, only who was told its id learns what became of it."""
    check, anothers, nobodys = await ids(core)
    assert await check(anothers) == await check(nobodys)
    assert (await check(anothers)).status == 404
