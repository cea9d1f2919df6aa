"""The running system as the demo sees it: the few REST calls that it makes, with answers as types.

Whatever is not as promised becomes `UnexpectedAnswer` with one sentence. Nothing here prints.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from leads_pipeline.errors import UnexpectedAnswer

_API = "/api/v1"


class Problem(BaseModel):
    """Why something was refused, by RFC 9457."""

    code: str
    status: int
    title: str
    detail: str


class Warned(BaseModel):
    detail: str
    sheet: str | None = None


class Upload(BaseModel):
    """A file that was sent, and how far it has come."""

    id: str
    status: str
    filename: str
    problem: Problem | None = None
    warnings: list[Warned] = []

    @property
    def settled(self) -> bool:
        return self.status not in {"received", "processing"}


class Transformed(BaseModel):
    """What an export does with the cells of a column, and the lead fields that they fill."""

    kind: str
    fields: list[str]


class Proposal(BaseModel):
    """What one column is mapped to; `target` None is "no target"."""

    sheet: str
    index: int
    header: str
    target: str | None


class ColumnMapping(Proposal):
    """What one column of an upload is mapped to; `confidence` is in percent."""

    id: str
    confidence: float
    method: str
    applied: bool
    sample_shapes: list[str]
    transform: Transformed | None = None


class Correction(BaseModel):
    """A person's answer about a mapping."""

    mapping_id: str
    target: str | None


class Asked(BaseModel):
    """A request for something that a run makes, and what became of it."""

    id: str
    status: str
    status_url: str
    problem: dict[str, Any] | None = None

    @property
    def settled(self) -> bool:
        return self.status in {"done", "failed"}


class DatasetAsked(Asked):
    """A request for a training dataset; `version` is there when it is done."""

    version: int | None = None


class ModelAsked(Asked):
    """A request for a model; `model` is its version when it is done. `reason` says why it was rejected."""

    model: int | None = None
    model_status: str | None = None
    reason: str | None = None


class LlmUse(BaseModel):
    calls: int
    cost_usd: float | None


class _Mappings(BaseModel):
    mappings: list[ColumnMapping]


class _Proposals(BaseModel):
    mappings: list[Proposal]


class _Summary(BaseModel):
    llm: LlmUse


_Answer = TypeVar("_Answer", bound=BaseModel)
_Request = TypeVar("_Request", bound=Asked)


class Service:
    """The system behind `client`, whose base URL is the system's address and whose headers carry a token."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def send(self, filename: str, content: bytes) -> Upload | Problem:
        """Send a file, whether or not the same bytes were sent before. A file that is refused gives the problem."""
        response = self._ask("POST", "/uploads", params={"force": "true"}, files={"file": (filename, content)})
        if response.is_client_error and response.status_code not in {401, 403, 404, 429}:
            return _read(response, Problem)
        return _read(_good(response), Upload)

    def upload(self, upload_id: str) -> Upload:
        return _read(_good(self._ask("GET", f"/uploads/{upload_id}")), Upload)

    def mappings(self, upload_id: str) -> list[ColumnMapping]:
        return _read(_good(self._ask("GET", f"/uploads/{upload_id}/mappings")), _Mappings).mappings

    def correct(self, corrections: Sequence[Correction]) -> None:
        """Say what is right for some columns. The answers act on the next file when this returns."""
        body = {"corrections": [correction.model_dump() for correction in corrections]}
        _good(self._ask("POST", "/training/corrections", json=body))

    def review(self, upload_id: str, corrections: Sequence[Correction] = ()) -> None:
        """Say what is wrong in an upload, and that all the rest of it is right."""
        body = {"corrections": [correction.model_dump() for correction in corrections], "rest": "confirmed"}
        _good(self._ask("POST", f"/uploads/{upload_id}/review", json=body))

    def preview(self, filename: str, content: bytes, *, memory: bool) -> list[Proposal]:
        """What a file would be mapped to, with nothing stored; without `memory`, by the model alone."""
        asked = self._ask(
            "POST", "/mappings/preview", params={"memory": str(memory).lower()}, files={"file": (filename, content)}
        )
        return _read(_good(asked), _Proposals).mappings

    def generate_dataset(self) -> DatasetAsked:
        """Ask for a training dataset of all that was reviewed."""
        return _read(_good(self._ask("POST", "/training/generate-dataset", json={})), DatasetAsked)

    def retrain(self) -> ModelAsked:
        """Ask for a model of the newest training dataset."""
        return _read(_good(self._ask("POST", "/training/retrain", json={})), ModelAsked)

    def look_again(self, asked: _Request) -> _Request:
        """What has become of a request."""
        return _read(_good(self._ask("GET", asked.status_url.removeprefix(_API))), type(asked))

    def promote(self, version: int) -> None:
        """Have a model map from the next file on."""
        _good(self._ask("POST", f"/models/{version}/promote"))

    def leads(self, upload_id: str) -> bytes:
        """The upload's leads as CSV."""
        return _good(self._ask("GET", f"/uploads/{upload_id}/leads", params={"format": "csv"})).content

    def llm_use(self) -> LlmUse:
        """What language models have cost so far."""
        return _read(_good(self._ask("GET", "/training/summary")), _Summary).llm

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._client.request(method, f"{_API}{path}", **options)
        except httpx.TimeoutException as error:
            raise UnexpectedAnswer(f"{method} {path} was not answered in time: is the web process busy?") from error
        except httpx.TransportError as error:
            raise UnexpectedAnswer(
                f"Nothing answers at {self._client.base_url}: is the web process running?"
            ) from error


def _good(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    asked = f"{response.request.method} {response.request.url.path}"
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        raise UnexpectedAnswer(f"{asked} answered {response.status_code} without a problem object.") from None
    raise UnexpectedAnswer(f"{asked} answered {problem.status} `{problem.code}`: {problem.detail}")


def _read(response: httpx.Response, kind: type[_Answer]) -> _Answer:
    try:
        return kind.model_validate_json(response.content)
    except ValidationError as error:
        where = ", ".join(sorted({".".join(map(str, e["loc"])) or "the body" for e in error.errors()})[:3])
        asked = f"{response.request.method} {response.request.url.path}"
        raise UnexpectedAnswer(f"{asked} answered {response.status_code}, but not as promised: see {where}.") from None
