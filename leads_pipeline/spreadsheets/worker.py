"""What a reading child does with its one job: read a file into sheets, export its leads say what that comes to,
anonymise its columns, or look for a person in it.

Runs in a child of `nursery` only. Importing this module loads the readers, which is why it is imported before forking.
"""

import json
import socket
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

from leads_pipeline.errors import FileRejected, LeadsError
from leads_pipeline.spreadsheets import anonymising, exporting, finding, frames, reading, transfer
from leads_pipeline.spreadsheets.limits import Limits
from leads_pipeline.spreadsheets.nursery import confine


def work(channel: socket.socket) -> None:
    """Take the job from `channel`, confine this process to the job's limits, do it, answer."""
    job = json.loads(_everything(channel))
    limits = Limits(**job["limits"])
    confine(memory_bytes=limits.reader_memory_bytes, cpu_seconds=job["cpu_seconds"])
    try:
        frames.send(channel, frames.ANSWER, json.dumps(_do(job, limits, channel)).encode())
    except LeadsError as error:
        _send_problem(channel, error)
    except (MemoryError, RecursionError):
        _send_problem(
            channel, FileRejected("too_complex", "Reading the file needs more memory than one file is given.")
        )
    except (BrokenPipeError, ConnectionResetError):
        return  # nobody listens any more
    except Exception as error:  # noqa: BLE001 - a fault of ours, told by kind and place: its text may quote the file
        place = traceback.extract_tb(error.__traceback__)[-1]
        reason = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
        detail = "The reader failed on the file. Open it, save it anew and send that."
        _send_problem(channel, FileRejected("parse_failed", detail, extra={"reason": reason}))


def _do(job: dict[str, Any], limits: Limits, channel: socket.socket) -> dict[str, Any]:
    path = Path(job["path"])
    if job["task"] == "read":
        workbook = reading.read_file(path, job["name"], job["kind"], limits, second_reader=job["second_reader"])
        return transfer.workbook_to_json(workbook)
    if job["task"] == "anonymise":
        sheets = anonymising.anonymise_file(path, job["kind"], transfer.anonymising_from_json(job["plan"]), limits)
        return {"sheets": [asdict(sheet) for sheet in sheets]}
    if job["task"] == "find":
        person = transfer.person_from_json(job["person"])
        return asdict(
            finding.find_in_file(path, job["kind"], person, job["texts"], limits, bytes_alone=job["bytes_alone"])
        )
    plan = transfer.plan_from_json(job["plan"])
    if job["task"] == "check":
        return asdict(exporting.check_file(path, job["kind"], plan, limits))
    exporting.export_file(
        path,
        job["kind"],
        plan,
        job["file_format"],
        limits,
        send=lambda piece: frames.send(channel, frames.DATA, piece),
        folder=Path(job["folder"]),
    )
    return {}


def _everything(channel: socket.socket) -> bytes:
    pieces: list[bytes] = []
    while piece := channel.recv(2**20):
        pieces.append(piece)
    return b"".join(pieces)


def _send_problem(channel: socket.socket, error: LeadsError) -> None:
    problem = {
        "rejected": isinstance(error, FileRejected),
        "code": error.code,
        "status": error.status,
        "title": error.title,
        "detail": error.detail,
        "extra": error.extra,
    }
    frames.send(channel, frames.PROBLEM, json.dumps(problem).encode())
