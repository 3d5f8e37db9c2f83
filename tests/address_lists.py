"""Lists of which country an address is in, as others make them."""

from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet


def write_list(file: Path, networks: dict[str, Any], kind: str = "country ipvAll", built_at: int = 0) -> Path:
    """What each network is told to be. Those of IPv4 are there as iptoasn has them, and not under ::ffff:0:0/96.
    `built_at`: Unix seconds, now where it is 0.
    """
    writer = MMDBWriter(ip_version=6, database_type=kind, ipv4_compatible=True)
    for network, record in networks.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(file))
    if built_at:
        # The last key of the metadata that has four bytes, an unsigned integer of 64 bits (MaxMind DB 2.0).
        head = b"build_epoch\x04\x02"
        before, found, after = file.read_bytes().rpartition(head)
        file.write_bytes(before + found + built_at.to_bytes(4, "big") + after[4:])
    return file


def countries(**networks: str) -> dict[str, Any]:
    return {network: {"country_code": country} for country, network in networks.items()}
