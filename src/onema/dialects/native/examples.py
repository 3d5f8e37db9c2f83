"""Requests of our own API that are ready to paste, in six languages, and a Postman collection filled with a key.

For docs/api.md, whose programs take what differs from the environment, and for pages that show a customer's own keys:
those give texts instead. Each is a whole program that needs its language's standard library only, prints the answer,
and ends with status 1 where it is a refusal (curl ends with 0). The collection has every operation: `./dev docs` makes
postman.json of openapi.yaml.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

LANGUAGES: Mapping[str, str] = {
    "bash": "curl",
    "python": "Python",
    "php": "PHP",
    "javascript": "Node.js",
    "java": "Java",
    "csharp": "C#",
}
"""Titles by tags of code blocks."""


class Environment(str):
    """The name of an environment variable that a program reads, in place of a text."""

    __slots__ = ()


class Filling(NamedTuple):
    """What differs from customer to customer: a text, or the environment variable that holds it."""

    url: str = Environment("ONEMA_URL")
    key: str = Environment("ONEMA_KEY")
    secret: str = Environment("ONEMA_SECRET")
    phone: str = Environment("PHONE")
    verification: str = Environment("VERIFICATION")
    code: str = Environment("CODE")


class Example(NamedTuple):
    """One request; `programs` has it by the tag of LANGUAGES."""

    title: str
    programs: Mapping[str, str]


def examples(filling: Filling) -> tuple[Example, ...]:
    """First send a code, then check it."""
    path = ("/v1/verifications/", filling.verification, "/check")
    return (
        _example("Send a code", "SendCode", filling, ("/v1/verifications",), {"to": filling.phone}),
        _example("Check what was typed", "CheckCode", filling, path, {"code": filling.code}),
    )


def postman_collection(url: str, key: str, secret: str) -> bytes:
    """A file for Postman (collection format 2.1) with all operations; JSON."""
    collection = json.loads(_postman_template())
    told = {"url": url, "key": key, "secret": secret}
    for variable in collection["variable"]:
        variable["value"] = told.get(variable["key"], variable["value"])
    return json.dumps(collection, ensure_ascii=False, indent=2).encode()


@cache
def _postman_template() -> bytes:
    return (Path(__file__).parent / "postman.json").read_bytes()


Parts = tuple[str, ...]
"""What stands together: texts, and variables."""


def _example(title: str, name: str, filling: Filling, path: Parts, body: Mapping[str, str]) -> Example:
    holes: Mapping[str, Callable[[_Language], str]] = {
        "NAME": lambda _: name,
        "URL": lambda language: language.joined((filling.url, *path)),
        "LOGIN": lambda language: language.joined((filling.key, ":", filling.secret)),
        "BODY": lambda language: language.body(body),
    }

    def program(tag: str) -> str:
        language = _WRITTEN[tag]
        filled = re.sub("@([A-Z]+)@", lambda hole: holes[hole[1]](language), language.program)
        return filled if "os." in filled else filled.replace("import os\n", "")

    return Example(title, {tag: program(tag) for tag in LANGUAGES})


class _Language(NamedTuple):
    """How a language writes values, and the program with holes for them."""

    program: str
    literal: Callable[[str], str]
    variable: str
    """With {} for its name."""
    plus: str = " + "
    object: tuple[str, str, str] | None = None
    """How the object that becomes the body begins, what stands between a name and its value, and how it ends. Without
    it the body is joined as the text that it is."""

    tidy: Callable[[str], str] = str
    """Makes an expression nicer to read."""

    def joined(self, parts: Parts) -> str:
        """An expression for all of them, one after the other."""
        terms: list[str] = []
        for part in parts:
            if terms and not isinstance(part, Environment) and not isinstance(terms[-1], Environment):
                terms[-1] += part
            else:
                terms.append(part)
        shown = self.plus.join(
            self.variable.replace("{}", str(term)) if isinstance(term, Environment) else self.literal(term)
            for term in terms
        )
        return self.tidy(shown)

    def body(self, members: Mapping[str, str]) -> str:
        if self.object is None:
            return self.joined(_json_parts(members))
        begin, colon, end = self.object
        shown = ", ".join(
            f"{self._name(name)}{colon}{self.joined((value,))}" for name, value in members.items()
        )
        return f"{begin}{shown}{end}"

    def _name(self, name: str) -> str:
        return name if self.object and self.object[0] == "{ " else self.literal(name)


def _json_parts(members: Mapping[str, str]) -> Parts:
    """A JSON object, cut where a variable stands in it: its value must need no escape, as a phone, an id and a code."""
    parts: list[str] = []
    for number, (name, value) in enumerate(members.items()):
        before = f"{', ' if number else '{'}{json.dumps(name)}: "
        if isinstance(value, Environment):
            parts += (f'{before}"', value, '"')
        else:
            parts.append(before + json.dumps(value))
    return (*parts, "}")


def _in_shell_quotes(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _in_one_pair_of_quotes(text: str) -> str:
    """What needs no quotes of its own joins the variable before it."""
    return re.sub(
        r"""\"'([/:][\w/:.-]*)'(?:\"|$)""",
        lambda found: found[1] + ("" if found[0][-1] == '"' else '"'),
        text,
    )


def _in_php_quotes(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


_WRITTEN: Mapping[str, _Language] = {
    "bash": _Language(
        """\
curl -sS --max-time 30 @URL@ \\
  --user @LOGIN@ \\
  --header 'Content-Type: application/json' \\
  --data @BODY@
""",
        _in_shell_quotes,
        '"${}"',
        plus="",
        tidy=_in_one_pair_of_quotes,
    ),
    "python": _Language(
        """\
import base64
import json
import os
import sys
from urllib.error import HTTPError
from urllib.request import Request, urlopen

url = @URL@
login = @LOGIN@
request = Request(
    url,
    data=json.dumps(@BODY@).encode(),
    headers={
        "Authorization": "Basic " + base64.b64encode(login.encode()).decode(),
        "Content-Type": "application/json",
    },
)
try:
    with urlopen(request, timeout=30) as response:
        print(response.read().decode())
except HTTPError as refused:  # its body says why
    with refused:
        print(refused.read().decode())
    sys.exit(1)
""",
        json.dumps,
        'os.environ["{}"]',
        object=("{", ": ", "}"),
    ),
    "php": _Language(
        """\
<?php
$request = curl_init(@URL@);
curl_setopt_array($request, [
    CURLOPT_USERPWD => @LOGIN@,
    CURLOPT_POSTFIELDS => json_encode(@BODY@),
    CURLOPT_HTTPHEADER => ['Content-Type: application/json'],
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_TIMEOUT => 30,
]);
$body = curl_exec($request);
if ($body === false) {
    fwrite(STDERR, curl_error($request) . "\\n");
    exit(1);
}
echo $body, "\\n";
exit(curl_getinfo($request, CURLINFO_RESPONSE_CODE) < 300 ? 0 : 1);
""",
        _in_php_quotes,
        "getenv('{}')",
        plus=" . ",
        object=("[", " => ", "]"),
    ),
    "javascript": _Language(
        """\
const url = @URL@;
const login = @LOGIN@;
const response = await fetch(url, {
  method: "POST",
  headers: {
    Authorization: `Basic ${Buffer.from(login).toString("base64")}`,
    "Content-Type": "application/json",
  },
  body: JSON.stringify(@BODY@),
  signal: AbortSignal.timeout(30_000),
});
console.log(await response.text());
process.exitCode = response.ok ? 0 : 1;
""",
        json.dumps,
        "process.env.{}",
        object=("{ ", ": ", " }"),
    ),
    "java": _Language(
        """\
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;

class @NAME@ {
    public static void main(String[] arguments) throws Exception {
        String url = @URL@;
        String login = @LOGIN@;
        byte[] encoded = Base64.getEncoder().encode(login.getBytes(StandardCharsets.UTF_8));
        HttpRequest request = HttpRequest.newBuilder(URI.create(url))
                .header("Authorization", "Basic " + new String(encoded, StandardCharsets.US_ASCII))
                .header("Content-Type", "application/json")
                .timeout(Duration.ofSeconds(30))
                .POST(HttpRequest.BodyPublishers.ofString(@BODY@))
                .build();
        HttpResponse<String> response =
                HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        System.out.println(response.body());
        System.exit(response.statusCode() < 300 ? 0 : 1);
    }
}
""",
        json.dumps,
        'System.getenv("{}")',
    ),
    "csharp": _Language(
        """\
using System;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text;

static class @NAME@
{
    static int Main()
    {
        var url = @URL@;
        var login = @LOGIN@;
        var encoded = Convert.ToBase64String(Encoding.UTF8.GetBytes(login));
        var request = new HttpRequestMessage(HttpMethod.Post, url);
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", encoded);
        request.Content = new StringContent(@BODY@, Encoding.UTF8, "application/json");
        using (var client = new HttpClient { Timeout = TimeSpan.FromSeconds(30) })
        using (var response = client.SendAsync(request).GetAwaiter().GetResult())
        {
            Console.WriteLine(response.Content.ReadAsStringAsync().GetAwaiter().GetResult());
            return response.IsSuccessStatusCode ? 0 : 1;
        }
    }
}
""",
        json.dumps,
        'Environment.GetEnvironmentVariable("{}")',
    ),
}
