"""The driver's errors in the contract's words."""

from onema.storage.postgres.errors import translated


def test_an_error_without_words_is_named() -> None:
    """A timeout has none, and a log that ends in a colon tells nobody why the store is away."""
    assert str(translated(TimeoutError())) == "the store cannot be used: TimeoutError"
    assert str(translated(OSError("no route"))) == "the store cannot be used: no route"
