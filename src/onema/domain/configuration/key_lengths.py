"""How long the keys and secrets are that are made for clients; both are written as upper-case hex."""

KEY_BYTES = 15
"""30 characters, as long as vendors' own keys are; every dialect takes it."""
SECRET_BYTES = 16
"""32 characters: RFC 7518 section 3.2 asks for as many bytes to sign a token with HS256, and libraries refuse fewer."""
