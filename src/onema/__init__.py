"""onema: self-hosted phone verification."""

__version__ = "0.1.0"
