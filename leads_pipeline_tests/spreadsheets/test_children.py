"""The processes behind the reader: limits that hold, parents that live on, nothing left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from leads_pipeline.errors import FileRejected
from leads_pipeline.spreadsheets import ExportPlan, Limits, SheetPlan, export, read
from leads_pipeline_tests.spreadsheets.hostile import xlsx

CSV = b"Name,Email\r\nAnna,anna@x.example\r\n"

pytestmark = pytest.mark.skipif(not Path("/proc").exists(), reason="looks at processes through /proc")


def descendants(of: int) -> set[int]:
    """The living processes below `of`."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = entry.joinpath("stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if state != "Z":
                parents[int(entry.name)] = int(parent)
    found, wave = set[int](), {of}
    while wave := {child for child, parent in parents.items() if parent in wave}:
        found |= wave
    return found


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def until(condition: object, seconds: float = 5) -> bool:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_files_are_read_by_several_threads_at_once(tmp_path: Path) -> None:
    paths: list[Path] = []
    for number in range(40):
        path = tmp_path / f"{number}.csv"
        path.write_bytes(b"Name,Email\r\n" + b"Anna,anna@x.example\r\n" * (number + 1))
        paths.append(path)
    with ThreadPoolExecutor(4) as threads:
        rows = list(threads.map(lambda path: read(path, path.name).sheets[0].rows, paths))
    assert rows == list(range(1, 41))


def test_a_file_that_needs_too_much_memory_ends_its_child_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(xlsx("".join(f'<row r="{row}"><c r="A{row}"><v>{row}</v></c></row>' for row in range(1, 100_000))))
    with pytest.raises(FileRejected) as caught:
        read(path, "leads.xlsx", Limits(reader_memory_bytes=2**21))
    assert caught.value.code == "too_complex"
    assert read(path, "leads.xlsx").sheets[0].rows


def test_a_file_that_needs_too_long_ends_its_child_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(xlsx("".join(f'<row r="{row}"><c r="A{row}"><v>{row}</v></c></row>' for row in range(1, 300_000))))
    with pytest.raises(FileRejected) as caught:
        read(path, "leads.xlsx", Limits(reader_wall_seconds=0))
    assert caught.value.code == "read_timeout"
    path.write_bytes(CSV)
    assert read(path, "leads.csv").sheets[0].rows == 1


def test_an_export_that_is_left_early_ends_its_child(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("Name,Email\n" + "".join(f"Person {n},person{n}@x.example\n" for n in range(200_000)))
    (sheet,) = read(path, "leads.csv").sheets
    before = descendants(os.getpid())
    pieces: Iterator[bytes] = export(
        path, "leads.csv", ExportPlan((SheetPlan(sheet, {"Name": (0,)}),), ("Name",)), "csv"
    )
    next(pieces)
    assert len(descendants(os.getpid()) - before) == 1
    pieces.close()  # pyright: ignore[reportAttributeAccessIssue] - the iterator is a generator
    assert until(lambda: descendants(os.getpid()) <= before)


def test_a_dead_nursery_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CSV)
    read(path, "leads.csv")
    for process in descendants(os.getpid()):
        if b"nursery" in Path(f"/proc/{process}/cmdline").read_bytes():
            os.kill(process, signal.SIGKILL)
    assert until(lambda: _read_again(path))


def _read_again(path: Path) -> bool:
    try:
        return read(path, "leads.csv").sheets[0].rows == 1
    except FileRejected:
        return False  # the kernel had not told us yet that it was gone


MAIN = """
import sys, threading, time
from contextlib import suppress
from pathlib import Path
print("main module runs", flush=True)
sys.path.insert(0, {root!r})
from leads_pipeline.spreadsheets import read
read(Path({path!r}), "leads.csv")
threads = [threading.Thread(target=read, args=(Path({path!r}), "leads.csv")) for _ in range(2)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print("read", flush=True)
{rest}
"""


def script(tmp_path: Path, rest: str) -> list[str]:
    path = tmp_path / "file"
    path.write_bytes(CSV)
    program = tmp_path / "main.py"
    program.write_text(MAIN.format(root=str(Path(__file__).parents[2]), path=str(path), rest=rest))
    return [sys.executable, str(program)]


def test_the_main_module_of_the_caller_runs_once(tmp_path: Path) -> None:
    done = subprocess.run(script(tmp_path, ""), capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "main module runs\nread\n"
    assert done.stderr == ""


def test_nothing_in_the_current_folder_is_imported(tmp_path: Path) -> None:
    command = script(tmp_path, "")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("csv", "json", "openpyxl"):
        (elsewhere / f"{name}.py").write_text("raise SystemExit('imported from the current folder')")
    assert subprocess.run(command, capture_output=True, check=True, cwd=elsewhere).stderr == b""


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_its_parent(tmp_path: Path, ending: signal.Signals) -> None:
    with subprocess.Popen(script(tmp_path, "time.sleep(60)"), stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert [parent.stdout.readline(), parent.stdout.readline()] == ["main module runs\n", "read\n"]
        below = descendants(parent.pid)
        assert below
        parent.send_signal(ending)
        parent.wait()
        assert until(lambda: not any(Path(f"/proc/{process}").exists() for process in below))


def test_children_see_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = script(tmp_path, "time.sleep(60)")
    monkeypatch.setenv("OPENAI_API_KEY", "secret-of-the-parent")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        parent.stdout.readline()
        environments: list[bytes] = []
        for process in descendants(parent.pid):
            with suppress(FileNotFoundError, ProcessLookupError):  # one that has served its file ends by itself
                environments.append(Path(f"/proc/{process}/environ").read_bytes())
        parent.kill()
    assert environments
    assert not any(b"secret-of-the-parent" in environment for environment in environments)


def test_the_parent_keeps_no_threads_and_no_open_files(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CSV)
    read(path, "leads.csv")
    threads, files = threading.active_count(), open_files()
    for _ in range(20):
        read(path, "leads.csv")
    assert (threading.active_count(), open_files()) == (threads, files)
