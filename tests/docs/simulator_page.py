"""docs/carriers/simulator.md: what the simulated SMSC can do, from its own tables."""

from collections.abc import Iterator
from typing import Any

import phonenumbers

from onema.domain.configuration.carrier_settings import described
from onema.testing.smsc.script import Script
from onema.testing.smsc.scripted_numbers import CHANGES

_BEGINNING = """\
# The simulated SMSC

`onema simulate smsc` is an SMSC that any SMPP client can bind to: onema's own carriers of type `smpp`, and yours.
It accepts what
comes, reports it delivered, and prints every message as its phone shows it: all parts joined, with its sender.

```console
$ onema simulate smsc --data demo-data
An SMSC listens on 127.0.0.1:2775; Ctrl-C ends it.
Baotrixemay -> +84901888484  482913 la ma xac minh dang ky Baotrixemay cua ban
```

The server that runs on the data folder shows the messages on its handset's page, too, and in `GET /handset/messages`
([the handset](../handset.md)). `--json` prints one JSON object a line: `system_id`, `from`, `to`, `text`. With
`--tls-certificate` and `--tls-key` its links are TLS.

It is for tests: it lets anybody bind who reaches it, unless its script asks for a password, and it prints codes in
clear.

## Numbers that misbehave

| Vietnam | China | what happens |
|---|---|---|
"""

_SCRIPT = """
The first four do what they do on the handset. `scripted_numbers = false` makes them numbers like all others.

## Scripts

`--script FILE` reads a TOML file, `--setting NAME=VALUE` puts single settings over it. What stands at the top of a
script holds
for every message; the first rule that fits a message changes that with its `then`:

```toml
password = "secret"
per_second = 50.0            # more are throttled
receipt_seconds = 2.0        # a receipt comes 2 to 5 seconds after the answer, so that they change places
receipt_spread = 3.0

[[rules]]                    # of this operator's numbers the first three messages are throttled
to = "8490*"
times = 3
then = {answer = "ESME_RTHROTTLED"}

[[rules]]                    # every tenth text of this sender loses its link between submit and answer
sender = "Acme"
every = 10
then = {answer = "disconnect"}

[[rules]]                    # ids as some vendors have them, and a receipt that names the operator
to = "8491*"
then = {ids = "hex_then_decimal", receipt_in = "tlv", receipt_tlvs = [{tag = 0x1403, text = "Viettel"}]}
```

| setting | type | default | meaning |
|---|---|---|---|
"""

_PYTHON = """
`then` of a rule has the settings from `answer` to `receipt_octets`. A message whose `validity_period` ends before
its receipt is due
does not reach its phone, and its receipt says EXPIRED. A receipt that is not acknowledged with ESME_ROK comes
again, over any
bind of the same `system_id`, and waits while there is none.

The simulator remembers 10,000 messages; 100,000 receipts may wait, and more are lost.

## In Python tests

```python
from onema.testing.smsc.script import script_of
from onema.testing.smsc.smsc import Smsc

async def test_a_code_arrives() -> None:
    script = script_of({"password": "secret", "rules": [{"to": "8490*", "then": {"receipt": "UNDELIV"}}]})
    async with Smsc(script) as smsc:
        ...                                     # bind to 127.0.0.1, smsc.port, and send
        await smsc.until(lambda: smsc.messages)
        assert smsc.messages[0].text == "482913 is your code"
```

`smsc.script` may be replaced at any time; `cut()` breaks all links, `silent = True` swallows what comes, `stop()`
and `start()` are
an SMSC that goes away and comes back on its port. `counts`, `submits`, `acknowledged` and `bind_requests` say what
happened.
"""

_ENDINGS = {
    "1": "delivered at once",
    "2": "accepted, then reported undelivered (UNDELIV, err 0A1)",
    "3": "the phone gets it, and the receipt comes, after 10 seconds",
    "4": "the phone gets it, and no receipt ever comes",
    "20": "refused: ESME_RINVDSTADR",
    "21": "throttled (ESME_RTHROTTLED); the second try is accepted, the third throttled ...",
    "22": "refused with a vendor's own status, 0x412",
    "23": "never answered",
    "24": "the link is cut instead of an answer",
    "25": "octets that are no PDU instead of an answer: the stream is broken",
    "26": "the receipt comes before the answer",
    "27": "a receipt ENROUTE, then the last one twice",
    "28": "accepted without a message id",
    "29": "delivered, but the receipt's body is wrong",
}


def simulator_page() -> str:
    numbers = "".join(f"| `{national(vn)}` | `{national(cn)}` | {what} |\n" for vn, cn, what in _numbers())
    told = [row for row in described(Script) if not row.name.startswith("rules[].then.")]
    settings = "".join(
        f"| `{row.name}` | {cell(row.type)} | {code(row.default)} | {cell(row.help)} |\n" for row in told
    )
    return f"{_BEGINNING}{numbers}{_SCRIPT}{settings}{_PYTHON}"


def _numbers() -> Iterator[tuple[str, str, str]]:
    for end, what in _ENDINGS.items():
        vietnamese, chinese = [number for number in CHANGES if number[-2:].lstrip("0") == end]
        yield vietnamese, chinese, what


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def national(number: str) -> Any:
    parsed = phonenumbers.parse(f"+{number}", None)
    spelled = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    return "".join(filter(str.isdigit, spelled))
