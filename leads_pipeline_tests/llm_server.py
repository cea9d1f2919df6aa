"""A small server of ours that speaks OpenAI's protocol: the Decisions and the Responses API, and what can go wrong."""

import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answers = Callable[[str, list[str]], tuple[str, float]]
"""From a header and the choices for it to the choice, and how sure the model is (0 to 1)."""


@dataclass(frozen=True)
class Status:
    """An answer with an HTTP status."""

    code: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: str = '{"error": {"message": "no", "type": "t", "code": null}}'


@dataclass(frozen=True)
class Body:
    """An answer of 200 with this very text."""

    text: str


@dataclass(frozen=True)
class Changed:
    """The right answer, changed by a function."""

    change: Callable[[dict[str, Any]], object]


class Hang:
    """No answer until the server stops."""


class Trickle:
    """A byte of an answer now and then, for ever."""


class Cut:
    """A connection that is closed in the middle of an answer."""


class LlmServer:
    """`requests` are those that came, `script` what the next ones meet; after that, `answers` decides."""

    def __init__(self, url: str, stopping: threading.Event) -> None:
        self.url, self.stopping = url, stopping
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.script: deque[Status | Body | Changed | Hang | Trickle | Cut] = deque()
        self.paths = {"/v1/decisions", "/v1/responses"}
        self.answers: Answers = lambda _header, choices: (choices[-1], 0.9)
        self.usage = {"input_tokens": 1000, "cached_tokens": 0, "output_tokens": 10}

    def answer(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """What a server that works would say."""
        document = json.loads(body["input"] if path.endswith("responses") else body["input"][1]["content"])
        headers = {
            column["question"]: column["header"]
            for sheet in document["sheets"]
            for column in sheet["columns"]
            if "question" in column
        }
        tokens = self.usage["input_tokens"], self.usage["output_tokens"]
        usage = {
            "input_tokens": tokens[0],
            "input_tokens_details": {"cached_tokens": self.usage["cached_tokens"], "cache_write_tokens": 0},
            "output_tokens": tokens[1],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": sum(tokens),
        }
        if path.endswith("decisions"):
            answers = [
                _decided(question, self.answers(headers[question["name"]], _values(question)))
                for question in body["questions"]
            ]
            return {"answers": answers, "model": body["model"], "usage": usage}
        choices = body["text"]["format"]["schema"]["$defs"]["Answer"]["properties"]["field"]["enum"]
        said = {key: self.answers(header, choices) for key, header in headers.items()}
        text = json.dumps({key: {"field": each[0], "confidence": round(100 * each[1])} for key, each in said.items()})
        part = {"type": "output_text", "text": text, "annotations": []}
        message = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [part]}
        return {
            "id": "r", "object": "response", "created_at": 0, "status": "completed", "model": body["model"],
            "output": [message], "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "usage": usage,
        }  # fmt: skip


@contextmanager
def llm_server() -> Generator[LlmServer]:
    """The server, on a free port of this machine."""
    stopping = threading.Event()
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    http.daemon_threads = True
    http.llm = LlmServer(f"http://127.0.0.1:{http.server_port}/v1", stopping)  # pyright: ignore[reportAttributeAccessIssue]
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield http.llm  # pyright: ignore[reportAttributeAccessIssue]
    finally:
        stopping.set()
        http.shutdown()
        http.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        llm: LlmServer = self.server.llm  # pyright: ignore[reportAttributeAccessIssue]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        llm.requests.append((self.path, body))
        if self.path not in llm.paths:
            return self._send(404, '{"error": {"message": "no such path"}}')
        step = llm.script.popleft() if llm.script else Changed(lambda answer: answer)
        match step:
            case Status():
                return self._send(step.code, step.body, step.headers)
            case Body():
                return self._send(200, step.text)
            case Changed():
                answer = llm.answer(self.path, body)
                changed = step.change(answer)
                return self._send(200, json.dumps(answer if changed is None else changed))
            case Hang():
                llm.stopping.wait(30)
            case Trickle():
                self._trickle(llm.stopping)
            case Cut():
                self.wfile.write(
                    b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"an'
                )
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True
        return None

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
        """Nothing: a test's output is its own."""

    def _send(self, code: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        content = text.encode()
        self.send_response(code)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _trickle(self, stopping: threading.Event) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n")
        try:
            while not stopping.wait(0.05):
                self.wfile.write(b" ")
        except OSError:
            return


def _values(question: Mapping[str, Any]) -> list[str]:
    return [choice["value"] for choice in question["choices"]]


def _decided(question: Mapping[str, Any], said: tuple[str, float]) -> dict[str, Any]:
    choice, belief = said
    others = [each for each in _values(question) if each != choice]
    shares = [{"value": each, "probability": (1 - belief) / len(others)} for each in others]
    probabilities = [{"value": choice, "probability": belief}, *shares]
    return {
        "type": "choice", "name": question["name"], "choice": choice, "confidence": belief, "probabilities": probabilities,
    }  # fmt: skip
