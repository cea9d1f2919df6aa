"""How much of a file the reader takes on. Callers build this from the settings; the reader itself reads none."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits on one file. Sizes in bytes, times in seconds; the defaults are those of the settings of the same names.

    `reader_memory_bytes` is what a reading child may map beyond what it shares with its siblings.
    """

    max_csv_bytes: int = 300 * 2**20
    max_workbook_bytes: int = 20 * 2**20
    max_rows: int = 1_000_000
    max_columns: int = 512
    max_workbook_cells: int = 5_000_000
    max_csv_cells: int = 25_000_000
    max_cell_characters: int = 32_767
    max_archive_entries: int = 1_000
    max_unpacked_bytes: int = 256 * 2**20
    max_archive_ratio: int = 200
    reader_memory_bytes: int = 1536 * 2**20
    reader_cpu_seconds: int = 20
    reader_wall_seconds: int = 30
    csv_cpu_seconds: int = 120
