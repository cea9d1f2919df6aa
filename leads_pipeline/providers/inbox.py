"""An inbox: a directory, or a folder of an object store, that other systems drop spreadsheets into.

    <inbox>/<organization>/leads.xlsx               dropped by somebody
    <inbox>/<organization>/.taking/<key>/leads.xlsx being taken in; what a crash leaves here is taken in the next time
    <inbox>/<organization>/done/leads.xlsx          taken in
    <inbox>/<organization>/failed/leads.xlsx        refused, with the reason in leads.xlsx.reason.txt

A file is taken by moving it, which one of two takers can do where a move is atomic. Object stores copy instead, so both
may; therefore the key names that very version of the file, and whoever stores it stores one key once.
What is in the files, and when to look, is not known here.
"""

import os
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO, Any

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from leads_pipeline.errors import FileRejected, LeadsError, SetupProblem

TAKING, DONE, FAILED = ".taking", "done", "failed"
REASON = ".reason.txt"
UNFINISHED_PREFIXES = (".", "~$", "~")
UNFINISHED_SUFFIXES = ("~", ".part", ".partial", ".crdownload", ".download", ".filepart", ".tmp", ".temp", ".swp")


@dataclass(frozen=True, slots=True)
class InboxFile:
    """A file that waits. `version` changes when its contents do: a time, and an ETag or inode where there is one."""

    organization: str
    name: str
    size: int
    version: str

    @property
    def key(self) -> str:
        """What this version of the file is known by, 32 hexadecimal digits."""
        return sha256(repr((self.organization, self.name, self.size, self.version)).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Claim:
    """A file that was taken and is to be stored, once for each `key`."""

    organization: str
    name: str
    key: str


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that was taken in or refused, and is kept beside the inbox. `has_reason`: with the reason beside it."""

    organization: str
    name: str
    path: str
    has_reason: bool = False


def observation(files: Iterable[InboxFile]) -> dict[str, str]:
    """What `stable` needs to remember of a scan, as JSON takes it."""
    return {f"{file.organization}/{file.name}": file.key for file in files}


def stable(previous: Mapping[str, str], current: Iterable[InboxFile]) -> list[InboxFile]:
    """The files that are as they were at the previous observation: nobody is still writing them."""
    return [file for file in current if previous.get(f"{file.organization}/{file.name}") == file.key]


class Inbox:
    """The inbox at `url`, a path or anything that fsspec opens. Raises `SetupProblem` when it cannot be used."""

    def __init__(self, url: str) -> None:
        with _explained():
            found = url_to_fs(os.path.expanduser(url))  # noqa: PTH111 - it need not be a path
        self._files: Any = found[0]
        self._local = isinstance(self._files, LocalFileSystem)
        self._root: str = os.path.realpath(found[1]) if self._local else found[1].rstrip("/")

    def scan(self) -> list[InboxFile]:
        """The files that wait, by organization and name.

        Hidden, temporary and half-transferred files, directories and links are none of them: a link could lead to
        any file that this process may read.
        """
        with _explained():
            self._files.invalidate_cache()
            return [
                InboxFile(organization, name, int(info["size"] or 0), self._version(info))
                for organization in self._organizations()
                for name, info in self._entries(organization)
                if info["type"] == "file" and not _is_link(info) and not is_unfinished(name)
            ]

    def homeless(self) -> int:
        """How many files lie beside the organizations' folders: they are nobody's, and are not touched."""
        with _explained():
            return sum(info["type"] == "file" and not is_unfinished(name) for name, info in self._entries())

    def take(self, file: InboxFile) -> Claim | None:
        """Take a waiting file, so that nobody else does. None when it is gone: somebody else was faster."""
        claim = Claim(file.organization, file.name, file.key)
        try:
            with _explained():
                self._move(self._path(file.organization, file.name), self._taken(claim))
        except FileNotFoundError:
            return None
        return claim

    def abandoned(self) -> list[Claim]:
        """The files that were taken and neither done nor failed: what a crash left. To be taken in again, by their keys."""
        with _explained():
            self._files.invalidate_cache()
            return [
                Claim(organization, name, key)
                for organization in self._organizations()
                for key, kept in self._entries(organization, TAKING)
                if kept["type"] == "directory" and not _is_link(kept)
                for name, info in self._entries(organization, TAKING, key)
                if info["type"] == "file"
            ]

    @contextmanager
    def open(self, claim: Claim) -> Generator[IO[bytes]]:
        """The contents of a taken file. Raises `FileNotFoundError` when somebody else has finished with it, and
        `FileRejected` when it is a link.
        """
        path = self._taken(claim)
        if self._local:
            # It was no link when it was seen, and might have become one since.
            if os.path.islink(path):  # noqa: PTH114
                raise FileRejected("content_mismatch", "This is a link to a file, not a file.")
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as contents:
                yield contents
        else:
            with self._files.open(path, "rb") as contents:
                yield contents

    def done(self, claim: Claim) -> None:
        """The file is stored: move it to `done/`."""
        with _explained():
            self._finish(claim, self._free(claim, DONE))

    def failed(self, claim: Claim, reason: LeadsError) -> None:
        """The file is refused: move it to `failed/`, with the reason's code and sentence beside it."""
        with _explained():
            target = self._free(claim, FAILED)
            self._make_folder_of(target)
            self._files.pipe_file(f"{target}{REASON}", f"{reason.code}\n{reason.detail}\n".encode())
            self._finish(claim, target)

    def kept(self) -> list[KeptFile]:
        """The files that lie in `done/` and `failed/`, by organization and name."""
        with _explained():
            self._files.invalidate_cache()
            return [
                KeptFile(organization, name, self._path(organization, folder, name), f"{name}{REASON}" in names)
                for organization in self._organizations()
                for folder in (DONE, FAILED)
                for names in [{name for name, _ in self._entries(organization, folder)}]
                for name, info in self._entries(organization, folder)
                if info["type"] == "file" and not _is_link(info) and not name.endswith(REASON)
            ]

    def fetch(self, file: KeptFile, into: Path) -> None:
        """Copy a kept file."""
        with _explained():
            self._files.get_file(file.path, str(into))

    def delete(self, file: KeptFile) -> None:
        """Delete a kept file, and the reason beside it."""
        with _explained():
            self._files.rm_file(file.path)
            if file.has_reason:
                self._files.rm_file(f"{file.path}{REASON}")

    def _organizations(self) -> list[str]:
        if self._local and not os.path.isdir(self._root):  # noqa: PTH112 - one of fsspec's strings
            raise SetupProblem("The inbox does not exist: make the directory that LEADS_INBOX names.")
        return [
            name
            for name, info in self._entries()
            if info["type"] == "directory" and not _is_link(info) and not name.startswith(".")
        ]

    def _entries(self, *parts: str) -> list[tuple[str, Mapping[str, Any]]]:
        folder = self._path(*parts)
        try:
            listed = self._files.ls(folder, detail=True)
        except FileNotFoundError:
            return []
        # Some stores list a folder among its own entries.
        entries = [(PurePosixPath(info["name"]).name, info) for info in listed if info["name"].rstrip("/") != folder]
        return sorted(entries, key=lambda entry: entry[0])

    def _version(self, info: Mapping[str, Any]) -> str:
        times = (info.get(name) for name in ("mtime", "LastModified", "last_modified", "updated", "modified"))
        time = next((value for value in times if value), None)
        if time is None:
            with suppress(NotImplementedError):
                time = self._files.modified(info["name"])
        marks = (info.get(name) for name in ("ETag", "etag", "md5Hash", "ino"))
        return f"{time} {next((mark for mark in marks if mark), '')}".strip()

    def _path(self, *parts: str) -> str:
        return "/".join((self._root, *parts))

    def _taken(self, claim: Claim) -> str:
        return self._path(claim.organization, TAKING, claim.key, claim.name)

    def _free(self, claim: Claim, folder: str) -> str:
        wanted = self._path(claim.organization, folder, claim.name)
        if not self._files.exists(wanted):
            return wanted
        name = PurePosixPath(claim.name)
        return self._path(claim.organization, folder, f"{name.stem}.{claim.key[:8]}{name.suffix}")

    def _finish(self, claim: Claim, target: str) -> None:
        taken = self._taken(claim)
        with suppress(FileNotFoundError):  # Somebody else has finished with it.
            self._move(taken, target)
        with suppress(OSError, NotImplementedError):  # Where folders are real, an empty one is left.
            self._files.rmdir(_parent(taken))

    def _make_folder_of(self, path: str) -> None:
        folder = _parent(path)
        self._files.makedirs(folder, exist_ok=True)
        if self._local and os.path.realpath(folder) != folder:
            raise SetupProblem(
                f"The folder {PurePosixPath(folder).name} of an organization's inbox is a link; remove it."
            )

    def _move(self, source: str, target: str) -> None:
        self._make_folder_of(target)
        if self._local:
            os.rename(source, target)  # noqa: PTH104 - atomic, and these are fsspec's strings
        else:
            # Not `mv`, which takes the brackets in a file's name for a pattern.
            self._files.cp_file(source, target)
            self._files.rm_file(source)


def is_unfinished(name: str) -> bool:
    """Whether a name is one that programs give to files that are not there yet, or not for others."""
    lowered = name.lower()
    return lowered.startswith(UNFINISHED_PREFIXES) or lowered.endswith(UNFINISHED_SUFFIXES)


def _is_link(info: Mapping[str, Any]) -> bool:
    return bool(info.get("islink"))


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


@contextmanager
def _explained() -> Generator[None]:
    # The URL itself may carry a password.
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, ImportError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise SetupProblem(f"The inbox that LEADS_INBOX names cannot be used: {reason}.") from error
