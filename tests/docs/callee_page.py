"""docs/carriers/callee.md: what the simulated phones can do, from their own tables."""

from collections.abc import Iterator

from onema.domain.configuration.carrier_settings import described
from onema.testing.callee.script import Script
from onema.testing.callee.scripted_numbers import CHANGES
from tests.docs.simulator_page import cell, code, national

_BEGINNING = """\
# Simulated phones

`onema simulate callee` is the far end of a SIP trunk: onema's own carriers of type `sip` can call it, and whatever
of yours calls over SIP.
It rings and answers, listens to the audio,
understands the code in it as a matched filter hears it, and prints each call when it ended.

```console
$ onema simulate callee
Phones listen on 127.0.0.1:5070 (UDP and TCP); Ctrl-C ends it.
+842473000000 -> +84901888484  rang 0.5 s  talked 9.8 s  heard 482913 2 times (vi-north)  PCMU, 0 of 489 packets lost
```

A trunk to it, in another terminal, beside a server that runs on the same machine:

```console
$ onema carrier add sip phones --setting preset=pbx --setting domain=127.0.0.1:5070
$ onema route add call phones --prefix +84
```

It understands the voices of onema, those of the data folder (`--data`) too, spoken at the script's `rate`. `--json`
prints one JSON object a line: `from`, `to`, `headers` (From and what
else says who calls), `transport`, `status`, `ended_by` (`them` is the caller, `us` the phone, `timeout`,
`transport`), `ring_seconds`, `talk_seconds`, `codec`, `code`, `voice`,
`repeats`, `pressed`, `packets`, `lost`, `jitter_ms`. It answers OPTIONS, and REGISTER as a registrar would. With
`--tls-certificate` and `--tls-key` its port
takes TLS instead of TCP.

It is for tests: it lets anybody call who reaches it, unless its script asks for a password, and it prints codes in
clear.

## Numbers that misbehave

| Vietnam | China | what happens |
|---|---|---|
"""

_SCRIPT = """
The first of them do what they do on the handset. `scripted_numbers = false` makes them numbers like all others.

## Scripts

`--script FILE` reads a TOML file, `--setting NAME=VALUE` puts single settings over it. What stands at the top of a
script holds
for every call; the first rule that fits a call changes that with its `then`:

```toml
password = "secret"          # of the user onema
ring_seconds = 2.0

[[rules]]                    # this operator's numbers are busy three times
to = "8490*"
times = 3
then = {answer = 486}

[[rules]]                    # a carrier that takes one in ten calls for fraud
every = 10
then = {answer = 603, rings = 0, headers = [{name = "X-Twilio-Error", value = "32203"}]}

[[rules]]                    # somebody who wants to hear the code once more
to = "8491*"
then = {presses = "1", presses_after = 6.0}
```

| setting | type | default | meaning |
|---|---|---|---|
"""

_PYTHON = """
`then` of a rule has the settings from `answer` to `refresher`. The simulator remembers 1,000 calls, and keeps five
minutes of the audio of each.

## In Python tests

```python
from onema.testing.callee.callee import Callee
from onema.testing.callee.script import script_of

async def test_a_code_is_heard() -> None:
    script = script_of({"password": "secret", "rules": [{"to": "8490*", "then": {"answer": 486}}]})
    async with Callee(script) as callee:
        ...                                     # call 127.0.0.1, callee.port, as user onema
        await callee.until(lambda: callee.calls)
        assert callee.calls[0].code == "482913"
```

`callee.script` may be replaced at any time. `calls` has what ended (`audio` is what was heard, as 8 kHz samples),
`up` the phones that are talked on, each of which can
`press("1")` and `hang_up()`; `ringing` and `counts` say what happens.
"""

_ENDINGS = {
    "1": "it rings, and is answered",
    "2": "404: there is no such number",
    "3": "it is answered after 10 seconds",
    "5": "busy: 486",
    "6": "it rings, and nobody answers",
    "7": "declined: 603",
    "20": "503 with Retry-After, before it rings: too much load",
    "21": "603 with `X-Twilio-Error: 32203`: the carrier takes it for fraud",
    "22": "503 CPS limit exceeded: we call too often",
    "23": "nothing is ever answered",
    "24": "answered, and one in ten audio packets is lost",
    "25": "302: it moved, and nobody follows",
    "26": "two phones answer",
    "27": "it rings, and is answered in the moment when the caller gives up",
    "28": "answered, and a second later the audio moves to another port by re-INVITE",
    "29": "answered, and hung up after 2 seconds",
    "30": "answered, and key 1 is pressed after a second",
    "31": "183 with early media, and answered after 2 seconds",
    "32": "answered, and the caller's BYE is not",
    "33": "30 % of all signalling is lost",
}


def callee_page() -> str:
    numbers = "".join(f"| `{national(vn)}` | `{national(cn)}` | {what} |\n" for vn, cn, what in _numbers())
    told = [row for row in described(Script) if not row.name.startswith("rules[].then.")]
    settings = "".join(
        f"| `{row.name}` | {cell(row.type)} | {code(row.default)} | {cell(row.help)} |\n" for row in told
    )
    return f"{_BEGINNING}{numbers}{_SCRIPT}{settings}{_PYTHON}"


def _numbers() -> Iterator[tuple[str, str, str]]:
    known = {number[-2:].lstrip("0") for number in CHANGES}
    assert known == set(_ENDINGS)
    for end, what in _ENDINGS.items():
        vietnamese, chinese = [number for number in CHANGES if number[-2:].lstrip("0") == end]
        yield vietnamese, chinese, what
