"""The archive that a workbook is: what its directory says, without unpacking anything.

Cheap and safe enough for the web process. What is inside the entries is for `parts` to look at, in a child.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from leads_pipeline.errors import FileRejected
from leads_pipeline.spreadsheets.limits import Limits

_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")

_ENCRYPTED = 0x1
_SYMLINK = 0xA
_RATIO_FROM_BYTES = 2**20
_NESTED = (
    ".zip",
    ".jar",
    ".7z",
    ".rar",
    ".gz",
    ".exe",
    ".dll",
    ".js",
    ".vbs",
    ".bat",
    ".cmd",
    ".ps1",
    ".scr",
    ".msi",
    ".lnk",
    ".hta",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an archive, as the archive's directory describes it; the sizes may be lies."""

    name: str
    method: int
    packed: int
    size: int
    offset: int


def entries(path: Path, limits: Limits) -> list[Entry]:
    """The entries of the archive at `path`.

    Raises `FileRejected`: `corrupt_file`, `too_many_entries`, `archive_suspicious`, `archive_ambiguous`,
    `password_protected`.
    """
    with path.open("rb") as file:
        found = list(_directory(file, limits))
        _check_local_headers(file, found)
    return found


def check_sizes(found: list[Entry], limits: Limits) -> None:
    """Raise `FileRejected` (`archive_too_large`) where the entries admit to be too large, or too well compressed."""
    if sum(entry.size for entry in found) > limits.max_unpacked_bytes:
        raise too_large(limits)
    for entry in found:
        check_ratio(entry.size, entry.packed, limits)


def check_ratio(size: int, packed: int, limits: Limits) -> None:
    """Raise `FileRejected` (`archive_too_large`) where `packed` bytes are, or have become, suspiciously many."""
    if size > _RATIO_FROM_BYTES and size > limits.max_archive_ratio * max(1, packed):
        raise FileRejected(
            "archive_too_large",
            f"A part of the workbook is compressed by more than {limits.max_archive_ratio} to 1. Save the file anew.",
            extra={"limit": limits.max_archive_ratio},
        )


def too_large(limits: Limits) -> FileRejected:
    return FileRejected(
        "archive_too_large",
        f"The workbook unpacks to more than {limits.max_unpacked_bytes // 2**20} MiB. Split it, or send it as CSV.",
        extra={"limit": limits.max_unpacked_bytes},
    )


def _damaged() -> FileRejected:
    return FileRejected("corrupt_file", "The workbook's archive is damaged or cut off. Save the file anew.")


def _suspicious(what: str) -> FileRejected:
    return FileRejected("archive_suspicious", f"The workbook's archive holds {what}, which no workbook needs.")


def _directory(file: BinaryIO, limits: Limits) -> Iterator[Entry]:
    start, size = _where(file)
    if size > limits.max_archive_entries * 1024:
        raise _too_many(limits)
    file.seek(start)
    directory = file.read(size)
    seen: set[str] = set()
    position = 0
    while position + _CENTRAL.size <= len(directory):
        values = _CENTRAL.unpack_from(directory, position)
        if values[0] != b"PK\1\2":
            break
        flags, method, packed, unpacked = values[3], values[4], values[8], values[9]
        name_length, extra_length, comment_length = values[10:13]
        external, offset = values[15], values[16]
        position += _CENTRAL.size
        raw = directory[position : position + name_length]
        extra = directory[position + name_length : position + name_length + extra_length]
        position += name_length + extra_length + comment_length
        unpacked, packed, offset = _wide_sizes(extra, unpacked, packed, offset)
        name = raw.decode("utf-8", "replace").replace("\\", "/")
        if flags & _ENCRYPTED:
            raise FileRejected(
                "password_protected", "The file is protected by a password. Save it without one and send it again."
            )
        _check_name(name, external)
        folded = name.casefold().lstrip("/")
        if folded in seen:
            raise FileRejected(
                "archive_ambiguous", "The workbook's archive holds two entries of one name. Save the file anew."
            )
        seen.add(folded)
        if len(seen) > limits.max_archive_entries:
            raise _too_many(limits)
        yield Entry(name, method, packed, unpacked, offset)
    if not seen:
        raise _damaged()


def _where(file: BinaryIO) -> tuple[int, int]:
    """Where the directory starts, and its size."""
    end = file.seek(0, 2)
    tail_start = max(0, end - 65_557)
    file.seek(tail_start)
    tail = file.read()
    position = tail.rfind(b"PK\5\6")
    if position < 0 or position + _END.size > len(tail):
        raise _damaged()
    *_, entries_here, _, size, start, _ = _END.unpack_from(tail, position)
    directory_end = tail_start + position
    if 0xFFFFFFFF in (size, start) or entries_here == 0xFFFF:
        locator = position - _END64_LOCATOR.size
        if locator >= 0 and tail[locator : locator + 4] == b"PK\6\7":
            at = _END64_LOCATOR.unpack_from(tail, locator)[2]
            file.seek(min(at, end))
            record = file.read(_END64.size)
            if len(record) < _END64.size or record[:4] != b"PK\6\6":
                raise _damaged()
            size, start = _END64.unpack(record)[8:10]
            directory_end = at
    if start + size > directory_end:
        raise _damaged()
    if start + size < directory_end - 2**16:
        raise _suspicious("data outside of its entries")
    return start, size


def _wide_sizes(extra: bytes, unpacked: int, packed: int, offset: int) -> tuple[int, int, int]:
    """Sizes beyond 32 bits stand in an extra field, those that do not fit, in this order."""
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, position)
        if kind == 1:
            wide = iter(struct.unpack_from(f"<{min(length, len(extra) - position - 4) // 8}Q", extra, position + 4))
            values = [next(wide, value) if value == 0xFFFFFFFF else value for value in (unpacked, packed, offset)]
            return values[0], values[1], values[2]
        position += 4 + length
    return unpacked, packed, offset


def _check_name(name: str, external: int) -> None:
    parts = name.split("/")
    if ".." in parts or (len(name) > 1 and name[1] == ":") or "\0" in name:
        raise _suspicious("an entry that points outside of it")
    if external >> 28 == _SYMLINK:
        raise _suspicious("a symbolic link")
    if name.casefold().endswith(_NESTED):
        raise _suspicious("another archive or a program")


def _check_local_headers(file: BinaryIO, found: list[Entry]) -> None:
    """Every entry must be where the directory says, under that name, and share its bytes with no other."""
    end_of_last = 0
    for entry in sorted(found, key=lambda each: each.offset):
        if entry.offset < end_of_last:
            raise _suspicious("entries that overlap")
        file.seek(entry.offset)
        header = file.read(_LOCAL.size)
        if len(header) < _LOCAL.size or header[:4] != b"PK\3\4":
            raise _damaged()
        name_length, extra_length = _LOCAL.unpack(header)[9:11]
        name = file.read(name_length).decode("utf-8", "replace").replace("\\", "/")
        if name != entry.name:
            raise FileRejected(
                "archive_ambiguous", "The workbook's archive gives an entry two different names. Save the file anew."
            )
        end_of_last = entry.offset + _LOCAL.size + name_length + extra_length + entry.packed


def _too_many(limits: Limits) -> FileRejected:
    return FileRejected(
        "too_many_entries",
        f"The workbook's archive has more than {limits.max_archive_entries:,} entries.",
        extra={"limit": limits.max_archive_entries},
    )


def unpack_start(path: Path, entry: Entry, size: int) -> bytes:
    """The first `size` bytes of an entry, at most; empty where it cannot be unpacked."""
    import zlib

    with path.open("rb") as file:
        file.seek(entry.offset)
        name_length, extra_length = _LOCAL.unpack(file.read(_LOCAL.size))[9:11]
        file.seek(name_length + extra_length, 1)
        packed = file.read(min(entry.packed, size))
    if entry.method == 0:
        return packed[:size]
    try:
        return zlib.decompressobj(-15).decompress(packed, size)
    except zlib.error:
        return b""
