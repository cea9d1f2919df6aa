"""What can be said about a file at once: by its name, its size, its first bytes and the directory of its archive.

Runs in the web process, before a file is accepted. No spreadsheet is parsed here and nothing is unpacked but the first
64 KiB of a part that is too large anyway.
"""

import mmap
import re
from pathlib import Path, PurePosixPath

from leads_pipeline.errors import FileRejected
from leads_pipeline.spreadsheets import archive
from leads_pipeline.spreadsheets.limits import Limits
from leads_pipeline.spreadsheets.rows import too_many_cells

KINDS = ("csv", "tsv", "xlsx", "xlsm", "xls", "xlsb", "ods")

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""What `.xls` begins with, and every workbook that Office encrypted."""

_ZIP = b"PK\3\4"
_TEXT_KINDS = frozenset({"csv", "tsv"})
_OTHERS = {
    b"%PDF": "a PDF",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"\x7fELF": "a program",
    b"{\\rtf": "an RTF document",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"SQLite format 3": "a database",
    b"PAR1": "a Parquet file",
    OLE: "an Excel or other Office file",
    _ZIP: "a zip archive or a workbook",
    b"PK\5\6": "a zip archive",
}
_OLD_EXCEL = (b"\x09\x00", b"\x09\x02", b"\x09\x04", b"\x09\x08")
_MARKUP = re.compile(
    rb"\s*(?:<!doctype|<html|<\?xml|<table|<head|<body|<meta|<script|<svg|<workbook|<div)", re.IGNORECASE
)


def inspect(path: Path, filename: str, limits: Limits) -> str:
    """The kind of the file at `path`, which its sender calls `filename`; one of `KINDS`.

    Raises `FileRejected`: `unsupported_file_type`, `file_empty`, `file_too_large`, `content_mismatch`,
    `not_a_workbook`, and what is wrong with an archive.
    """
    kind = PurePosixPath(filename).suffix.lower().removeprefix(".")
    if kind not in KINDS:
        raise FileRejected(
            "unsupported_file_type",
            "Only .csv, .tsv, .xlsx, .xlsm, .xls, .xlsb and .ods are read. Export the list as one of them.",
        )
    size = path.stat().st_size
    if size == 0:
        raise FileRejected("file_empty", "The file has no content. Check that the export was complete.")
    limit = limits.max_csv_bytes if kind in _TEXT_KINDS else limits.max_workbook_bytes
    if size > limit:
        raise FileRejected(
            "file_too_large",
            f"The file has more than {limit / 2**20:g} MiB. Split it into several.",
            extra={"limit": limit},
        )
    with path.open("rb") as file:
        start = file.read(512)
    if kind in _TEXT_KINDS:
        _check_text(kind, start)
    elif kind == "xls":
        _check_xls(path, start)
    else:
        _check_archive(path, kind, start, limits)
    return kind


def _mismatch(kind: str, what: str) -> FileRejected:
    return FileRejected(
        "content_mismatch",
        f"The file is named .{kind}, but holds {what}. Name it for what it is, or export it as .{kind}.",
    )


def _check_text(kind: str, start: bytes) -> None:
    for signature, what in _OTHERS.items():
        if start.startswith(signature):
            raise _mismatch(kind, what)
    if start.startswith(b"MZ") and b"\0" in start:
        raise _mismatch(kind, "a program")
    if start.startswith(b"ID;P"):
        raise FileRejected("unsupported_file_type", "SYLK files are not read. Export the list as CSV or XLSX.")
    if _MARKUP.match(start.removeprefix(b"\xef\xbb\xbf")):
        raise _mismatch(kind, "a web page or XML")


def _check_xls(path: Path, start: bytes) -> None:
    if start.startswith(OLE):
        if _contains(path, "WordDocument", "PowerPoint Document", "__properties_version1.0", "VisioDocument"):
            raise FileRejected("not_a_workbook", "The file is an Office file, but no Excel workbook.")
        return
    if start.startswith(_OLD_EXCEL):
        raise FileRejected(
            "unsupported_file_type",
            "Workbooks of Excel 4 and older are not read. Save the file as .xlsx and send it again.",
        )
    if start.startswith(_ZIP):
        raise _mismatch("xls", "a newer workbook or a zip archive; a workbook belongs into .xlsx")
    if _MARKUP.match(start.removeprefix(b"\xef\xbb\xbf")):
        raise _mismatch("xls", "a web page or XML")
    raise _mismatch("xls", _what(start))


def _what(start: bytes) -> str:
    for signature, what in _OTHERS.items():
        if start.startswith(signature):
            return what
    return "text" if b"\0" not in start else "something else"


def _contains(path: Path, *names: str) -> bool:
    """Whether an OLE file's bytes hold one of these stream names: its directory lies somewhere in them."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return any(content.find(name.encode("utf-16-le")) >= 0 for name in names)


def is_encrypted_package(path: Path) -> bool:
    """Whether the file is a workbook that Office encrypted, under whatever name."""
    with path.open("rb") as file:
        return file.read(len(OLE)) == OLE and _contains(path, "EncryptedPackage")


def _check_archive(path: Path, kind: str, start: bytes, limits: Limits) -> None:
    if start.startswith(OLE) and kind != "ods":
        if is_encrypted_package(path):
            return  # said when it is read: the file itself is in order
        raise _mismatch(kind, "an older workbook; that belongs into .xls")
    if not start.startswith(_ZIP):
        raise _mismatch(kind, _what(start))
    found = archive.entries(path, limits)
    names = {entry.name.casefold().lstrip("/") for entry in found}
    holds = _kind_of_archive(names)
    if holds is None:
        raise FileRejected("not_a_workbook", "The file is an archive, but not of a workbook.")
    if holds != ("xlsx" if kind == "xlsm" else kind):
        raise _mismatch(kind, f"an .{holds} workbook")
    try:
        archive.check_sizes(found, limits)
    except FileRejected:
        _check_cells(path, found, limits)
        raise


def _kind_of_archive(names: set[str]) -> str | None:
    if "[content_types].xml" in names:
        if any(re.fullmatch(r"(?:.*/)?workbook\d*\.xml", name) for name in names):
            return "xlsx"
        if any(re.fullmatch(r"(?:.*/)?workbook\d*\.bin", name) for name in names):
            return "xlsb"
    if "content.xml" in names and ("mimetype" in names or "meta-inf/manifest.xml" in names):
        return "ods"
    return None


def _check_cells(path: Path, found: list[archive.Entry], limits: Limits) -> None:
    """A worksheet that is too large because it has too many cells is told so: its first cells say how long they are."""
    peek = 2**16
    for entry in found:
        if "worksheets/" in entry.name and entry.size > limits.max_unpacked_bytes // 2:
            start = archive.unpack_start(path, entry, peek)
            cells = start.count(b"</v>") + start.count(b"</is>")
            if cells * (entry.size / peek) > limits.max_workbook_cells and cells > 100:
                raise too_many_cells(limits.max_workbook_cells)
