"""What is wrong with a configuration, in the viewer's language.

The domain says it in English, with what it found. Here are the sentences that forms of the console can bring about;
what is none of them stays English.
"""

import re
from collections.abc import Callable

from onema.console.words import Words
from onema.domain.configuration.problems import Problem


def in_words(words: Words, problem: Problem) -> str:
    for pattern, say in _SENTENCES:
        found = re.search(pattern, problem.sentence)
        if found is not None:
            return say(words, found.groupdict().get("what") or "")
    return problem.said


_SENTENCES: tuple[tuple[str, Callable[[Words, str], str]], ...] = (
    (
        r"^a name has up to 64",
        lambda words, _: words.say(
            "A name has up to 64 letters, digits, dots, dashes and underscores, and begins with a letter or digit."
        ),
    ),
    (
        r"^a brandname has 1 to 11",
        lambda words, _: words.say(
            "A brandname has 1 to 11 printable ASCII characters, no slash, and no space at its ends."
        ),
    ),
    (
        r"^(?P<what>.+) is not an address or network",
        lambda words, what: words.say(
            "{what} is not an address or network such as 203.0.113.7 or 10.0.0.0/8.", what=what
        ),
    ),
    (
        r"not on the public Internet",
        lambda words, _: words.say("This address is not on the public Internet."),
    ),
    (
        r"_url (?:must begin|holds|names|has more)",
        lambda words, _: words.say(
            "Write a whole address that begins with https:// (or http://) and names a host."
        ),
    ),
    (
        r"^its text cannot be used: (?P<what>.+)",
        lambda words, what: words.say("This text cannot be used: {what}.", what=what),
    ),
    (
        r"is not a time: write",
        lambda words, _: words.say("Write a time as 2026-12-31 or 2026-12-31T23:59:59+07:00."),
    ),
    (
        r"is not a number: 3 to 15 digits",
        lambda words, _: words.say("Write 3 to 15 digits, perhaps after a +."),
    ),
    (
        r"^not an amount|^amount too large|must not be negative",
        lambda words, _: words.say("Write an amount such as 1500 or 12.50."),
    ),
    (
        r"credentials; 2 may live",
        lambda words, _: words.say("Two keys may live at once. Deactivate one first."),
    ),
    (
        r"share the appid",
        lambda words, _: words.say("Another application has this number."),
    ),
    (
        r"templates of the account share the name",
        lambda words, _: words.say("Another template has this name."),
    ),
    (
        r"^a text that may be spoken is asked for by its name",
        lambda words, _: words.say("A text that may be spoken needs a name."),
    ),
    (
        r"is not an ISO country code",
        lambda words, _: words.say("Write the two letters of a country, such as VN."),
    ),
    (
        r"^there is no (?P<what>.+)",
        lambda words, what: words.say("There is no {what}.", what=what),
    ),
    (
        r"^it has more than (?P<what>[\d,]+) characters",
        lambda words, what: words.say("{what} characters are the most.", what=what),
    ),
    (
        r"is spelled another way|, spelled another way",
        lambda words, _: words.say("This number is there already, spelled another way."),
    ),
    (
        r"^of one account somebody is|^it is missing: \w+ of which account",
        lambda words, _: words.say("This role does not go with that choice of account."),
    ),
)
"""(what the domain's sentence holds, how it is said)."""
