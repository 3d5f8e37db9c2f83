"""Services that make and check codes: what their answers mean, and how we ask."""

import base64
import json
from typing import Any
from urllib.parse import parse_qsl

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from onema.channels.http_verifier import camara, twilio, verifier, vonage
from onema.channels.http_verifier.contract import Service, VerifierApi
from onema.channels.http_verifier.logins import TOKEN_SECONDS, BasicLogin, SignedLogin, TokenLogin
from onema.channels.own_codes import AskedCode
from onema.domain.codes.forwarded_check import Verdict
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import settings_of, settings_problems
from onema.domain.delivery.outcome import Ending, OutcomeKind, storable
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Channel
from onema.domain.values.phone import Phone
from onema.http.client.contract import HttpAnswer, HttpRequest, MayHaveLeft, NotSent
from tests.verify_services import PEM

NOW = 1_795_800_000_000
SMS = AskedCode(AccountId(7), MessageId(4711), 2, Channel.SMS, Phone("+84901888484"), NOW + 300_000)
CALL = AskedCode(AccountId(7), MessageId(4711), 2, Channel.CALL, Phone("+84901888484"), NOW + 300_000)
SID = "VE" + "5a" * 16
REQUEST_ID = "575a2054-aaaf-4405-994e-290be7b9a91f"
TWILIO = {"account_sid": "AC1", "auth_token": "t", "service_sid": "VA1"}
CAMARA = {
    "base_url": "https://op.example.com/one-time-password-sms/v1/",
    "token_url": "https://op.example.com/token",
    "client_id": "a:b",
    "client_secret": "s%",
    "text": "{{code}} is your code",
}
VONAGE = {"brand": "Acme", "api_key": "k", "api_secret": "s"}
SIGNING = {"brand": "Acme", "application_id": "app", "private_key": PEM}


def problems(service: Service, **settings: Any) -> list[str]:
    """The places of what is wrong."""
    carrier = doc.Carrier(name="main", type="test", settings=settings)
    found = list(settings_problems(service.settings, carrier)) or list(verifier.problems_of(service, carrier))
    return [problem.place for problem in found]


def api(service: Service, known: dict[str, Any], **more: Any) -> VerifierApi:
    assert problems(service, **known, **more) == []
    return service.api(
        settings_of(service.settings, doc.Carrier(name="main", type="test", settings={**known, **more}))
    )


def made(asked: object) -> HttpRequest:
    assert isinstance(asked, HttpRequest)
    return asked


def said(status: int, members: object = None) -> HttpAnswer:
    return HttpAnswer(status, (), json.dumps(members).encode() if members is not None else b"")


def form(request: HttpRequest) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode()))


TWILIO_API, CAMARA_API = api(twilio.SERVICE, TWILIO), api(camara.SERVICE, CAMARA)
VONAGE_API = api(vonage.SERVICE, VONAGE)
APIS = {"twilio": TWILIO_API, "camara": CAMARA_API, "vonage": VONAGE_API}


# https://www.twilio.com/docs/verify/api/verification


def test_twilio_ends_what_is_pending_and_starts_another() -> None:
    """By the number, since nobody has to know its SID; then with what the carrier is told of language and text."""
    speaking = api(twilio.SERVICE, TWILIO, locale="vi", template_sid="HJ1")
    ended = made(speaking.clearing(SMS, None))
    url = "https://verify.twilio.com/v2/Services/VA1"
    assert (ended.method, ended.url, form(ended)) == (
        "POST",
        f"{url}/Verifications/%2B84901888484",
        {"Status": "canceled"},
    )
    started = made(speaking.start(SMS, NOW))
    assert (started.url, form(started)) == (
        f"{url}/Verifications",
        {"To": "+84901888484", "Channel": "sms", "Locale": "vi", "TemplateSid": "HJ1"},
    )
    assert form(made(TWILIO_API.start(CALL, NOW))) == {"To": "+84901888484", "Channel": "call"}
    assert speaking.clearing(SMS, said(429, {"code": 60203})) is None


def test_twilio_checks_by_sid_and_cancels() -> None:
    """Whatever is no SID is no code of its."""
    checked = made(TWILIO_API.check(SID, "123456"))
    assert checked.url == "https://verify.twilio.com/v2/Services/VA1/VerificationCheck"
    assert form(checked) == {"VerificationSid": SID, "Code": "123456"}
    assert made(TWILIO_API.cancel(SID)).url.endswith(f"/Verifications/{SID}")
    assert TWILIO_API.check("../x", "123456") is Verdict.EXPIRED
    assert TWILIO_API.cancel("../x") is None
    looked = made(TWILIO_API.look_up(SMS))
    assert (looked.method, looked.url.rpartition("/")[2]) == ("GET", "%2B84901888484")


@pytest.mark.parametrize(
    ("status", "code", "kind", "ending"),
    [
        (400, 60200, OutcomeKind.PERMANENT, None),
        (403, 60205, OutcomeKind.PERMANENT, None),
        (429, 60203, OutcomeKind.TEMPORARY, None),
        (429, 60212, OutcomeKind.TEMPORARY, Ending.OUR_LIMIT),
        (429, 20429, OutcomeKind.TEMPORARY, Ending.OUR_LIMIT),
        (403, 60410, OutcomeKind.TEMPORARY, Ending.BLOCKED),
        (403, 60605, OutcomeKind.TEMPORARY, None),
        (401, 20003, OutcomeKind.TEMPORARY, Ending.CARRIER_DOWN),
        (404, 20404, OutcomeKind.TEMPORARY, Ending.CARRIER_DOWN),
        (400, 69999, OutcomeKind.PERMANENT, None),
        (500, 20500, OutcomeKind.UNKNOWN, None),
    ],
)
def test_twilio_refuses(status: int, code: int, kind: OutcomeKind, ending: Ending | None) -> None:
    """By its codes; one that is not known by its status."""
    outcome = TWILIO_API.started(said(status, {"code": code, "message": "no +84901888484", "status": status}))
    assert (outcome.kind, outcome.ending, outcome.references) == (kind, ending, ())
    assert str(code) in outcome.detail
    assert "888484" not in outcome.detail


@pytest.mark.parametrize(
    ("status", "members", "verdict"),
    [
        (200, {"status": "approved", "valid": True}, Verdict.RIGHT),
        (200, {"status": "pending", "valid": False}, Verdict.WRONG),
        (200, {"status": "canceled"}, Verdict.EXPIRED),
        (200, {"status": "max_attempts_reached"}, Verdict.EXHAUSTED),
        (404, {"code": 20404}, Verdict.EXPIRED),
        (429, {"code": 60202}, Verdict.EXHAUSTED),
        (429, {"code": 20429}, Verdict.NO_ANSWER),
        (400, {"code": 60200}, Verdict.NO_ANSWER),
        (503, None, Verdict.NO_ANSWER),
    ],
)
def test_twilio_judges(status: int, members: object, verdict: Verdict) -> None:
    """Only what says so for certain costs a try."""
    assert TWILIO_API.checked(said(status, members)) is verdict


# https://github.com/camaraproject/OTPValidation, r3.2


def test_camara_sends_its_text_with_a_correlator() -> None:
    """By which the operator finds the request; calls it has not."""
    sent = made(CAMARA_API.start(SMS, NOW))
    assert sent.url == "https://op.example.com/one-time-password-sms/v1/send-code"
    assert json.loads(sent.body) == {"phoneNumber": "+84901888484", "message": "{{code}} is your code"}
    assert dict(sent.headers)[b"x-correlator"] == b"1267-2"
    checked = made(CAMARA_API.check("id", "123456"))
    assert json.loads(checked.body) == {"authenticationId": "id", "code": "123456"}
    assert getattr(CAMARA_API.start(CALL, NOW), "kind", None) is OutcomeKind.PERMANENT
    assert (CAMARA_API.cancel("id"), CAMARA_API.look_up(SMS), CAMARA_API.clearing(SMS, None)) == (
        None,
        None,
        None,
    )


OWN = "ONE_TIME_PASSWORD_SMS."


@pytest.mark.parametrize(
    ("status", "code", "kind", "ending"),
    [
        (400, "INVALID_ARGUMENT", OutcomeKind.PERMANENT, None),
        (401, "UNAUTHENTICATED", OutcomeKind.TEMPORARY, Ending.CARRIER_DOWN),
        (403, "PERMISSION_DENIED", OutcomeKind.TEMPORARY, Ending.CARRIER_DOWN),
        (403, f"{OWN}MAX_OTP_CODES_EXCEEDED", OutcomeKind.TEMPORARY, None),
        (403, f"{OWN}PHONE_NUMBER_NOT_ALLOWED", OutcomeKind.TEMPORARY, None),
        (403, f"{OWN}PHONE_NUMBER_BLOCKED", OutcomeKind.TEMPORARY, Ending.BLOCKED),
        (404, "NOT_FOUND", OutcomeKind.TEMPORARY, None),
        (429, "QUOTA_EXCEEDED", OutcomeKind.TEMPORARY, Ending.OUR_LIMIT),
        (500, "INTERNAL", OutcomeKind.UNKNOWN, None),
    ],
)
def test_camara_refuses(status: int, code: str, kind: OutcomeKind, ending: Ending | None) -> None:
    outcome = CAMARA_API.started(said(status, {"status": status, "code": code, "message": "no"}))
    assert (outcome.kind, outcome.ending, outcome.references) == (kind, ending, ())


@pytest.mark.parametrize(
    ("status", "code", "verdict"),
    [
        (204, "", Verdict.RIGHT),
        (400, f"{OWN}INVALID_OTP", Verdict.WRONG),
        (400, f"{OWN}VERIFICATION_EXPIRED", Verdict.EXPIRED),
        (400, f"{OWN}VERIFICATION_FAILED", Verdict.EXHAUSTED),
        (404, "NOT_FOUND", Verdict.EXPIRED),
        (400, "INVALID_ARGUMENT", Verdict.NO_ANSWER),
        (200, "", Verdict.NO_ANSWER),
        (401, "UNAUTHENTICATED", Verdict.NO_ANSWER),
    ],
)
def test_camara_judges(status: int, code: str, verdict: Verdict) -> None:
    assert CAMARA_API.checked(said(status, {"code": code} if code else None)) is verdict


class TokenServer:
    """Gives tokens as a test wants them."""

    def __init__(self, *answers: HttpAnswer | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[HttpRequest] = []

    async def exchange(self, request: HttpRequest) -> HttpAnswer:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def token(value: str, **more: Any) -> HttpAnswer:
    return said(200, {"access_token": value, "token_type": "Bearer", **more})


async def test_a_token_is_kept_until_shortly_before_its_end() -> None:
    """And another got then, or as soon as it is refused; one that was refused before is no matter."""
    login = CAMARA_API.login
    assert isinstance(login, TokenLogin)
    server = TokenServer(token("a", expires_in=3600), token("b", expires_in=3600), token("c"))
    assert [await login.authorization(server.exchange, NOW + at * 1000) for at in (0, 3569)] == [
        b"Bearer a"
    ] * 2
    assert await login.authorization(server.exchange, NOW + 3_570_000) == b"Bearer b"
    assert login.refused(b"Bearer a")
    assert await login.authorization(server.exchange, NOW + 3_570_000) == b"Bearer b"
    assert login.refused(b"Bearer b")
    assert await login.authorization(server.exchange, NOW + 3_570_000) == b"Bearer c"
    # RFC 6749, 2.3.1: both parts as in a form, so that a colon in one does not end it.
    assert dict(server.asked[0].headers)[b"authorization"] == b"Basic " + base64.b64encode(b"a%3Ab:s%25")
    assert form(server.asked[0]) == {
        "grant_type": "client_credentials",
        "scope": "one-time-password-sms:send-validate",
    }


@pytest.mark.parametrize(
    "answer",
    [
        MayHaveLeft("no answer"),
        said(401, {"error": "invalid_client"}),
        said(200, {}),
        said(200, {"access_token": "a\r\nb"}),
        said(500),
    ],
)
async def test_without_a_token_nothing_is_sent(answer: HttpAnswer | Exception) -> None:
    """So another carrier may take the code."""
    login = TokenLogin("https://op.example.com/token", "a", "b", "")
    with pytest.raises(NotSent):
        await login.authorization(TokenServer(answer).exchange, NOW)


# https://developer.vonage.com/en/api/verify.v2


def test_vonage_starts_one_step_for_as_long_as_the_code_is_of_use() -> None:
    """Its numbers have no plus."""
    named = api(vonage.SERVICE, VONAGE, sender="ACME", locale="en-gb", code_length=8)
    started = made(named.start(SMS, NOW))
    assert started.url == "https://api.nexmo.com/v2/verify"
    assert json.loads(started.body) == {
        "brand": "Acme",
        "workflow": [{"channel": "sms", "to": "84901888484", "from": "ACME"}],
        "code_length": 8,
        "channel_timeout": 300,
        "locale": "en-gb",
    }
    assert json.loads(made(named.start(CALL, NOW + 299_000)).body)["workflow"] == [
        {"channel": "voice", "to": "84901888484"}
    ]
    assert json.loads(made(named.start(CALL, NOW + 299_000)).body)["channel_timeout"] == 60


def test_vonage_cancels_what_is_under_way_for_the_number() -> None:
    """Its answer says what that is."""
    in_the_way = made(VONAGE_API.clearing(SMS, said(409, {"title": "Conflict", "request_id": REQUEST_ID})))
    assert (in_the_way.method, in_the_way.url) == (
        "DELETE",
        f"https://api.nexmo.com/v2/verify/{REQUEST_ID}",
    )
    assert VONAGE_API.clearing(SMS, None) is None
    assert VONAGE_API.clearing(SMS, said(409, {"title": "Conflict"})) is None
    assert VONAGE_API.clearing(SMS, said(202, {"request_id": REQUEST_ID})) is None
    assert VONAGE_API.check("../x", "123456") is Verdict.EXPIRED


@pytest.mark.parametrize(
    ("status", "kind", "ending"),
    [
        (401, OutcomeKind.TEMPORARY, Ending.CARRIER_DOWN),
        (402, OutcomeKind.TEMPORARY, Ending.CARRIER_DOWN),
        (409, OutcomeKind.TEMPORARY, None),
        (422, OutcomeKind.PERMANENT, None),
        (429, OutcomeKind.TEMPORARY, Ending.OUR_LIMIT),
        (500, OutcomeKind.UNKNOWN, None),
    ],
)
def test_vonage_refuses(status: int, kind: OutcomeKind, ending: Ending | None) -> None:
    outcome = VONAGE_API.started(said(status, {"title": "No", "detail": "not so"}))
    assert (outcome.kind, outcome.ending) == (kind, ending)


@pytest.mark.parametrize(
    ("status", "members", "verdict"),
    [
        (200, {"request_id": REQUEST_ID, "status": "completed"}, Verdict.RIGHT),
        (200, {"request_id": REQUEST_ID}, Verdict.NO_ANSWER),
        (400, {"title": "Invalid Code"}, Verdict.WRONG),
        (400, {"title": "Bad Request"}, Verdict.NO_ANSWER),
        (404, {"title": "Not Found"}, Verdict.EXPIRED),
        (409, {"title": "Conflict"}, Verdict.NO_ANSWER),
        (410, {"title": "Invalid Code"}, Verdict.EXHAUSTED),
        (429, {"title": "Rate Limit Hit"}, Verdict.NO_ANSWER),
    ],
)
def test_vonage_judges(status: int, members: object, verdict: Verdict) -> None:
    assert VONAGE_API.checked(said(status, members)) is verdict


async def test_an_application_signs_with_its_key() -> None:
    """One token for many requests; another before it ends."""
    login = api(vonage.SERVICE, SIGNING).login
    assert isinstance(login, SignedLogin)
    values = [
        await login.authorization(TokenServer().exchange, NOW + at * 1000)
        for at in (0, TOKEN_SECONDS - 31, TOKEN_SECONDS - 30)
    ]
    assert values[0] == values[1] != values[2]
    public = serialization.load_pem_private_key(PEM.encode(), None).public_key()
    claims = jwt.decode(
        values[0].removeprefix(b"Bearer "),
        public,  # type: ignore[arg-type]  # an RSA key, as PEM says
        ["RS256"],
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims.pop("jti")
    assert claims == {
        "application_id": "app",
        "iat": NOW // 1000,
        "exp": NOW // 1000 + TOKEN_SECONDS,
    }
    basic = VONAGE_API.login
    assert isinstance(basic, BasicLogin)
    assert await basic.authorization(TokenServer().exchange, NOW) == b"Basic " + base64.b64encode(b"k:s")


def test_settings_that_lead_nowhere_are_refused() -> None:
    """Each with its place."""
    assert problems(twilio.SERVICE, **{**TWILIO, "auth_token": ""}) == ["settings.auth_token"]
    assert problems(twilio.SERVICE, **TWILIO, api_key="SK1") == ["settings.api_secret"]
    assert problems(twilio.SERVICE, **TWILIO, base_url="http://127.0.0.1:1") == ["settings.base_url"]
    assert problems(twilio.SERVICE, **TWILIO, proxy="x") == ["settings.proxy"]
    assert problems(camara.SERVICE, **{**CAMARA, "text": "no code"}) == ["settings.text"]
    assert problems(camara.SERVICE, **{**CAMARA, "text": "{{code}}" + "x" * 160}) == ["settings.text"]
    assert problems(camara.SERVICE, **{**CAMARA, "token_url": "x"}) == ["settings.token_url"]
    assert problems(vonage.SERVICE, brand="Acme") == ["settings.api_secret"]
    assert problems(vonage.SERVICE, **{**SIGNING, "private_key": "none"}) == ["settings.private_key"]
    public = serialization.load_pem_private_key(PEM.encode(), None).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert problems(vonage.SERVICE, **{**SIGNING, "private_key": pem.decode()}) == ["settings.private_key"]
    assert problems(vonage.SERVICE, **VONAGE, code_length=3) == ["settings.code_length"]


NAMES = st.sampled_from(
    ["sid", "status", "code", "valid", "authenticationId", "request_id", "title", "message", "access_token"]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=50) | st.sampled_from([SID, REQUEST_ID])
BODIES = st.binary(max_size=100) | st.dictionaries(
    NAMES, LEAVES | st.lists(LEAVES, max_size=2), max_size=5
).map(lambda members: json.dumps(members).encode())
STATUSES = st.sampled_from([200, 201, 202, 204, 301, 400, 401, 403, 404, 409, 410, 422, 429, 500, 503, 999])


@pytest.mark.parametrize("name", APIS)
@given(STATUSES, BODIES)
@hypothesis_settings(max_examples=300, deadline=None)
def test_any_answer_is_an_outcome_and_a_verdict(name: str, status: int, body: bytes) -> None:
    """What was taken has one reference; what was not has none. No code is right but by the success of its service."""
    answer = HttpAnswer(status, (), body)
    outcome = storable(APIS[name].started(answer))
    assert len(outcome.references) == (outcome.kind is OutcomeKind.SUBMITTED)
    verdict = APIS[name].checked(answer)
    assert verdict is not Verdict.RIGHT or 200 <= status < 300
