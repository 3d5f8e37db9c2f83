"""Which country an IP address is in, looked up in a file in MaxMind's format on this machine: nobody is asked.

The file lies in the data folder of each process that answers requests. A new one takes the old one's place under its
name, and is opened by whoever looks up next.
"""

import ipaddress
import itertools
import logging
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import maxminddb
from maxminddb import InvalidDatabaseError

from onema.engine.ports import steady_seconds

LOOKED_FOR_EVERY_SECONDS = 1.0
_COUNTRY = re.compile("[A-Z]{2}")
_LOOKED_INTO = 1_000
"""A list none of whose first networks is in a country is another kind of list."""

log = logging.getLogger(__name__)


class AddressCountriesError(Exception):
    """The file cannot be used; the text is a sentence for the operator."""


class AddressCountries:
    """Looks addresses up in `file`, which may come, change and go while this is used."""

    def __init__(self, file: Path, steady: Callable[[], float] = steady_seconds) -> None:
        self._file = file
        self._steady = steady
        self._look_again_at = float("-inf")
        self._seen: tuple[int, int] | None = None
        """The file that `_reader` has open, by its inode and its time; None where there is none."""
        self._reader: maxminddb.Reader | None = None

    def of(self, address: str) -> str:
        """ISO 3166-1, two letters; "" where that is not known, and for what is no address."""
        self._follow()
        return country_in(self._reader, address) if self._reader is not None else ""

    def built_at(self) -> int:
        """When the list was made, in Unix ms; 0 where there is none."""
        self._look_again_at = float("-inf")
        self._follow()
        return _built_at(self._reader) if self._reader is not None else 0

    def _follow(self) -> None:
        now = self._steady()
        if now < self._look_again_at:
            return
        self._look_again_at = now + LOOKED_FOR_EVERY_SECONDS
        try:
            status = os.stat(self._file)
        except OSError:
            self._seen = self._reader = None
            return
        seen = (status.st_ino, status.st_mtime_ns)
        if seen != self._seen:
            self._seen = seen
            self._reader = self._opened()

    def _opened(self) -> maxminddb.Reader | None:
        try:
            reader = opened(self._file)
        except AddressCountriesError as error:
            # It did not come by `put_in_place`; it is not tried again until it changes.
            log.warning("the countries of addresses cannot be read", extra=_said(detail=str(error)))
            return None
        log.info("countries of addresses read", extra=_said(built_at=_built_at(reader)))
        return reader


def _said(**extra: object) -> dict[str, object]:
    return {"action": "address_countries", **extra}


def _built_at(reader: maxminddb.Reader) -> int:
    return reader.metadata().build_epoch * 1000


def country_in(reader: maxminddb.Reader, address: str) -> str:
    """ "" for an address that the list does not have, and for what is none."""
    try:
        ip = ipaddress.ip_address(address)
        # iptoasn's list has no IPv4 under ::ffff:0:0/96.
        record = reader.get(getattr(ip, "ipv4_mapped", None) or ip)
    except (ValueError, InvalidDatabaseError):
        return ""
    return _country_of(record)


def _country_of(record: Any) -> str:
    """Of {"country_code": "VN"}, as iptoasn's list has it, or {"country": {"iso_code": "VN"}}, as MaxMind's."""
    if not isinstance(record, dict):
        return ""
    country = record.get("country_code") or record.get("country")
    country = country.get("iso_code") if isinstance(country, dict) else country
    return country if isinstance(country, str) and _COUNTRY.fullmatch(country) else ""


def opened(file: Path) -> maxminddb.Reader:
    """Raises AddressCountriesError when it is no such list."""
    try:
        reader = maxminddb.open_database(file)
        records = (record for _, record in itertools.islice(reader, _LOOKED_INTO))
        tells = any(map(_country_of, records))
    except OSError as error:
        raise AddressCountriesError(f"{file} cannot be read: {error.strerror}.") from error
    except (InvalidDatabaseError, ValueError) as error:
        raise AddressCountriesError(f"{file} is no file in MaxMind's format (.mmdb).") from error
    if not tells:
        kind = reader.metadata().database_type
        reader.close()
        raise AddressCountriesError(f"{file} tells no countries: it is {kind!r}.")
    return reader


def put_in_place(source: Path, file: Path) -> int:
    """Take a copy of `source` as the list, whole or not at all. When it was made, in Unix ms.

    Raises AddressCountriesError.
    """
    with opened(source) as reader:
        built_at = _built_at(reader)
    draft = file.with_name(f"{file.name}.{os.getpid()}.new")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(source, draft)
        with open(draft, "rb") as written:
            os.fsync(written.fileno())
        draft.replace(file)
    except OSError as error:
        raise AddressCountriesError(f"{file} cannot be written: {error.strerror}.") from error
    finally:
        draft.unlink(missing_ok=True)
    return built_at
