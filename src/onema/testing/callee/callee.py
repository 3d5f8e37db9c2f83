"""A simulated phone network that SIP trunks can call, for tests of whatever calls: onema's own, and its users'."""

import random
import secrets
import ssl
from collections.abc import Callable, Mapping

from onema.channels.voice_sip.answering.exchange import Exchange
from onema.channels.voice_sip.answering.phone import Manners, Recording
from onema.protocols.sip.digest import DigestServer
from onema.speech.g711 import Law
from onema.speech.pack import Voice
from onema.testing.callee.script import Rules, Script
from onema.testing.callee.scripted_numbers import scripted_rules

_DEFAULT = Script()


class Callee(Exchange):
    """Listens on UDP and TCP (TLS with `tls`), answers calls as its script says, and understands what it is told;
    `async with Callee(script) as callee:` has it on a free port.

    `script` may be replaced at any time: it holds for calls that come then. `on_call` hears of every call that ended,
    when its code is understood. `voices` are those that it understands: the built-in ones where none are given.
    """

    agent = "onema simulate callee"

    def __init__(
        self,
        script: Script = _DEFAULT,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        voices: Mapping[str, Voice] | None = None,
        on_call: Callable[[Recording], None] = lambda recording: None,
        chance: random.Random | None = None,
    ) -> None:
        super().__init__(host=host, port=port, tls=tls, voices=voices, on_call=on_call, chance=chance)
        self.script = script

    @property
    def script(self) -> Script:
        return self._script

    @script.setter
    def script(self, script: Script) -> None:
        self._script = script
        self._rules = Rules(script, self._chance, scripted_rules(script))
        self.laws = tuple(Law[name] for name in script.codecs)
        self.rate = script.rate
        self.digest = None
        if script.password:
            self.digest = DigestServer(
                script.realm,
                {script.user: script.password},
                lambda: secrets.token_hex(16),
                is_proxy=script.asks_as_proxy,
            )

    def manners(self, caller: str, called: str) -> Manners:
        """As the first rule says that fits."""
        return self._rules.reaction(caller, called)
