import datetime as dt


def show_time(milliseconds: int) -> str:
    """ISO 8601 in UTC to the millisecond; "" for never."""
    if not milliseconds:
        return ""
    moment = dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> int:
    """ISO 8601 to Unix milliseconds; UTC when it names no zone; "" is never (0). Raises ValueError."""
    if not text:
        return 0
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return int(moment.timestamp() * 1000)
