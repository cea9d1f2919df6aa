"""The running system: uploads a second, the latency of a preview, and memory of its processes, idle and at work."""

import io
import os
import socket
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import xlsxwriter

from benchmarks.table import Figure, megabytes, milliseconds, quantile, show
from leads_pipeline.settings import Settings
from leads_pipeline.store import embedded, organizations
from leads_pipeline.store.database import SYSTEM, Database, open_database
from leads_pipeline.supervisor import System
from leads_pipeline.system import migrate

SMALL_UPLOADS = 1_000
PREVIEWS = 200


def main() -> None:
    with tempfile.TemporaryDirectory() as home, _system(Path(home)) as (system, client, database):
        figures = _idle(system, database)
        with _memory_of(system) as peaks:
            figures += _throughput(client)
            figures += _previews(client)
            figures += _large_csv(client)
        figures += [
            Figure("web, peak while files are mapped", megabytes(peaks["web"]), "at most 400 MB"),
            Figure("worker, all its processes, peak", megabytes(peaks["worker"]), "at most 800 MB"),
        ]
        show("The system", figures)


@contextmanager
def _system(home: Path) -> Generator[tuple[System, httpx.Client, Database]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(LEADS_HOME=home, PORT=port, LEADS_LOG_LEVEL="WARNING")  # pyright: ignore[reportCallIssue]
    with open_database(settings) as database:
        migrate(settings, database)
        with database.transaction(SYSTEM) as transaction:
            owner = organizations.ensure_organization(transaction, "Benchmark")
            token = organizations.create_token(transaction, owner)
        with System(settings, environment={"LEADS_LOG_LEVEL": "WARNING"}) as system:
            system.wait_ready()
            headers = {"Authorization": f"Bearer {token}"}
            with httpx.Client(base_url=f"{system.base_url}/api/v1", headers=headers, timeout=300) as client:
                yield system, client, database
    embedded.wipe(home)


def _idle(system: System, database: Database) -> list[Figure]:
    """Once the worker has loaded its code and a sensor has looked."""
    while not _has_looked(database):
        time.sleep(0.5)
    sizes = {name: sum(_proportional(pid) for pid in _tree(pid)) for name, pid in system.pids.items()}
    return [
        Figure(f"{name}, idle, {len(_tree(system.pids[name]))} processes", megabytes(size))
        for name, size in sizes.items()
    ]


def _has_looked(database: Database) -> bool:
    with database.transaction(SYSTEM) as transaction:
        return transaction.value(
            "SELECT EXISTS (SELECT 1 FROM dagster.job_ticks WHERE status IN ('SKIPPED', 'SUCCESS'))"
        )


def _throughput(client: httpx.Client) -> list[Figure]:
    client.post("/uploads", files={"file": ("first.csv", _small_csv(-1))})
    _wait_for_all(client)  # a drain is at work now, as on a busy day
    begun = time.perf_counter()
    with ThreadPoolExecutor(4) as senders:
        for answer in senders.map(
            lambda number: client.post("/uploads", files={"file": ("list.csv", _small_csv(number))}),
            range(SMALL_UPLOADS),
        ):
            answer.raise_for_status()
    sent = time.perf_counter() - begun
    _wait_for_all(client)
    done = time.perf_counter() - begun
    return [
        Figure("uploads accepted a second (20 rows x 8 columns)", f"{SMALL_UPLOADS / sent:,.0f}"),
        Figure(f"{SMALL_UPLOADS:,} uploads, sent to mapped, a second", f"{SMALL_UPLOADS / done:,.1f}", "at least 20"),
    ]


def _previews(client: httpx.Client) -> list[Figure]:
    workbook = _workbook(1_000, 30)
    seconds: list[float] = []
    for _ in range(PREVIEWS):
        begun = time.perf_counter()
        client.post("/mappings/preview", files={"file": ("list.xlsx", workbook)}).raise_for_status()
        seconds.append(time.perf_counter() - begun)
    return [
        Figure("preview of a 1,000 x 30 xlsx, median", milliseconds(statistics.median(seconds))),
        Figure("the same, p99", milliseconds(quantile(seconds, 0.99)), "at most 300 ms"),
    ]


def _large_csv(client: httpx.Client) -> list[Figure]:
    with tempfile.TemporaryFile() as file:
        file.write(
            b"First Name,Last Name,E-Mail,Phone,Company," + b",".join(b"Extra %d" % n for n in range(15)) + b"\n"
        )
        for start in range(0, 1_000_000, 10_000):
            file.write(b"".join(_row(number) for number in range(start, start + 10_000)))
        file.seek(0)
        begun = time.perf_counter()
        upload = client.post("/uploads", files={"file": ("large.csv", file)}).raise_for_status().json()["id"]
    sent = time.perf_counter()
    _wait_for_all(client)
    mapped = time.perf_counter()
    size = 0
    with client.stream("GET", f"/uploads/{upload}/leads", params={"include": "proposed", "unmapped": "keep"}) as answer:
        answer.raise_for_status()
        for block in answer.iter_bytes():
            size += len(block)
    exported = time.perf_counter()
    return [
        Figure("1,000,000 x 20 csv: sent", f"{sent - begun:.1f} s"),
        Figure("the same: mapped", f"{mapped - sent:.1f} s"),
        Figure(f"the same: exported, {megabytes(size)}", f"{exported - mapped:.1f} s"),
        Figure("the same: altogether", f"{exported - begun:.1f} s", "at most 60 s"),
    ]


def _wait_for_all(client: httpx.Client) -> None:
    while True:
        summary = client.get("/training/summary").raise_for_status().json()
        if not summary["waiting"]:
            assert not summary["failed"], summary
            return
        time.sleep(0.2)


def _small_csv(number: int) -> bytes:
    header = "First Name,Last Name,E-Mail,Phone,Company,City,Country,Lead Source\n"
    rows = [
        f"Ada,Byron {number},ada{row}@example.com,+1 202 555 01{row:02},Example {number} Ltd,Boston,US,Fair"
        for row in range(20)
    ]
    return (header + "\n".join(rows) + "\n").encode()


def _row(number: int) -> bytes:
    extra = b",".join(b"value %d" % (number % 97) for _ in range(15))
    return b"Ada,Byron %d,ada%d@example.com,+12025550123,Example %d Ltd,%b\n" % (number, number, number % 1000, extra)


def _workbook(rows: int, columns: int) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, ["First Name", "Last Name", "E-Mail", *(f"Extra {n}" for n in range(columns - 3))])
        for row in range(1, rows + 1):
            sheet.write_row(
                row, 0, ["Ada", f"Byron {row}", f"ada{row}@example.com", *(f"v{row % 37}" for _ in range(columns - 3))]
            )
    return file.getvalue()


@contextmanager
def _memory_of(system: System) -> Generator[dict[str, float]]:
    """The largest memory of each program's processes, shared pages counted once, looked at four times a second."""
    peaks: dict[str, float] = defaultdict(float)
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.25):
            for name, pid in system.pids.items():
                peaks[name] = max(peaks[name], sum(_proportional(each) for each in _tree(pid)))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield peaks
    finally:
        over.set()
        watcher.join()


def _tree(root: int) -> list[int]:
    """The process and all below it."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            children[parent].append(int(entry.name))
    tree, found = [], [root]
    while found:
        pid = found.pop()
        tree.append(pid)
        found += children[pid]
    return tree


def _proportional(pid: int) -> float:
    """Bytes of memory, pages shared with other processes divided among them."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return 1024.0 * int(line.split()[1])
    except OSError:
        pass
    return 0.0


if __name__ == "__main__":
    assert os.uname().sysname == "Linux", "memory is read from /proc"
    main()
