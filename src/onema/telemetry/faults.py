import traceback


def describe_fault(exc: BaseException) -> str:
    """Where an exception arose, without its words: those may quote a request.

    `KeyError at wire.py:40 parse < routes.py:88 answer`, and the same for its causes.
    """
    parts = []
    seen: set[int] = set()
    current: BaseException | None = exc
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        parts.append(_describe_one(current))
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "; from ".join(parts)


def _describe_one(exc: BaseException) -> str:
    frames = traceback.extract_tb(exc.__traceback__)[-6:]
    places = [
        f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in reversed(frames)
    ]
    return f"{type(exc).__name__} at {' < '.join(places)}" if places else type(exc).__name__
