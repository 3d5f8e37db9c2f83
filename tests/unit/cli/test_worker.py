from pathlib import Path

from onema.cli.worker import decode_settings, encode_settings
from onema.settings import load_settings


def test_a_worker_gets_the_settings_that_its_supervisor_read(tmp_path: Path) -> None:
    """All of them, secrets too, in one line: a file that changed since would make workers differ."""
    settings = load_settings(
        None,
        {
            "ONEMA_DATA": str(tmp_path / "mã"),
            "ONEMA_DATABASE": "postgresql://u:hunter2@h/onema",
            "ONEMA_SERVER_KEY": "ab" * 32,
            "ONEMA_ROLES": "api,voice",
            "ONEMA_LISTEN_TRUSTED_PROXIES": "10.0.0.0/8",
            "ONEMA_WORKERS": "4",
        },
    )
    encoded = encode_settings(settings)
    assert b"\n" not in encoded
    assert decode_settings(encoded) == settings
    assert decode_settings(encoded).database.reveal() == "postgresql://u:hunter2@h/onema"
