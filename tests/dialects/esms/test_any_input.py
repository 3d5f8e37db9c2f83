"""Whatever arrives is answered in a vendor shape; whatever is registered is sent."""

import asyncio
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from onema.dialects.esms.queries import OPERATIONS
from onema.dialects.esms.routes import EsmsApi
from onema.domain.configuration import documents as doc
from onema.http.messages import Request

from ..running_core import RunningCore
from .vendor_client import (
    CHECKCODE,
    DOCUMENTS,
    GENCODE,
    GENCODE_PARAMETERS,
    KEYS,
    PHONE,
    TEXT,
    VendorClient,
    code_result,
    sent_message,
)

Run = Callable[[Any], Any]

MEMBERS = ["CodeResult", "CountRegenerate", "ErrorMessage", "SMSID"]
RESULTS = {"99", "100", "101", "102", "103", "104", "108", "117", "118", "140", "143", "146", "300"}

# Half characters too: JSON can spell one, and clients can percent-encode one.
ANY_TEXT = st.text(st.characters(), max_size=40)
READABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
NUMBERS = st.integers(-3, 99).map(str) | st.sampled_from(["", "soon", "2.5", "9" * 5_000])
PHONES = st.sampled_from([PHONE, "84901888485", "+84 901.888.486", "+819012345678"]) | READABLE
MESSAGES = st.sampled_from([TEXT, TEXT.replace("{OTP}", "123456")]) | READABLE
CONTENT_TYPES = st.sampled_from([b"application/json", b"application/x-www-form-urlencoded", b"text/xml"])
CLIENTS = st.ip_addresses().map(str) | st.just("")


def encoded(parameters: dict[str, str]) -> bytes:
    pairs = [
        f"{quote(name, errors='surrogatepass')}={quote(value, errors='surrogatepass')}"
        for name, value in parameters.items()
    ]
    return "&".join(pairs).encode()


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


# Requests that get as far as the core, most of them: right keys, and anything in the other parameters.
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "Phone": PHONES,
        "TimeAlive": NUMBERS,
        "NumCharOfCode": NUMBERS,
        "Brandname": READABLE,
        "Type": NUMBERS,
        "message": MESSAGES,
        "IsNumber": NUMBERS,
        "Code": READABLE,
    },
)
PARAMETERS = st.builds(dict.__or__, st.just(GENCODE_PARAMETERS), CHANGES)
PLAUSIBLE = st.one_of(
    *(
        st.builds(
            Request,
            method=st.sampled_from(["GET", "POST"]),
            path=st.sampled_from([GENCODE, GENCODE.lower() + "//", CHECKCODE]),
            query=query,
            headers=st.lists(st.tuples(st.just(b"content-type"), CONTENT_TYPES), max_size=1),
            body=body,
            client_ip=CLIENTS,
        )
        for query, body in (
            (PARAMETERS.map(encoded), st.just(b"")),
            (st.just(b""), PARAMETERS.map(encoded)),
            (CHANGES.map(encoded), PARAMETERS.map(as_json)),
        )
    )
)

# Requests that make no sense.
NAMES = st.sampled_from([*GENCODE_PARAMETERS, "Code", "timealive", "MESSAGE"]) | ANY_TEXT
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=5,
)
ODD_MEMBERS = st.dictionaries(NAMES, JSON_VALUES).map(lambda odd: as_json({**GENCODE_PARAMETERS, **odd}))
ODD_QUERY = st.dictionaries(NAMES, ANY_TEXT).map(lambda odd: encoded({**GENCODE_PARAMETERS, **odd}))
MOMENTS = st.datetimes().map("{:%Y-%m-%d %H:%M:%S}".format) | READABLE
ODD_QUESTIONS = st.fixed_dictionaries(
    {name: st.just(value) for name, value in KEYS.items()},
    optional={
        "RefId": READABLE | st.integers(0, 2**64).map("{:032x}".format),
        "Phone": PHONES,
        "Content": READABLE,
        "Brandname": READABLE | st.just("Baotrixemay"),
        "SmsType": NUMBERS,
        "IsUnicode": NUMBERS,
        "From": MOMENTS,
        "To": MOMENTS,
        "Page": NUMBERS,
        "PageSize": NUMBERS,
    },
)
NONSENSE = st.builds(
    Request,
    method=st.sampled_from(["GET", "POST"]) | ANY_TEXT,
    path=st.sampled_from([GENCODE, CHECKCODE]) | ANY_TEXT.map(lambda text: "/MainService.svc/" + text),
    query=ODD_QUERY | st.binary(max_size=200),
    headers=st.lists(
        st.tuples(st.sampled_from([b"content-type", b"cookie"]), st.binary(max_size=30)), max_size=3
    ),
    body=st.just(b"") | ODD_MEMBERS | JSON_VALUES.map(as_json) | ODD_QUERY | st.binary(max_size=200),
    client_ip=CLIENTS,
)


@contextmanager
def serving(folder: Path) -> Iterator[tuple[RunningCore, EsmsApi, Run]]:
    """A core and its API on an event loop of their own, for all examples of one test."""
    with asyncio.Runner() as runner:
        core = RunningCore(folder)
        runner.run(core.start())
        try:
            runner.run(core.configure(*DOCUMENTS))
            yield (
                core,
                EsmsApi(core.gateway, reads=core.reads, time_alive_max=10, invalid_code="117"),
                runner.run,
            )
        finally:
            runner.run(core.stop())


def test_any_query_is_answered_with_json(tmp_path: Path) -> None:
    """Status 200 (404 for a path that goes on), JSON with a result; no exception."""
    questions = st.builds(
        Request,
        method=st.sampled_from(["GET", "POST"]),
        path=st.builds("/{}{}".format, st.sampled_from(OPERATIONS), st.just("") | ANY_TEXT.map("/{}".format)),
        query=ODD_QUESTIONS.map(encoded) | st.binary(max_size=100),
        headers=st.just(()),
        body=st.just(b"") | ODD_QUESTIONS.map(as_json) | st.binary(max_size=100),
        client_ip=CLIENTS,
    )
    with serving(tmp_path) as (_, api, run):

        @settings(max_examples=200)
        @given(questions)
        def check(request: Request) -> None:
            response = run(api.answer(request))
            answer = json.loads(response.body)
            assert response.status in (200, 404)
            told = answer.get("CodeResult", answer.get("CodeResponse"))
            assert answer == {"error": "Invalid request"} or told in {*RESULTS, "105", "120", "161", "851"}
            assert list(answer) == sorted(answer)

        check()


def test_anything_is_answered_with_json_in_a_vendor_shape(tmp_path: Path) -> None:
    """Status 200 (404 for what is not served), documented members in order, a documented result; no exception."""
    with serving(tmp_path) as (_, api, run):
        results = set()

        @settings(max_examples=300)
        @given(PLAUSIBLE | NONSENSE)
        def answers(request: Request) -> None:
            response = run(api.answer(request))
            answer = json.loads(response.body)
            if response.status == 404:
                assert answer == {"error": "Invalid request"}
                return
            assert response.status == 200
            if answer == {"error": "Invalid request"}:
                return
            assert list(answer) == [member for member in MEMBERS if member in answer]
            assert answer["CodeResult"] in RESULTS
            assert answer["CountRegenerate"] == 0
            assert "ErrorMessage" in answer or "SMSID" in answer

            results.add(answer["CodeResult"])

        answers()
        # Otherwise the examples would not have come as far as the core.
        assert results >= {"100", "117"}


SYLLABLES = [
    "mã",
    "xác",
    "nhận",
    "của",
    "quý",
    "khách",
    "là",
    "Đăng",
    "ký",
    "ứng",
    "dụng",
    "không",
    "chia",
    "sẻ",
]
SYLLABLES += [
    "với",
    "ai,",
    "hiệu",
    "lực",
    "(5",
    "phút).",
    "Cảm",
    "ơn!",
    "Onema:",
    "https://onema.example/a?b=1&c=%20",
]
SENTENCES = st.lists(st.sampled_from(SYLLABLES), min_size=1, max_size=40).map(" ".join)
UNACCENTED = str.maketrans("đĐ", "dD")


def without_accents(text: str) -> str:
    """Another way to the same text than the product's own table."""
    decomposed = unicodedata.normalize("NFD", text.translate(UNACCENTED))
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def test_any_registered_vietnamese_text_is_sent_and_its_code_is_right(tmp_path: Path) -> None:
    """Composed or decomposed, with accents or folded; a text with one word more is refused."""
    with serving(tmp_path) as (core, api, run):
        client = VendorClient(api, core)
        phones = (f"0901{number:06}" for number in range(10**6))

        @settings(max_examples=60)
        @given(SENTENCES, SENTENCES, st.booleans(), st.sampled_from(["NFC", "NFD"]))
        def is_sent(before: str, after: str, fold: bool, form: str) -> None:
            text, phone = f"{before} {{OTP}} {after}", next(phones)
            template = doc.Template(account="shop", brandname="Baotrixemay", text=text, fold=fold)
            run(core.configure(template))
            written = unicodedata.normalize(form, text)  # type: ignore[arg-type]  # a literal of the strategy
            message = sent_message(run(client.gencode(message=written, Phone=phone)))
            sms = run(core.queued_sms(message))
            shown = without_accents(text) if fold else unicodedata.normalize("NFC", text)
            code = re.fullmatch(re.escape(shown).replace(re.escape("{OTP}"), "([0-9]{6})"), sms.text)
            assert code is not None
            assert code_result(run(client.checkcode(code[1], phone))) == "100"
            assert code_result(run(client.gencode(message=text + " ngay", Phone=phone))) == "146"
            run(core.configure(remove=((template.kind, template.identity),)))

        is_sent()
