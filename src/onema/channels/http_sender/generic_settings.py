"""What operators write about an HTTP API that has no type of its own. docs/carriers/http.md has examples."""

from typing import Annotated, Literal

from msgspec import Meta

from onema.channels.http_sender.contract import HttpSenderSettings
from onema.domain.configuration.carrier_settings import CarrierSettings
from onema.secret import Secret

EndingWord = Literal[
    "",
    "busy",
    "no answer",
    "declined",
    "switched off",
    "unreachable",
    "not in service",
    "suspended",
    "blocked by the carrier",
    "our limit at the carrier",
    "the carrier is down",
]


class Pair(CarrierSettings, frozen=True, kw_only=True):
    name: Annotated[str, Meta(min_length=1, max_length=200, description="Its name, as it stands.")]
    value: Annotated[str, Meta(max_length=4_000, description="Its value; placeholders are filled in.")]


class NamedSecret(CarrierSettings, frozen=True, kw_only=True):
    name: Annotated[
        str, Meta(min_length=1, max_length=50, description="What stands in {secret.NAME} for it.")
    ]
    value: Annotated[Secret, Meta(description="The secret.")]


class AnswerRule(CarrierSettings, frozen=True, kw_only=True):
    status: Annotated[
        str,
        Meta(max_length=100, description="HTTP statuses that it is for, such as 200 or 5xx,429; empty: all."),
    ] = ""
    code: Annotated[
        str,
        Meta(max_length=500, description="Values of `code` that it is for, by commas; empty: all."),
    ] = ""
    pattern: Annotated[
        str,
        Meta(max_length=500, description="A regular expression that the body must match somewhere."),
    ] = ""
    outcome: Annotated[
        Literal["accepted", "temporary", "permanent", "unknown"],
        Meta(
            description="accepted: the gateway has it. temporary: it certainly has not, and another carrier or a later "
            "try may succeed. permanent: it has not, and no try will succeed. unknown: it may have it."
        ),
    ]
    ending: Annotated[EndingWord, Meta(description="How it ended, where one of these words says it.")] = ""
    reason: Annotated[str, Meta(max_length=100, description="Otherwise: why, for the message's story.")] = ""


class ReceiptWord(CarrierSettings, frozen=True, kw_only=True):
    word: Annotated[str, Meta(max_length=100, description="What stands at `receipts.state`.")]
    outcome: Annotated[
        Literal["delivered", "undelivered", "submitted", "unknown"],
        Meta(description="What it means; submitted is a word on the way, and ends nothing."),
    ]
    ending: Annotated[EndingWord, Meta(description="How it ended, where one of these words says it.")] = ""
    reason: Annotated[str, Meta(max_length=100, description="Otherwise: why, for the message's story.")] = ""


class ReceiptSignature(CarrierSettings, frozen=True, kw_only=True):
    header: Annotated[
        str, Meta(max_length=100, description="The header that has the signature; empty: none is asked for.")
    ] = ""
    key: Annotated[Secret, Meta(description="The key that both sides have.")] = Secret()
    algorithm: Annotated[Literal["sha256", "sha512", "sha1"], Meta(description="HMAC with this digest.")] = (
        "sha256"
    )
    encoding: Annotated[Literal["hex", "base64"], Meta(description="How the signature is written.")] = "hex"
    prefix: Annotated[str, Meta(max_length=50, description="What stands before it, such as sha256=.")] = ""
    signs: Annotated[
        str,
        Meta(
            max_length=100,
            description="What is signed: {body}, with {timestamp} and text around it as the gateway has it.",
        ),
    ] = "{body}"
    timestamp_header: Annotated[
        str, Meta(max_length=100, description="The header that has {timestamp}, Unix seconds.")
    ] = ""
    tolerance: Annotated[
        int,
        Meta(
            ge=1, le=604_800, description="Seconds by which the timestamp may be off: older ones are refused."
        ),
    ] = 300


class ReceiptMapping(CarrierSettings, frozen=True, kw_only=True):
    list: Annotated[
        str,
        Meta(
            max_length=200,
            description="Where several receipts of one request stand, such as json:results; `id`, `state` and the "
            "others then begin at each of them.",
        ),
    ] = ""
    id: Annotated[
        str,
        Meta(
            max_length=500,
            description="Where the message's name stands: json:PATH, query:NAME, form:NAME, header:NAME or "
            "regex:PATTERN, whose first group it is. Empty: no receipts come.",
        ),
    ] = ""
    names: Annotated[
        Literal["theirs", "ours"],
        Meta(description="Whose name that is: the gateway's, from its answer (`id`), or ours, {name}."),
    ] = "theirs"
    state: Annotated[str, Meta(max_length=500, description="Where the word for its state stands.")] = ""
    detail: Annotated[
        str, Meta(max_length=500, description="Where an error or a reason stands, for operators.")
    ] = ""
    time: Annotated[str, Meta(max_length=500, description="Where the time stands, for operators.")] = ""
    states: Annotated[
        tuple[ReceiptWord, ...],
        Meta(description="What the words mean; one that is not here ends nothing."),
    ] = ()
    acknowledgement: Annotated[
        str, Meta(max_length=1_000, description="The body of our answer, where the gateway wants one.")
    ] = ""
    signature: Annotated[
        ReceiptSignature, Meta(description="How receipts are signed, where the gateway signs them.")
    ] = ReceiptSignature()


class Settings(HttpSenderSettings, frozen=True, kw_only=True):
    url: Annotated[
        str,
        Meta(min_length=8, max_length=2_000, description="Where messages go. Placeholders are filled in."),
    ]
    method: Annotated[Literal["POST", "GET", "PUT"], Meta(description="The method.")] = "POST"
    query: Annotated[tuple[Pair, ...], Meta(description="Parameters behind the URL, with placeholders.")] = ()
    headers: Annotated[tuple[Pair, ...], Meta(description="Headers, with placeholders.")] = ()
    form: Annotated[tuple[Pair, ...], Meta(description="A body of form fields, with placeholders.")] = ()
    json: Annotated[
        str,
        Meta(
            max_length=16_000,
            description="A body as JSON; placeholders stand inside its texts. A text that is one with a ! before "
            "it and nothing else, such as !{valid_seconds}, becomes a number.",
        ),
    ] = ""
    raw: Annotated[str, Meta(max_length=16_000, description="A body as it stands, with placeholders.")] = ""
    raw_type: Annotated[str, Meta(max_length=200, description="Its Content-Type.")] = (
        "text/plain; charset=utf-8"
    )
    raw_escape: Annotated[
        Literal["none", "xml", "json"], Meta(description="How what is filled in is escaped there.")
    ] = "none"
    user: Annotated[str, Meta(max_length=200, description="Basic authentication: the user.")] = ""
    password: Annotated[Secret, Meta(description="Basic authentication: the password.")] = Secret()
    bearer: Annotated[Secret, Meta(description="A token for Authorization: Bearer.")] = Secret()
    secrets: Annotated[
        tuple[NamedSecret, ...],
        Meta(description="Secrets that stand in the URL, the query, headers or the body as {secret.NAME}."),
    ] = ()
    id: Annotated[
        str,
        Meta(
            max_length=500,
            description="Where the gateway's name for the message stands in its answer: json:PATH, header:NAME or "
            "regex:PATTERN, whose first group it is; a path such as parts[*].id may find one for each part.",
        ),
    ] = ""
    code: Annotated[
        str, Meta(max_length=500, description="Where the code stands that rules go by, in the same way.")
    ] = ""
    detail: Annotated[
        str, Meta(max_length=500, description="Where the gateway's own words stand, for operators.")
    ] = ""
    rules: Annotated[
        tuple[AnswerRule, ...],
        Meta(
            description="What answers mean; the first that fits counts. Without one: the table of statuses below, and "
            "a 2xx is accepted only if no rule says `accepted` and `id`, where it is set, is there.",
        ),
    ] = ()
    idempotent: Annotated[
        bool,
        Meta(description="Whether the gateway takes one {name} once only, however often it comes."),
    ] = False
    receipts: Annotated[ReceiptMapping, Meta(description="What comes to the webhook.")] = ReceiptMapping()
