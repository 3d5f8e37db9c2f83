import datetime as dt


def show_time(milliseconds: int) -> str:
    """ISO 8601 in UTC to the millisecond; "" for never."""
    if not milliseconds:
        return ""
    moment = dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
