"""What the driver raises, in the contract's words."""

import apsw

from onema.storage.contract import DataRejected, Unavailable
from onema.storage.sqlite.file import what_is_wrong


class _DriverErrors:
    """Driver errors in the contract's words. Reusable: entering does nothing."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, _BAD_DATA):
            raise DataRejected(str(error)) from error
        if isinstance(error, apsw.Error):
            raise Unavailable(what_is_wrong(error)) from error


_BAD_DATA = (apsw.ConstraintError, apsw.MismatchError, apsw.TooBigError, apsw.RangeError, OverflowError)
DRIVER_ERRORS = _DriverErrors()
