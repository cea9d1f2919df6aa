"""A stream out of a compound file: the small file system that an `.xls` workbook is kept in.

For files that may be hostile: no chain of sectors is followed for longer than the file has sectors.
"""

import struct
from collections.abc import Iterator, Sequence

_FIRST_TABLES = 109
_ENTRY_BYTES = 128
_STREAM, _ROOT = 2, 5
_LAST = 0xFFFFFFFA
"""From here on, the number of a sector means something else: the end of a chain, a free sector."""


class Damaged(Exception):
    """The file's tables of sectors make no sense."""


def stream(content: bytes, *names: str) -> bytes:
    """The first stream that there is of `names`. Raises `Damaged`."""
    try:
        return _stream(content, names)
    except (struct.error, IndexError, ValueError):
        raise Damaged from None


def _stream(content: bytes, names: Sequence[str]) -> bytes:
    (shift,) = struct.unpack_from("<H", content, 30)
    if shift not in (9, 12):
        raise Damaged
    sector = 1 << shift
    tables, folder, cutoff, small_table = struct.unpack_from("<II4xII", content, 44)
    table = _numbers(content, _table_sectors(content, sector, tables), sector, skipped=1)
    entries = list(_entries(_joined(content, _chain(table, folder), sector, skipped=1)))
    for name in names:
        for found, kind, start, size in entries:
            if (found, kind) != (name, _STREAM):
                continue
            if size >= cutoff:
                return _joined(content, _chain(table, start), sector, skipped=1)[:size]
            smalls = _numbers(content, _chain(table, small_table), sector, skipped=1)
            (root, *_) = [start for _, kind, start, _ in entries if kind == _ROOT]
            together = _joined(content, _chain(table, root), sector, skipped=1)
            return _joined(together, _chain(smalls, start), 64, skipped=0)[:size]
    raise Damaged


def _table_sectors(content: bytes, sector: int, count: int) -> list[int]:
    """The sectors that say which sector follows which."""
    sectors = list(struct.unpack_from(f"<{_FIRST_TABLES}I", content, 76))
    (more,) = struct.unpack_from("<I", content, 68)
    each = sector // 4 - 1
    for _ in range(len(content) // sector):
        if more >= _LAST:
            break
        *numbers, more = struct.unpack_from(f"<{each + 1}I", content, (more + 1) * sector)
        sectors += numbers
    return [number for number in sectors[:count] if number < _LAST]


def _chain(table: Sequence[int], start: int) -> Iterator[int]:
    for _ in range(len(table)):
        if start >= _LAST:
            return
        yield start
        start = table[start]
    raise Damaged


def _joined(content: bytes, sectors: Iterator[int] | Sequence[int], size: int, *, skipped: int) -> bytes:
    """Sectors one after the other; `skipped` of them stand before the one that is called 0."""
    return b"".join([content[(number + skipped) * size : (number + skipped + 1) * size] for number in sectors])


def _numbers(content: bytes, sectors: Iterator[int] | Sequence[int], size: int, *, skipped: int) -> Sequence[int]:
    together = _joined(content, sectors, size, skipped=skipped)
    return struct.unpack_from(f"<{len(together) // 4}I", together)


def _entries(folder: bytes) -> Iterator[tuple[str, int, int, int]]:
    """Name, kind, first sector and size of every entry."""
    for at in range(0, len(folder) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
        length, kind = struct.unpack_from("<HB", folder, at + 64)
        start, size = struct.unpack_from("<2I", folder, at + 116)
        yield folder[at : at + max(0, min(length, 64) - 2)].decode("utf-16-le", "replace"), kind, start, size
