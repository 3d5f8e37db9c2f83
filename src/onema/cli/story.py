"""A message's story for people at a terminal."""

from collections.abc import Iterator

from onema.administration.requests import FoundStory
from onema.administration.story import moments, verification_as_json
from onema.domain.values.money import format_amount
from onema.domain.values.times import show_time


def as_lines(found: FoundStory) -> Iterator[str]:
    """Line by line."""
    message = found.story.message
    because = f" ({message.reason})" if message.reason else ""
    yield f"message {message.id} of {found.account}: {message.state}{because}"
    verification = verification_as_json(found)
    if verification is not None:
        checks = f"{verification['wrong_checks']} wrong, {verification['right_checks']} right"
        yield f"code: {verification['state']}, expires {verification['expires_at']}, checks: {checks}"
    yield (
        f"price {format_amount(message.price)} {found.currency}, "
        f"held {format_amount(message.held)}, charged {format_amount(message.charged)}"
    )
    yield ""
    for moment in moments(found.story):
        yield f"{show_time(moment.at)}  {moment.what:<17} {moment.detail}".rstrip()
