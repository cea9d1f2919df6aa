"""Receiving a file: multipart/form-data, streamed to disk, every limit held while it comes.

The framework's own form parser answers over-long bodies late and in plain text, lets the last of two files win, and waits
for ever on a silent client; so the body is parsed here, by the same library underneath.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from leads_pipeline.api.bodies import Pace
from leads_pipeline.errors import FileRejected, RequestInvalid
from leads_pipeline.spreadsheets import safe_filename

MOST_PARTS = 1_000
LONGEST_HEADER = 4_096
"""Bytes of a part's headers, the file name among them."""
_BROKEN_NAME = re.compile(rb'filename="[^"\r\n]*[\r\n]')
OVERHEAD = 64 * 1024
"""Bytes of a body that are not the file: boundaries, headers, small fields."""


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file that came whole. `filename` is safe to show and to store."""

    path: Path
    filename: str
    size: int


@dataclass(slots=True)
class _Part:
    headers: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    name: bytes = b""
    filename: bytes | None = None


class _Form:
    """Takes the parser's callbacks: writes the part named `file` to disk, skips the others."""

    def __init__(self, into: IO[bytes], limit: int) -> None:
        self.into = into
        self.limit = limit
        self.parts = self.files = self.size = 0
        self.filename: bytes | None = None
        self.complete = False
        self._part = _Part()
        self._header = self._value = b""
        self._header_bytes = 0

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._begin,
            "on_part_data": self._data,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self.parts += 1
        if self.parts > MOST_PARTS:
            raise RequestInvalid(
                f"The form has more than {MOST_PARTS:,} parts; one named `file` is enough.",
                code="too_many_parts",
                status=400,
            )
        self._part, self._header_bytes = _Part(), 0

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]
        self._count_header(end - start)

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._count_header(end - start)

    def _count_header(self, length: int) -> None:
        self._header_bytes += length
        if self._header_bytes > LONGEST_HEADER:
            raise malformed("the headers of a part are too long")

    def _header_end(self) -> None:
        self._part.headers[self._header.lower()] = self._value
        self._header = self._value = b""

    def _headers_finished(self) -> None:
        disposition = self._part.headers.get(b"content-disposition", b"")
        if disposition.replace(b'\\"', b"").count(b'"') % 2:
            raise broken_name()  # the line ended within the quotes
        _, options = parse_options_header(disposition)
        self._part.name = options.get(b"name", b"")
        self._part.filename = options.get(b"filename")
        if self._part.name == b"file":
            self.files += 1
            if self.files > 1:
                raise RequestInvalid(
                    "Send one file at a time; the form has two parts named `file`.", code="multiple_files"
                )
            self.filename = self._part.filename

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._part.name == b"file":
            self.size += end - start
            if self.size > self.limit:
                raise too_large(self.limit)
            self.into.write(data[start:end])

    def _end(self) -> None:
        self.complete = True


async def receive_file(request: Request, into: Path, *, limit: int, silence: float) -> ReceivedFile:
    """Stream the form's part named `file` to `into`.

    `limit` is the most bytes it may have, `silence` the seconds that the client may send next to nothing.
    Raises `RequestInvalid` or `FileRejected`; what was written by then is the caller's to remove.
    """
    boundary = _boundary(request)
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit + OVERHEAD:
        raise too_large(limit)
    received = 0
    with into.open("wb") as file:
        form = _Form(file, limit)
        parser = MultipartParser(boundary, form.callbacks())  # pyright: ignore[reportArgumentType] - its own TypedDict
        stream, pace = request.stream(), Pace(silence)
        while True:
            try:
                block = await pace.next(anext(stream))
            except StopAsyncIteration:
                break
            except TimeoutError as error:
                raise RequestInvalid(
                    f"Next to nothing came for {silence:g} s, so the upload was given up.",
                    code="request_timeout",
                    status=408,
                ) from error
            except ClientDisconnect as error:
                raise malformed("the connection ended before the form did") from error
            received += len(block)
            pace.count(len(block))
            if received > limit + OVERHEAD:
                raise too_large(limit)
            try:
                parser.write(block)
            except FormParserError as error:
                if _BROKEN_NAME.search(block):
                    raise broken_name() from error
                raise malformed("it does not follow its boundary") from error
    if not form.complete:
        raise malformed("it ends before its closing boundary")
    return _checked(form, into)


def too_large(limit: int) -> FileRejected:
    return FileRejected("file_too_large", f"The file has more than {limit:,} bytes, the limit.", extra={"limit": limit})


def malformed(why: str) -> RequestInvalid:
    return RequestInvalid(f"The form cannot be read: {why}.", code="multipart_malformed", status=400)


def broken_name() -> FileRejected:
    return FileRejected("filename_invalid", "The file name holds a line break. Rename the file and send it again.")


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data":
        raise RequestInvalid(
            "Send the file as multipart/form-data, in a part named `file`: curl -F file=@leads.xlsx ...",
            code="unsupported_media_type",
            status=415,
        )
    boundary = options.get(b"boundary", b"")
    if not 0 < len(boundary) <= 200:
        raise malformed("its Content-Type names no boundary")
    return boundary


def _checked(form: _Form, path: Path) -> ReceivedFile:
    if form.files == 0:
        raise RequestInvalid("The form has no part named `file`.", code="file_missing")
    if form.filename is None or not form.filename.strip():
        raise FileRejected(
            "filename_invalid", "The part named `file` has no file name; send one that ends in .xlsx, .csv, ..."
        )
    if form.size == 0:
        raise FileRejected("file_empty", "The file has no bytes.")
    return ReceivedFile(path, safe_filename(form.filename.decode("utf-8", "replace")), form.size)
