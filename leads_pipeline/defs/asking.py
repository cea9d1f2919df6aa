"""Asks a language model about the columns of a file that stayed open: for how much, and what becomes of its answers.

Whatever goes wrong, the file keeps the mappings that it has, with a warning. Knows nothing of Dagster.
"""

import threading
from collections.abc import Mapping as ReadOnly
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import structlog

from leads_pipeline.defs.processing import Processed, Work, store
from leads_pipeline.logs import where
from leads_pipeline.mapping.definitions import Definitions
from leads_pipeline.mapping.language_model import Asked, Confirmed, put_question
from leads_pipeline.mapping.suggestions import TrackRecord, suggest
from leads_pipeline.settings import Settings
from leads_pipeline.store import llm
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline.store.llm import Answered, Call
from leads_pipeline.types import NO_FIELD, LlmAnswer, LlmQuestion, LlmReply, LlmUsage, Notice

if TYPE_CHECKING:
    from leads_pipeline.providers.circuit import Circuit
    from leads_pipeline.providers.openai import OpenAIModel

log = structlog.get_logger()

RECENT = timedelta(minutes=1)
"""How long the failures of an earlier drain count."""

FAILURES = {
    "llm_timeout": "did not answer in time",
    "llm_interrupted": "was not waited for, since the system was asked to stop",
    "llm_unauthorized": "did not accept the key; see OPENAI_API_KEY",
    "llm_no_credit": "has no credit left for this key",
    "llm_rate_limited": "had too many requests",
    "llm_server_error": "answered with an error of its server",
    "llm_rejected": "rejected the request",
    "llm_unreachable": "could not be reached",
    "llm_refused": "declined to answer",
    "llm_answer_unusable": "answered something that cannot be used",
    "llm_circuit_open": "has failed repeatedly and is left alone for a while",
    "llm_budget_exhausted": "was not asked: the organization's budget of this month is spent",
    "llm_price_unknown": "was not asked: there is a budget, and the model's price is not known; see LEADS_LLM_PRICES",
    "llm_failed": "could not be asked, by a fault of this system",
}


@dataclass(frozen=True, slots=True)
class _Purse:
    """What was set aside for a call: US dollars, of a month's budget."""

    month: date
    amount: Decimal


class Asker:
    """The language model of one drain: asks about several files at a time, in threads that do nothing but wait for it.

    Its library is imported when the first file needs it.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._settings = database, settings
        self._threads = ThreadPoolExecutor(settings.llm_calls, thread_name_prefix="asker")
        self._making = threading.Lock()
        self._model: OpenAIModel | None = None
        self._given_up = False

    def submit(self, work: Work) -> Future[Processed | Work | None]:
        """Ask about a file and store its outcome, when it is its turn."""
        return self._threads.submit(self._finish, work)

    def give_up(self) -> None:
        """End the calls that are under way: their files keep the mappings that they have."""
        with self._making:
            self._given_up = True
        if self._model is not None:
            self._model.give_up()

    def close(self) -> None:
        self.give_up()
        self._threads.shutdown(cancel_futures=True)
        if self._model is not None:
            self._model.close()

    def _finish(self, work: Work) -> Processed | Work | None:
        """Ask about what is open in a file, and store the outcome; None when another worker has taken the job over."""
        definitions = Definitions(work.schema)
        parts = list(zip(work.workbook.sheets, work.proposals, work.open, strict=True))
        with self._database.transaction(work.job.organization_id) as transaction:
            confirmed = [Confirmed(*each) for each in llm.undisputed(transaction)]
        question, asked = put_question(parts, work.schema, definitions, confirmed)
        call, reply = self._ask(work, question)
        answers = _by_sheet(reply, asked)
        record = self._record(work, call.usage) if answers else TrackRecord()
        proposals = [
            suggest(
                sheet,
                mappings,
                answers.get(at, {}),
                work.schema,
                asked=[each.column for each in asked.values() if each.sheet == at],
                record=record,
                gated_at=work.settings.auto_apply_threshold,
            )
            for at, (sheet, mappings, _) in enumerate(parts)
        ]
        told = [
            Answered(
                work.workbook.sheets[at].index,
                work.workbook.sheets[at].columns[column].index,
                None if answer.choice == NO_FIELD else answer.choice,
                answer.belief,
            )
            for at, of_sheet in answers.items()
            for column, answer in of_sheet.items()
        ]
        notices = [] if call.failure is None else [_notice(call.failure, len(asked))]
        timings = {**work.timings, "llm": call.usage.seconds}
        done = replace(work, proposals=proposals, timings=timings, notices=notices)
        return store(self._database, done, call=call, answers=told)

    def _ask(self, work: Work, question: LlmQuestion) -> tuple[Call, LlmReply]:
        """Put the question if the organization can afford it, and say what that came to."""
        from leads_pipeline.providers.openai import dearest
        from leads_pipeline.providers.openai_prices import cost, price_of

        today = datetime.now(UTC).date()
        budget = work.settings.llm_monthly_budget_usd
        limit = None if budget is None else Decimal(str(budget))
        most = dearest(self._settings, question, today)
        if most is None and limit is not None:
            return _not_made("llm_price_unknown")
        purse = _Purse(today.replace(day=1), most or Decimal(0))
        with self._database.transaction(work.job.organization_id) as transaction:
            if not llm.set_aside(transaction, purse.month, purse.amount, budget=limit):
                return _not_made("llm_budget_exhausted")
        try:
            reply = self._made().ask(question)
        except Exception as error:  # noqa: BLE001 - an upload never fails because of a language model
            log.error(  # noqa: TRY400 - an error's text may quote what the file says
                "the language model could not be asked", job=str(work.job.id), error=where(error)
            )
            reply = LlmReply({}, LlmUsage(), "llm_failed")
        usage = reply.usage
        spent = cost(usage, price_of(usage.endpoint, usage.model, today, own=self._settings.llm_prices))
        with self._database.transaction(work.job.organization_id) as transaction:
            llm.settle(transaction, purse.month, purse.amount, usage, spent)
        if reply.failure is not None:
            log.warning("no answer of the language model", job=str(work.job.id), failure=reply.failure)
        return Call(usage, spent, question.definitions, reply.failure), reply

    def _made(self) -> "OpenAIModel":
        from leads_pipeline.providers.openai import OpenAIModel

        with self._making:
            if self._model is None:
                self._model = OpenAIModel(self._settings, circuit=self._circuit())
                if self._given_up:
                    self._model.give_up()
            return self._model

    def _circuit(self) -> "Circuit":
        """A drain may live for seconds: it begins with what the one before has found out."""
        from leads_pipeline.providers.circuit import Circuit

        circuit = Circuit()
        with self._database.transaction(SYSTEM) as transaction:
            outcomes = llm.recent_failures(transaction, RECENT)
        for failed in outcomes:
            (circuit.failed if failed else circuit.succeeded)()
        return circuit

    def _record(self, work: Work, usage: LlmUsage) -> TrackRecord:
        with self._database.transaction(SYSTEM) as transaction:
            reviewed = llm.track_record(
                transaction, work.job.organization_id, endpoint=usage.endpoint, model=usage.model
            )
        return TrackRecord(tuple(belief for belief, _ in reviewed), tuple(right for _, right in reviewed))


def _not_made(failure: str) -> tuple[Call, LlmReply]:
    return Call(failure=failure), LlmReply({}, LlmUsage(), failure)


def _by_sheet(reply: LlmReply, asked: ReadOnly[str, Asked]) -> dict[int, dict[int, LlmAnswer]]:
    """The answers by position of the sheet and of the column."""
    found: dict[int, dict[int, LlmAnswer]] = {}
    for key, answer in reply.answers.items():
        found.setdefault(asked[key].sheet, {})[asked[key].column] = answer
    return found


def _notice(failure: str, columns: int) -> Notice:
    left = "1 open column keeps" if columns == 1 else f"{columns} open columns keep"
    return Notice(failure, f"The language model {FAILURES[failure]}; {left} what was proposed without it.")
