"""A small fine-tuning service of ours that speaks OpenAI's protocol: models, files, jobs, events, checkpoints, chats."""

import json
import re
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class TuningServer:
    """`shutdowns` are the models and when they end; `trained` is what a model that was trained answers to a question.

    A job goes on by one step each time that it is looked at: validating, running, then `outcome`. `refuses` is a status that
    every request is answered with.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.shutdowns: dict[str, str | None] = {"base": None}
        self.files: dict[str, tuple[str, bytes]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.outcome = "succeeded"
        self.answers: dict[str, str] = {}
        self.asked = 0
        self.refuses: int | None = None
        self.calls: list[str] = []

    def lines(self, file: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.files[file][1].splitlines()]

    def answer(  # noqa: C901, PLR0911, PLR0912 - a table of routes reads best as one
        self, method: str, path: str, body: bytes, kind: str
    ) -> tuple[int, dict[str, Any]]:
        self.calls.append(f"{method} {path}")
        if self.refuses is not None:
            return self.refuses, {"error": {"message": "not now", "type": "t", "code": None}}
        match method, path.removeprefix("/v1/").split("/"):
            case "GET", ["models"]:
                return 200, _list([_model(name, end) for name, end in self.shutdowns.items()])
            case "GET", ["files"]:
                return 200, _list([_file(each, *self.files[each]) for each in self.files])
            case "POST", ["files"]:
                name, content = _form_file(body, kind)
                file = f"file-{len(self.calls)}"
                self.files[file] = (name, content)
                return 200, _file(file, name, content)
            case "DELETE", ["files", file] if file in self.files:
                del self.files[file]
                return 200, {"id": file, "object": "file", "deleted": True}
            case "GET", ["fine_tuning", "jobs"]:
                return 200, _list(list(self.jobs.values()))
            case "POST", ["fine_tuning", "jobs"]:
                return 200, self._create(json.loads(body))
            case "GET", ["fine_tuning", "jobs", job]:
                return 200, self._step(self.jobs[job])
            case "POST", ["fine_tuning", "jobs", job, "cancel"]:
                self.jobs[job]["status"] = "cancelled"
                return 200, self.jobs[job]
            case "GET", ["fine_tuning", "jobs", job, "events"]:
                return 200, _list([_event("Training started"), _event("Files validated")] if job in self.jobs else [])
            case "GET", ["fine_tuning", "jobs", job, "checkpoints"]:
                return 200, _list([_checkpoint(job, step) for step in (1, 2)])
            case "POST", ["chat", "completions"]:
                return 200, self._chat(json.loads(body))
            case _:
                return 404, {"error": {"message": "no such path", "type": "t", "code": None}}

    def _create(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["training_file"] in self.files
        job = f"ftjob-{len(self.jobs)}"
        self.jobs[job] = {
            "id": job, "object": "fine_tuning.job", "created_at": int(time.time()), "status": "validating_files",
            "model": asked["model"], "training_file": asked["training_file"], "metadata": asked["metadata"],
            "validation_file": asked.get("validation_file"), "hyperparameters": {"n_epochs": "auto"},
            "organization_id": "o", "result_files": [], "seed": asked["seed"], "fine_tuned_model": None, "error": None,
            "trained_tokens": None, "finished_at": None,
        }  # fmt: skip
        return self.jobs[job]

    def _step(self, job: dict[str, Any]) -> dict[str, Any]:
        if job["status"] == "validating_files":
            job["status"] = "running"
        elif job["status"] == "running":
            job["status"] = self.outcome
            if self.outcome == "succeeded":
                job |= {"fine_tuned_model": f"ft:{job['model']}:leads", "trained_tokens": 1234}
            if self.outcome == "failed":
                job["error"] = {"code": "invalid_training_file", "message": "The file is too small.", "param": None}
        return job

    def _chat(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.asked += 1
        header = json.loads(asked["messages"][-1]["content"])["header"]
        message = {"role": "assistant", "content": self.answers.get(header, "none"), "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        return {"id": "c", "object": "chat.completion", "created": 0, "model": asked["model"], "choices": [choice]}


@contextmanager
def tuning_server() -> Generator[TuningServer]:
    """The service, on a free port of this machine."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    http.daemon_threads = True
    server = TuningServer(f"http://127.0.0.1:{http.server_port}/v1")
    http.tuning = server  # pyright: ignore[reportAttributeAccessIssue]
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
        """Nothing: a test's output is its own."""

    def _serve(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        server: TuningServer = self.server.tuning  # pyright: ignore[reportAttributeAccessIssue]
        path = self.path.partition("?")[0]
        status, answer = server.answer(method, path, body, self.headers.get("Content-Type", ""))
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        # The library shall not wait for a server that a test has told to refuse.
        self.send_header("x-should-retry", "false")
        self.end_headers()
        self.wfile.write(content)


def _list(data: list[dict[str, Any]]) -> dict[str, Any]:
    return {"object": "list", "data": data, "has_more": False}


def _model(name: str, end: str | None) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "o", "shutdown_date": end}


def _file(file: str, name: str, content: bytes) -> dict[str, Any]:
    return {
        "id": file, "object": "file", "bytes": len(content), "created_at": 0, "filename": name, "purpose": "fine-tune",
        "status": "processed",
    }  # fmt: skip


def _event(message: str) -> dict[str, Any]:
    return {"id": message, "object": "fine_tuning.job.event", "created_at": 0, "level": "info", "message": message}


def _checkpoint(job: str, step: int) -> dict[str, Any]:
    return {
        "id": f"ckpt-{step}", "object": "fine_tuning.job.checkpoint", "created_at": 0, "fine_tuning_job_id": job,
        "fine_tuned_model_checkpoint": f"ft:base:leads:ckpt-{step}", "metrics": {"step": step}, "step_number": step,
    }  # fmt: skip


def _form_file(body: bytes, kind: str) -> tuple[str, bytes]:
    boundary = kind.partition("boundary=")[2].encode()
    for part in body.split(b"--" + boundary):
        head, _, content = part.partition(b"\r\n\r\n")
        if name := re.search(rb'filename="([^"]+)"', head):
            return name[1].decode(), content.removesuffix(b"\r\n")
    raise AssertionError("the form has no file")
