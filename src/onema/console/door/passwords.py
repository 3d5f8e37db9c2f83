"""Passwords: slow to verify, a few at once."""

import asyncio

import argon2
from argon2.exceptions import Argon2Error, InvalidHashError

from onema.console.words import Words
from onema.domain.configuration.document_rules import SHORTEST_PASSWORD

# Verified in place of a user who does not exist, so that both answers take equally long. Made by
# argon2.PasswordHasher() with its defaults; nobody knows a password for it.
NOBODYS_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$ezuQjGkp0o51XzNkfa7Xkw$u/C0gwYR8xow9qJV5Agqr25dYW98JQMUt5tXn88yRgo"
)
LONGEST_PASSWORD = 1_024
# Each verification takes 64 MiB.
_AT_ONCE = 2


class Passwords:
    def __init__(self) -> None:
        self._hasher = argon2.PasswordHasher()
        self._hashing = asyncio.Semaphore(_AT_ONCE)
        """Held while a password is hashed."""

    async def matches(self, password_hash: str, password: str) -> bool:
        async with self._hashing:
            return await asyncio.to_thread(self._matches, password_hash, password[:LONGEST_PASSWORD])

    async def hash(self, password: str) -> str:
        async with self._hashing:
            return await asyncio.to_thread(self._hasher.hash, password)

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (Argon2Error, InvalidHashError):
            return False


def password_fault(words: Words, password: str, again: str) -> str:
    """Why somebody cannot have this password, which they wrote twice; or ""."""
    if len(password) < SHORTEST_PASSWORD:
        return words.say("A password has at least {shortest} characters.", shortest=SHORTEST_PASSWORD)
    if len(password) > LONGEST_PASSWORD:
        return words.say("This password is too long.")
    return "" if password == again else words.say("The two passwords differ.")
