"""Where an erasure looks beside the database: files below the deployment's home, its logs, the inbox, and what processes that
were killed left in the folder for temporary files.

A spreadsheet that holds the person is deleted, an export among them; in any other file what tells is overwritten in place.
"""

import os
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from leads_pipeline.providers.inbox import Inbox, KeptFile
from leads_pipeline.settings import Settings
from leads_pipeline.spreadsheets import KINDS, Limits, Person, find

log = structlog.get_logger()

SPREADSHEETS = frozenset({f".{kind}" for kind in (*KINDS, "parquet")})
BLOCK = 4 * 2**20
OVERLAP = 4_096
ABANDONED_SECONDS = 600.0
"""Nobody reads a file for so long: what was written before that belongs to a process that was killed."""
TEMPORARY = ("leads-*/upload", "leads-web-*/*/upload", "leads-export-*/*", "leads-fine-tuning-*/*")

LookedAt = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Cleaned:
    """How many files were deleted, and in how many others something was overwritten."""

    deleted: int = 0
    overwritten: int = 0

    def __add__(self, other: "Cleaned") -> "Cleaned":
        return Cleaned(self.deleted + other.deleted, self.overwritten + other.overwritten)


def clean_home(settings: Settings, person: Person, *, dry_run: bool, looked_at: LookedAt) -> Cleaned:
    """Go through the files below LEADS_HOME, those of the embedded PostgreSQL left out: it is cleaned as a database."""
    done = Cleaned()
    for path in _files_below(settings.home, but_not=_elsewhere(settings)):
        looked_at()
        if path.suffix.lower() in SPREADSHEETS or person.is_in(path.name):
            if person.is_in(path.name) or find(path, path.name, person, Limits(**settings.file_limits())).held:
                done += Cleaned(deleted=1)
                if not dry_run:
                    path.unlink(missing_ok=True)
        elif _overwrite(path, person, dry_run=dry_run):
            done += Cleaned(overwritten=1)
    return done


def clean_inbox(
    settings: Settings, is_meant: Callable[[KeptFile, Path], bool], *, dry_run: bool, looked_at: LookedAt
) -> Cleaned:
    """Delete what the inbox keeps of files that were taken in or refused, and `is_meant` says so of."""
    if settings.inbox is None:
        return Cleaned()
    inbox = Inbox(settings.inbox)
    done = Cleaned()
    for file in inbox.kept():
        looked_at()
        with tempfile.TemporaryDirectory(prefix="leads-inbox-") as directory:
            path = Path(directory) / "upload"
            inbox.fetch(file, path)
            meant = is_meant(file, path)
        if meant:
            done += Cleaned(deleted=1)
            if not dry_run:
                inbox.delete(file)
    return done


def clean_temporary_files() -> Cleaned:
    """Delete contents that processes which were killed have left behind, whoever's they are."""
    done = Cleaned()
    place = Path(tempfile.gettempdir())
    for pattern in TEMPORARY:
        for path in place.glob(pattern):
            try:
                seen = path.lstat()
                if path.is_symlink() or not path.is_file() or seen.st_uid != os.getuid():
                    continue
                if time.time() - seen.st_mtime > ABANDONED_SECONDS:
                    path.unlink()
                    done += Cleaned(deleted=1)
            except OSError as error:
                log.warning("a temporary file cannot be looked at", error=type(error).__name__)
    return done


def _files_below(folder: Path, *, but_not: Collection[Path]) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if Path(place, name) not in but_not)
        for name in sorted(names):
            path = Path(place, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _elsewhere(settings: Settings) -> list[Path]:
    """Folders that may lie below the home and are cleaned in ways of their own: the database, stored contents, the inbox."""
    urls = [*(settings.contents_url or "").split(","), settings.inbox or ""]
    folders = [
        Path(url.strip().removeprefix("file://")).expanduser() for url in urls if url.strip().startswith(("/", "file:"))
    ]
    return [settings.home / "postgres", *(folder.resolve() for folder in folders)]


def _overwrite(path: Path, person: Person, *, dry_run: bool) -> bool:
    """Overwrite what tells of the person by as many asterisks: whoever appends to the file meanwhile is not disturbed."""
    found = False
    try:
        with path.open("rb" if dry_run else "r+b") as file:
            at = 0
            while block := file.read(BLOCK + OVERLAP):
                text = block.decode("utf-8", "surrogateescape")
                for start, end in person.spans(text):
                    found = True
                    if not dry_run:
                        file.seek(at + _length(text[:start]))
                        file.write(b"*" * _length(text[start:end]))
                at += BLOCK
                file.seek(at)
    except OSError as error:
        log.warning("a file cannot be looked at", name=path.name, error=type(error).__name__)
    return found


def _length(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))
