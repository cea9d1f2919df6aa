"""Fine-tuning services that speak OpenAI's protocol: files, jobs, events, checkpoints, cancelling, and when models end.

Every step can be found again: a file bears our job's id in its name, a job in its metadata. So a process that died between
a step and the word of it repeats nothing. What is in the files, and what the outcome is worth, is not known here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar
from uuid import UUID

from leads_pipeline.errors import FineTuningRefused, ServiceUnavailable, SetupProblem
from leads_pipeline.settings import Settings

if TYPE_CHECKING:
    import openai

TIMEOUT_SECONDS = 60.0
MOST_EVENTS = 20
FILE, JOB = "leads-", "leads_job"

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Progress:
    """How a service's job stands. `status` is the protocol's; `events` are its newest messages, oldest first."""

    job: str
    status: str
    model: str | None
    trained_tokens: int | None
    error: str | None
    events: Sequence[str]
    checkpoints: Sequence[str]

    @property
    def ended(self) -> bool:
        return self.status in ("succeeded", "failed", "cancelled")


class FineTuning:
    """A client, to be closed. Raises `ServiceUnavailable` when the service cannot be asked, and `FineTuningRefused` when it
    does not do what is asked.
    """

    def __init__(self, settings: Settings) -> None:
        import openai

        if settings.openai_api_key is None:
            raise SetupProblem("OPENAI_API_KEY is not set, so no service can be asked.")
        self._client = openai.OpenAI(
            api_key=settings.openai_api_key.get_secret_value(),
            # Not None, with which the library would look into the environment.
            base_url=settings.openai_base_url or "https://api.openai.com/v1",
            timeout=TIMEOUT_SECONDS,
            max_retries=2,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def shutdown_dates(self) -> dict[str, date | None]:
        """Every model that the service offers us, and the day on which it stops, where one is announced."""
        models = self._asked(lambda client: list(client.models.list()))
        return {model.id: _day(model.shutdown_date) for model in models}

    def upload(self, job: UUID, part: str, path: Path) -> str:
        """Send a file of a job, unless it is there; its id at the service."""
        name = f"{FILE}{job}-{part}.jsonl"
        there = self._asked(lambda client: [each for each in client.files.list() if each.filename == name])
        if there:
            return there[0].id
        with path.open("rb") as content:
            return self._asked(lambda client: client.files.create(file=(name, content), purpose="fine-tune")).id

    def start(self, job: UUID, *, model: str, training: str, validation: str | None, seed: int) -> str:
        """Start a job on files that were sent, unless it was; its id at the service."""
        there = self._asked(
            lambda client: [
                each for each in client.fine_tuning.jobs.list() if (each.metadata or {}).get(JOB) == str(job)
            ]
        )
        if there:
            return there[0].id
        options: dict[str, Any] = {} if validation is None else {"validation_file": validation}
        started = self._asked(
            lambda client: client.fine_tuning.jobs.create(
                model=model,
                training_file=training,
                seed=seed,
                suffix="leads",
                metadata={JOB: str(job)},
                method={"type": "supervised"},
                **options,
            )
        )
        return started.id

    def started(self, job: UUID) -> str | None:
        """What the service calls a job that was started, though we may have died before we could write it down."""
        there = self._asked(
            lambda client: [
                each for each in client.fine_tuning.jobs.list() if (each.metadata or {}).get(JOB) == str(job)
            ]
        )
        return there[0].id if there else None

    def look(self, service_job: str) -> Progress:
        """How a job stands."""

        def ask(client: "openai.OpenAI") -> Progress:
            jobs = client.fine_tuning.jobs
            found = jobs.retrieve(service_job)
            # Not every server that speaks the protocol has events and checkpoints.
            events = _where_there_is(lambda: jobs.list_events(service_job, limit=MOST_EVENTS).data) or ()
            checkpoints: Sequence[Any] = ()
            if found.status == "succeeded":
                checkpoints = _where_there_is(lambda: jobs.checkpoints.list(service_job).data) or ()
            return Progress(
                job=found.id,
                status=found.status,
                model=found.fine_tuned_model,
                trained_tokens=found.trained_tokens,
                error=found.error.message if found.error and found.error.message else None,
                events=[event.message for event in reversed(events)],
                checkpoints=[each.fine_tuned_model_checkpoint for each in checkpoints],
            )

        return self._asked(ask)

    def cancel(self, service_job: str) -> None:
        """Cancel a job; one that has ended already stays as it is."""
        self._asked(lambda client: client.fine_tuning.jobs.cancel(service_job))

    def forget(self, files: Sequence[str]) -> None:
        """Delete files at the service; those that are gone already are none the worse for it."""
        for file in files:
            self._asked(lambda client, file=file: _where_there_is(lambda: client.files.delete(file)))

    def answer(self, model: str, messages: Sequence[dict[str, str]]) -> str:
        """What a model says to a chat that ends with the user."""
        given: Any = list(messages)
        said = self._asked(
            lambda client: client.chat.completions.create(
                model=model, messages=given, temperature=0, max_completion_tokens=50
            )
        )
        return ((said.choices[0].message.content if said.choices else None) or "").strip()

    def _asked(self, ask: Any) -> Any:
        import openai

        try:
            return ask(self._client)
        except openai.APIStatusError as error:
            if error.status_code in (401, 403):
                raise ServiceUnavailable(
                    "The fine-tuning service does not accept OPENAI_API_KEY, or gives it no right to fine-tune."
                ) from error
            if error.status_code in (408, 409, 429) or error.status_code >= 500:
                raise ServiceUnavailable(
                    f"The fine-tuning service answers with {error.status_code}; it is asked again in a minute."
                ) from error
            # Its own words, shortened: they speak of models, files and rights, and of no cell, since none was sent.
            raise FineTuningRefused(
                f"The fine-tuning service refuses ({error.status_code}): {error.message[:300]}"
            ) from error
        except (openai.APIConnectionError, openai.OpenAIError) as error:
            raise ServiceUnavailable(
                "The fine-tuning service cannot be reached; it is asked again in a minute. Is OPENAI_BASE_URL right?"
            ) from error


def _where_there_is(ask: Callable[[], _Found]) -> _Found | None:
    """What is asked for, or None where the server has no such thing."""
    import openai

    try:
        return ask()
    except openai.NotFoundError:
        return None


def _day(text: str | None) -> date | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        return None
