"""Object stores by URL: S3 and what speaks its protocol, a directory, or anything else that fsspec opens.

Streams in and out, a block at a time; what the blocks mean is not known here. A driver's errors become two of ours: the
object is not there (`FileNotFoundError`), or the store does not serve us (`ContentsUnavailable`).
"""

import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from leads_pipeline.errors import ContentsUnavailable, LeadsError, SetupProblem

PART_BYTES = 8 * 2**20
"""What S3 is sent at a time. The driver's own default of 50 MB would be kept in memory for each upload."""
EXTRAS = {"s3": "s3", "s3a": "s3"}
"""The extra of this package that brings the driver of a protocol."""


class Objects:
    """The objects under `url`. Nothing is connected yet. Raises `SetupProblem` for a URL that nothing here opens."""

    def __init__(self, url: str) -> None:
        protocol = url.partition("://")[0] if "://" in url else "file"
        try:
            found = url_to_fs(os.path.expanduser(url))  # noqa: PTH111 - it need not be a path
        except ImportError as error:
            extra = EXTRAS.get(protocol)
            what = f"pip install 'leads-pipeline[{extra}]'" if extra else f"install fsspec's driver for {protocol}"
            raise SetupProblem(
                f"LEADS_CONTENTS_URL names {protocol}://, and the package that speaks to it is not installed: {what}."
            ) from error
        except (OSError, ValueError) as error:
            # The URL itself may carry a password.
            raise SetupProblem(
                "LEADS_CONTENTS_URL is no place that can be opened; it looks like s3://bucket/folder."
            ) from error
        self._files: Any = found[0]
        self._root: str = found[1].rstrip("/")
        self._local = isinstance(self._files, LocalFileSystem)
        self.place: str = self._files.unstrip_protocol(self._root)
        """The URL as it may be stored and shown: without passwords and options."""

    def write(self, name: str, blocks: Iterable[bytes]) -> None:
        """Write an object. It is durable when this returns; what an error or a crash leaves may be half of it."""
        with self._explained():
            path = self._path(name)
            if self._local:
                self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            with self._files.open(path, "wb", block_size=PART_BYTES) as file:
                for block in blocks:
                    file.write(block)
                if self._local:
                    file.flush()
                    os.fsync(file.fileno())

    def read(self, name: str, size: int) -> Iterator[bytes]:
        """An object in blocks of `size` bytes, the last one shorter. Raises `FileNotFoundError` where there is none."""
        path, options = self._path(name), {"block_size": PART_BYTES, "cache_type": "readahead"}
        with self._explained(FileNotFoundError), self._files.open(path, "rb", **options) as file:
            while block := file.read(size):
                yield block

    def delete(self, names: Sequence[str]) -> None:
        """Delete objects; one that is not there is deleted already."""
        with self._explained():
            for name in names:
                with suppress(FileNotFoundError):
                    self._files.rm_file(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextmanager
    def _explained(self, *but: type[Exception]) -> Generator[None]:
        try:
            yield
        except (LeadsError, *but):
            raise
        except Exception as error:
            # Every driver has errors of its own, whose texts quote URLs and requests.
            raise ContentsUnavailable(
                f"The object store {self.place} does not serve us ({type(error).__name__}). Nothing was changed; try again "
                "in a minute, or look at LEADS_CONTENTS_URL and its credentials.",
                extra={"retry_after": 60},
            ) from error
