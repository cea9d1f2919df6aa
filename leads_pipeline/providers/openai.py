"""OpenAI, and servers that speak its protocol: a question about the columns of a file, and its answers.

The Decisions API has the very shape of the question; where an endpoint has none, `responses.parse` with a strict schema
does. What is asked and what answers are worth is `mapping`'s business. The library is imported when a client is made.
"""

import asyncio
import threading
import time
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Annotated, Any, Literal

import httpx2
import openai
from openai.types import Decision
from pydantic import BaseModel, ConfigDict, Field, create_model

from leads_pipeline.errors import SetupProblem
from leads_pipeline.providers.circuit import Circuit
from leads_pipeline.providers.openai_prices import cost, price_of
from leads_pipeline.settings import Settings
from leads_pipeline.types import NO_FIELD, LlmAnswer, LlmQuestion, LlmReply, LlmUsage

FIRST_PAUSE_SECONDS = 0.5
"""Before the second attempt, where the server names no time; twice as long before each further one."""
REFUSED_PAUSE_SECONDS = 300.0
"""How long a server is left alone that does not accept the key, or has no credit left."""
LONGEST_PAUSE_SECONDS = 600.0
OUTPUT_TOKENS, OUTPUT_TOKENS_EACH = 4_000, 60
"""Most tokens of an answer, reasoning included: in all, and for each column besides."""

_WITHOUT_DECISIONS = frozenset({404, 405, 501})
_REFUSES_DECISIONS = frozenset({400, 403, 422})


class _Unusable(Exception):
    """The server answered something that is no answer to the question."""


class _Refused(Exception):
    """The model declined to answer."""


@dataclass(slots=True)
class _Tally:
    """What a call has taken so far."""

    endpoint: str = ""
    model: str = ""
    calls: int = 0
    uncertain: int = 0
    tokens: dict[str, int] = field(default_factory=dict[str, int])

    def usage(self, seconds: float) -> LlmUsage:
        return LlmUsage(
            endpoint=self.endpoint,
            model=self.model,
            calls=self.calls,
            seconds=seconds,
            known=not self.uncertain,
            **self.tokens,
        )


class OpenAIModel:
    """A `mapping.language_model.LanguageModel`. Made for one process, used from many threads; `close` it at the end.

    A call, its repetitions included, ends within `settings.llm_timeout_seconds`, whatever the server does.
    """

    def __init__(self, settings: Settings, *, circuit: Circuit | None = None) -> None:
        if settings.openai_api_key is None:
            raise SetupProblem("OPENAI_API_KEY is not set.")
        self._settings = settings
        self._circuit = circuit or Circuit()
        self._decides = settings.llm_endpoint != "responses"
        self._client = openai.AsyncOpenAI(
            api_key=settings.openai_api_key.get_secret_value(),
            # Not None, with which the library would look into the environment.
            base_url=settings.openai_base_url or "https://api.openai.com/v1",
            timeout=settings.llm_timeout_seconds,
            max_retries=0,
        )
        self._running: set[Future[Any]] = set()
        self._given_up = False
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="openai", daemon=True)
        self._thread.start()

    def ask(self, question: LlmQuestion) -> LlmReply:
        """Put a question. Never raises for what the outside world does: the reply says what went wrong."""
        if not self._circuit.lets_through():
            return LlmReply({}, LlmUsage(), "llm_circuit_open")
        begun, tally = time.monotonic(), _Tally()
        failure, pause = None, None
        answers: Mapping[str, LlmAnswer] = {}
        try:
            answers = self._run(self._answer(question, tally))
        except (TimeoutError, openai.APITimeoutError):
            failure = "llm_timeout"
        except CancelledError:
            failure = "llm_interrupted"
        except openai.APIStatusError as error:
            failure, pause = _reason(error), _retry_after(error)
            if failure in ("llm_unauthorized", "llm_no_credit"):
                pause = REFUSED_PAUSE_SECONDS
        except openai.APIConnectionError:
            failure = "llm_unreachable"
        except _Refused:
            failure = "llm_refused"
        except (_Unusable, openai.OpenAIError):
            failure = "llm_answer_unusable"
        if failure in (None, "llm_refused", "llm_interrupted"):
            self._circuit.succeeded()
        else:
            self._circuit.failed(pause=None if pause is None else min(pause, LONGEST_PAUSE_SECONDS))
        return LlmReply(answers, tally.usage(time.monotonic() - begun), failure)

    def give_up(self) -> None:
        """End all calls that are under way, and let no other begin: the process is asked to stop."""
        with self._lock:
            self._given_up = True
            running = list(self._running)
        for future in running:
            future.cancel()

    def close(self) -> None:
        self.give_up()
        asyncio.run_coroutine_threadsafe(self._client.close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Mapping[str, LlmAnswer]]) -> Mapping[str, LlmAnswer]:
        with self._lock:
            if self._given_up:
                work.close()
                raise CancelledError
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
            self._running.add(future)
        try:
            return future.result()
        finally:
            with self._lock:
                self._running.discard(future)

    async def _answer(self, question: LlmQuestion, tally: _Tally) -> Mapping[str, LlmAnswer]:
        # Around everything: a server that sends a byte now and then would never exceed a limit on reading.
        async with asyncio.timeout(self._settings.llm_timeout_seconds):
            if self._decides:
                try:
                    return await self._persistently(self._decide, question, tally)
                except openai.APIStatusError as error:
                    known = _WITHOUT_DECISIONS | _REFUSES_DECISIONS
                    if self._settings.llm_endpoint == "decisions" or error.status_code not in known:
                        raise
                    if error.status_code in _WITHOUT_DECISIONS:
                        self._decides = False
            return await self._persistently(self._respond, question, tally)

    async def _persistently(self, attempt: Any, question: LlmQuestion, tally: _Tally) -> Mapping[str, LlmAnswer]:
        """Make a call, again where that may help, as the server says and as often as the settings allow."""
        end = time.monotonic() + self._settings.llm_timeout_seconds
        for repeated in range(self._settings.llm_retries + 1):
            tally.calls += 1
            tally.uncertain += 1
            try:
                return await attempt(question, tally)
            except openai.APIStatusError as error:
                tally.uncertain -= 1
                wait = _retry_after(error)
                last = repeated == self._settings.llm_retries
                if last or not _may_pass(error) or (wait is not None and time.monotonic() + wait >= end):
                    raise
            except openai.APITimeoutError:
                raise
            except openai.APIConnectionError as error:
                wait = None
                if isinstance(error.__cause__, httpx2.ConnectError):
                    tally.uncertain -= 1
                if repeated == self._settings.llm_retries:
                    raise
            await asyncio.sleep(FIRST_PAUSE_SECONDS * 2**repeated if wait is None else wait)
        raise AssertionError

    async def _decide(self, question: LlmQuestion, tally: _Tally) -> Mapping[str, LlmAnswer]:
        tally.endpoint, tally.model = "decisions", self._settings.llm_decisions_model
        questions: list[Any] = [
            {
                "type": "choice",
                "name": column.key,
                "instructions": f"Which lead field does the column with the question {column.key} hold?",
                "choices": [_choice(each) for each in column.choices],
            }
            for column in question.columns
        ]
        try:
            decision = await self._client.decisions.create(
                model=tally.model,
                input=[
                    {"role": "developer", "content": question.instructions},
                    {"role": "user", "content": question.file},
                ],
                questions=questions,
            )
        except (ValueError, TypeError, AttributeError) as error:
            raise _Unusable from error  # no JSON, or not of the form that the library expects
        if not isinstance(decision, Decision):
            raise _Unusable
        _count(tally, decision.model, decision.usage)
        return _read_decision(question, decision)

    async def _respond(self, question: LlmQuestion, tally: _Tally) -> Mapping[str, LlmAnswer]:
        tally.endpoint, tally.model = "responses", self._settings.llm_responses_model
        keys = tuple(column.key for column in question.columns)
        choices = tuple(dict.fromkeys(choice for column in question.columns for choice in column.choices))
        try:
            response = await self._client.responses.parse(
                model=tally.model,
                instructions=f"{question.instructions}\n\nAnswer every question by its name. `confidence` is how sure you "
                "are, in percent.",
                input=question.file,
                text_format=_form(keys, choices),
                max_output_tokens=OUTPUT_TOKENS + OUTPUT_TOKENS_EACH * len(keys),
                store=False,
            )
            _count(tally, response.model, response.usage)
            parsed = response.output_parsed
            refused = parsed is None and any(
                part.type == "refusal" for each in response.output if each.type == "message" for part in each.content
            )
        except (ValueError, TypeError, AttributeError) as error:
            raise _Unusable from error
        if refused:
            raise _Refused
        if not isinstance(parsed, BaseModel):
            raise _Unusable
        said = {column.key: getattr(parsed, column.key) for column in question.columns}
        return _usable(question, {key: (each.field, each.confidence / 100) for key, each in said.items()})


def dearest(settings: Settings, question: LlmQuestion, on: date) -> Decimal | None:
    """The most that one answer to a question may cost, in US dollars; None when a price is not known."""
    # No language takes more than a token for two bytes.
    size = len(question.instructions) + len(question.file.encode()) + 200 * len(question.columns)
    size += sum(len(choice) + 4 for column in question.columns for choice in column.choices)
    costs: list[Decimal] = []
    for endpoint, model in (
        ("decisions", settings.llm_decisions_model),
        ("responses", settings.llm_responses_model),
    ):
        if settings.llm_endpoint in ("auto", endpoint):
            output = OUTPUT_TOKENS + OUTPUT_TOKENS_EACH * len(question.columns) if endpoint == "responses" else 0
            usage = LlmUsage(endpoint, model, calls=1, input_tokens=size // 2, output_tokens=output)
            one = cost(usage, price_of(endpoint, model, on, own=settings.llm_prices))
            if one is None:
                return None
            costs.append(one)
    return max(costs)


def _choice(value: str) -> dict[str, str]:
    return {"value": value, "description": "No lead field fits."} if value == NO_FIELD else {"value": value}


def _read_decision(question: LlmQuestion, decision: Decision) -> Mapping[str, LlmAnswer]:
    answers: Sequence[Any] = decision.answers if isinstance(decision.answers, list) else []
    # Answers come in the order of the questions: if one is missing, none of them can be trusted.
    if len(answers) != len(question.columns):
        raise _Unusable
    said: dict[str, tuple[Any, Any]] = {}
    for column, answer in zip(question.columns, answers, strict=True):
        if getattr(answer, "name", None) not in (None, column.key):
            raise _Unusable
        if getattr(answer, "type", None) == "choice":
            choice = getattr(answer, "choice", None)
            by_choice = {each.value: each.probability for each in getattr(answer, "probabilities", None) or ()}
            said[column.key] = (choice, by_choice.get(choice, getattr(answer, "confidence", None)))
    if answers and all(getattr(answer, "type", None) == "refusal" for answer in answers):
        raise _Refused
    return _usable(question, said)


def _usable(question: LlmQuestion, said: Mapping[str, tuple[Any, Any]]) -> dict[str, LlmAnswer]:
    """The answers that name one of the column's choices; others are as good as none."""
    usable: dict[str, LlmAnswer] = {}
    for column in question.columns:
        choice, belief = said.get(column.key, (None, None))
        if isinstance(belief, int | float) and 0 <= belief <= 1 and choice in column.choices:
            usable[column.key] = LlmAnswer(choice, float(belief))
    return usable


@lru_cache(maxsize=16)
def _form(keys: tuple[str, ...], choices: tuple[str, ...]) -> type[BaseModel]:
    """What a strict answer to questions called `keys` looks like."""
    form: Any = create_model  # its own types know no fields that are made at run time
    strict = ConfigDict(extra="forbid")
    confidence = Annotated[int, Field(ge=0, le=100)]
    answer = form("Answer", __config__=strict, field=(Literal[choices], ...), confidence=(confidence, ...))
    return form("Answers", __config__=strict, **dict.fromkeys(keys, (answer, ...)))


def _count(tally: _Tally, model: Any, usage: Any) -> None:
    """Keep what a call says that it took. A server that does not say leaves it unknown."""
    tally.model = model if isinstance(model, str) and model else tally.model
    taken, given = getattr(usage, "input_tokens", None), getattr(usage, "output_tokens", None)
    if not isinstance(taken, int) or not isinstance(given, int):
        return
    details = getattr(usage, "input_tokens_details", None)
    tally.tokens = {
        "input_tokens": taken,
        "cached_tokens": getattr(details, "cached_tokens", None) or 0,
        "written_tokens": getattr(details, "cache_write_tokens", None) or 0,
        "output_tokens": given,
    }
    tally.uncertain -= 1


def _reason(error: openai.APIStatusError) -> str:
    if error.status_code in (401, 403):
        return "llm_unauthorized"
    if error.status_code == 429:
        return "llm_no_credit" if error.code == "insufficient_quota" else "llm_rate_limited"
    return "llm_server_error" if error.status_code >= 500 else "llm_rejected"


def _may_pass(error: openai.APIStatusError) -> bool:
    """Whether the same call may succeed a little later."""
    said = error.response.headers.get("x-should-retry")
    if said in ("true", "false"):
        return said == "true"
    return error.code != "insufficient_quota" and (error.status_code in (408, 409, 429) or error.status_code >= 500)


def _retry_after(error: openai.APIStatusError) -> float | None:
    """The seconds that the server asks to wait, None where it does not say."""
    headers = error.response.headers
    with suppress(ValueError, TypeError):
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
    given = headers.get("retry-after", "")
    with suppress(ValueError, TypeError):
        return max(0.0, float(given))
    with suppress(ValueError, TypeError):
        return max(0.0, (parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds())
    return None
