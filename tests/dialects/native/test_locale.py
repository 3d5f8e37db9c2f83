"""A person's language chooses text and voice: `locale` of docs/api.md."""

import pytest

from onema.dialects.native.routes import NativeApi
from onema.domain.configuration import documents as doc
from onema.domain.configuration.document_rules import problems_of

from ..running_core import RunningCore
from .client import DOCUMENTS, create
from .test_verifications import VOICE, ask, sent

TEXTS = {
    "": "Code {OTP}",
    "vi": "Ma {OTP}",
    "zh": "Zhong {OTP}",
    "zh-Hant": "Tai {OTP}",
    "en": "English {OTP}",
}


@pytest.fixture
async def api(core: RunningCore) -> NativeApi:
    templates = (
        doc.Template(account="shop", brandname="Many", text=text, locale=locale, fold=False)
        for locale, text in TEXTS.items()
    )
    await core.configure(*DOCUMENTS, *VOICE, doc.Brandname(account="shop", name="Many"), *templates)
    return NativeApi(core.gateway, core.reads)


@pytest.mark.parametrize(
    ("locale", "template"),
    [
        ("vi", "vi"),
        ("vi-VN", "vi"),
        ("zh-hant", "zh-Hant"),
        ("zh", "zh"),
        ("EN-us", "en"),
        # Nobody wrote one in this language.
        ("th", ""),
    ],
)
async def test_a_template_is_chosen_by_the_persons_language(
    api: NativeApi, core: RunningCore, locale: str, template: str
) -> None:
    """The very locale first, then the language, then a text for anybody."""
    verification = await sent(api, sender="Many", locale=locale)
    text = (await core.queued_sms(int(verification))).text
    assert text.partition(" ")[0] == TEXTS[template].partition(" ")[0]


async def test_a_text_that_is_named_is_the_one(api: NativeApi, core: RunningCore) -> None:
    """In whatever language."""
    verification = await sent(api, sender="Many", locale="vi", text="English {OTP}")
    assert (await core.queued_sms(int(verification))).text.startswith("English")


@pytest.mark.parametrize(
    ("members", "voice"),
    [
        ({"locale": "en-GB"}, "en"),
        ({"locale": "zh-Hant"}, "zh"),
        # The application's own speaks it already.
        ({"locale": "vi-VN"}, "vi-south"),
        ({"locale": "th"}, "vi-south"),
        ({"locale": "en", "voice": "zh"}, "zh"),
        ({}, "vi-south"),
    ],
)
async def test_a_voice_is_chosen_by_the_persons_language(
    api: NativeApi, core: RunningCore, members: dict[str, str], voice: str
) -> None:
    """Unless one is named; the application's where nobody speaks it."""
    await core.configure(doc.Application(account="shop", name="codes", voice="vi-south"))
    verification = await sent(api, channel="call", application="codes", **members)
    assert (await core.queued_call(int(verification))).voice == voice


async def test_what_is_no_language_is_refused(api: NativeApi) -> None:
    """In a request, and in a template."""
    assert (await ask(api, create({"locale": "v i"}), 400))["pointer"] == "/locale"
    template = doc.Template(account="shop", brandname="Many", text="{OTP}", locale="viet nam")
    assert [problem.place for problem in problems_of(template)] == ["locale"]
