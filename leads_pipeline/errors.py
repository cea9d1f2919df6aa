"""The one tree of errors, and the only place that words them.

    LeadsError
    ├── FileRejected          a file that cannot become sheets; one code for each reason (`FILE_PROBLEMS`)
    ├── ExportTooLarge        422: the leads do not fit into the format asked for
    ├── RequestInvalid        400, 409, 413, 415, 422: the request cannot be served as it is
    ├── Unauthorized          401
    ├── InsufficientScope     403
    ├── NotFound              404: it is not there, or it is somebody else's
    ├── StaleState            409, 410, 412: it was possible once, or is not any more
    ├── TooMany               429
    ├── DatasetRefused        409: a training dataset does not do for what is asked of it; says what is missing
    ├── FineTuningRefused     409: a model cannot be fine-tuned as asked
    ├── ServiceUnavailable    503: a service that is asked for that does not answer; asked again later
    ├── ContentsLost          410, 503: a file's stored bytes are damaged or missing, or their key is
    ├── ContentsUnavailable   503: the object store that keeps files does not answer
    ├── StaleClaim            a worker's outcome for a job that another one has taken over; never leaves the drain
    ├── UnexpectedAnswer      502: a service that we asked answered something else than it promises
    └── SetupProblem          this machine or deployment cannot run the system as asked

Each carries a stable `code`, an HTTP `status`, a `title` that never changes for its code, and a `detail` that says what
happened and what to do next. REST shows them as problem details (RFC 9457), the command line as one line; nobody else
formats errors. No detail ever quotes a cell.
"""

from collections.abc import Mapping
from typing import Any


class LeadsError(Exception):
    """Something that a user can understand and act on. `extra` members join the problem object."""

    code: str = "internal_error"
    status: int = 500
    title: str = "Something went wrong"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        status: int | None = None,
        title: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.status = status or type(self).status
        self.title = title or type(self).title
        self.extra = dict(extra or {})

    def as_problem(self) -> dict[str, Any]:
        """The members of a problem object, without `request_id`, which only the shim knows."""
        return {
            "type": f"urn:leads-pipeline:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            **self.extra,
        }


# code: (status, title). What `FileRejected` may say of a file.
FILE_PROBLEMS: dict[str, tuple[int, str]] = {
    "file_empty": (422, "The file is empty"),
    "filename_invalid": (422, "The file name cannot be used"),
    "file_too_large": (413, "The file is too large"),
    "unsupported_file_type": (415, "This kind of file is not supported"),
    "content_mismatch": (422, "The file is not what its name says"),
    "not_a_workbook": (422, "The archive is not a workbook"),
    "password_protected": (422, "The file is protected by a password"),
    "archive_too_large": (422, "The workbook unpacks to too much"),
    "too_many_entries": (422, "The archive has too many entries"),
    "archive_suspicious": (422, "The archive holds entries that no workbook has"),
    "archive_ambiguous": (422, "The archive holds two entries of one name"),
    "xml_forbidden": (422, "The workbook declares XML entities"),
    "too_complex": (422, "The file is too complex to read"),
    "too_many_cells": (422, "The file has too many cells"),
    "too_many_columns": (422, "The file has too many columns"),
    "too_many_rows": (422, "The file has too many rows"),
    "cell_too_large": (422, "A cell is too long"),
    "line_too_long": (422, "A line is too long"),
    "corrupt_file": (422, "The file is damaged"),
    "parse_failed": (422, "The file could not be read"),
    "no_data_rows": (422, "The file has a header and nothing below it"),
    "no_data": (422, "The file has no data"),
    "encoding_unknown": (422, "The text encoding is not known"),
    "csv_malformed": (422, "The text table is malformed"),
    "malware_detected": (422, "The file was refused by the malware scanner"),
    "poison": (422, "The file ended every attempt to read it"),
    "read_timeout": (422, "Reading the file took too long"),
}


class FileRejected(LeadsError):
    """A file that cannot become sheets. `code` is one of `FILE_PROBLEMS`."""

    def __init__(self, code: str, detail: str, *, extra: Mapping[str, Any] | None = None) -> None:
        status, title = FILE_PROBLEMS[code]
        super().__init__(detail, code=code, status=status, title=title, extra=extra)


class ExportTooLarge(LeadsError):
    code = "too_many_rows_for_xlsx"
    status = 422
    title = "Too many rows for an XLSX file"


class RequestInvalid(LeadsError):
    code = "request_invalid"
    status = 422
    title = "The request is not valid"


class Unauthorized(LeadsError):
    code = "unauthorized"
    status = 401
    title = "A valid token is needed"


class InsufficientScope(LeadsError):
    code = "insufficient_scope"
    status = 403
    title = "The token does not allow this"


class NotFound(LeadsError):
    code = "not_found"
    status = 404
    title = "Not found"


class StaleState(LeadsError):
    code = "conflict"
    status = 409
    title = "The state does not allow this"


class TooMany(LeadsError):
    code = "rate_limited"
    status = 429
    title = "Too many requests"


class DatasetRefused(LeadsError):
    code = "dataset_refused"
    status = 409
    title = "The training dataset does not do for this"


class FineTuningRefused(LeadsError):
    code = "fine_tuning_refused"
    status = 409
    title = "The model cannot be fine-tuned as asked"


class ServiceUnavailable(LeadsError):
    code = "service_unavailable"
    status = 503
    title = "A service does not answer"


class ContentsLost(LeadsError):
    """The stored bytes of a file cannot be had, today or ever: that is an outcome, and trying again helps nobody."""

    code = "contents_damaged"
    status = 410
    title = "The contents cannot be read"


class ContentsUnavailable(LeadsError):
    """The object store does not answer, or not to us. What is stored is as it was, so another attempt may fare better."""

    code = "contents_unavailable"
    status = 503
    title = "The store of files does not answer"


class StaleClaim(LeadsError):
    code = "stale_claim"
    status = 409
    title = "Another worker has taken this job over"


class UnexpectedAnswer(LeadsError):
    """A client of a service, our own REST included, got no answer or one that it cannot use."""

    code = "unexpected_answer"
    status = 502
    title = "A service did not answer as promised"


class SetupProblem(LeadsError):
    """The port is taken, the database cannot be reached, the disk is full: said in a sentence, never a traceback."""

    code = "setup_problem"
    status = 503
    title = "The system cannot run as asked"


def complaint(item: Mapping[str, Any]) -> str:
    """What one of `ValidationError.errors()` says; of validators of ours, their words alone."""
    return str(item["msg"]).removeprefix("Value error, ")
