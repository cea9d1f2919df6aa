"""Asks a language model about the columns of a file that stayed open, and stores what becomes of its answers.

Whatever goes wrong, the file keeps the mappings that it has, with a warning. Knows nothing of Dagster.
"""

from collections.abc import Mapping as ReadOnly
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import structlog

from leads_pipeline.defs.llm_calls import FAILURES, LlmCalls
from leads_pipeline.defs.processing import Processed, Work, store
from leads_pipeline.logs import where
from leads_pipeline.mapping.definitions import Definitions
from leads_pipeline.mapping.language_model import Asked, Confirmed, put_question
from leads_pipeline.mapping.suggestions import TrackRecord, suggest
from leads_pipeline.settings import Settings
from leads_pipeline.store import llm
from leads_pipeline.store.database import AWAY, SYSTEM, Database
from leads_pipeline.store.llm import Answered, Call
from leads_pipeline.types import NO_FIELD, LlmAnswer, LlmReply, LlmUsage, Notice

log = structlog.get_logger()


class Asker:
    """The language model of one drain: asks about several files at a time, in threads that do nothing but wait for it."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._threads = ThreadPoolExecutor(settings.llm_calls, thread_name_prefix="asker")
        self._calls = LlmCalls(database, settings)

    def submit(self, work: Work) -> Future[Processed | Work | None]:
        """Ask about a file and store its outcome, when it is its turn."""
        return self._threads.submit(self._finish, work)

    def give_up(self) -> None:
        """End the calls that are under way: their files keep the mappings that they have."""
        self._calls.give_up()

    def close(self) -> None:
        self.give_up()
        self._threads.shutdown(cancel_futures=True)
        self._calls.close()

    def _finish(self, work: Work) -> Processed | Work | None:
        """Ask about what is open in a file, and store the outcome; None when another worker has taken the job over."""
        try:
            done, call, answers = self._asked(work)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - an upload never fails because of a language model
            # Not with its text, which may quote what the file says.
            log.error("the language model could not be asked", job=str(work.job.id), error=where(error))  # noqa: TRY400
            columns = sum(len(each) for each in work.open)
            done, call, answers = (
                replace(work, notices=[_notice("llm_failed", columns)]),
                Call(failure="llm_failed"),
                [],
            )
        return store(self._database, done, call=call, answers=answers)

    def _asked(self, work: Work) -> tuple[Work, Call, list[Answered]]:
        """A file with the answers about what is open in it, the call, and the answers as they were given."""
        organization = work.job.organization_id
        parts = list(zip(work.workbook.sheets, work.proposals, work.open, strict=True))
        with self._database.transaction(organization) as transaction:
            confirmed = [Confirmed(*each) for each in llm.undisputed(transaction)]
            definitions = Definitions(work.schema, llm.amendments(transaction))
        question, asked = put_question(parts, work.schema, definitions, confirmed)
        call, reply = self._calls.ask(organization, question, budget=work.settings.llm_monthly_budget_usd)
        if call.failure is not None:
            log.warning("no answer of the language model", job=str(work.job.id), failure=call.failure)
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
        return replace(work, proposals=proposals, timings=timings, notices=notices), call, told

    def _record(self, work: Work, usage: LlmUsage) -> TrackRecord:
        with self._database.transaction(SYSTEM) as transaction:
            reviewed = llm.track_record(
                transaction, work.job.organization_id, endpoint=usage.endpoint, model=usage.model
            )
        return TrackRecord(tuple(belief for belief, _ in reviewed), tuple(right for _, right in reviewed))


def _by_sheet(reply: LlmReply, asked: ReadOnly[str, Asked]) -> dict[int, dict[int, LlmAnswer]]:
    """The answers by position of the sheet and of the column."""
    found: dict[int, dict[int, LlmAnswer]] = {}
    for key, answer in reply.answers.items():
        found.setdefault(asked[key].sheet, {})[asked[key].column] = answer
    return found


def _notice(failure: str, columns: int) -> Notice:
    left = "1 open column keeps" if columns == 1 else f"{columns} open columns keep"
    return Notice(failure, f"The language model {FAILURES[failure]}; {left} what was proposed without it.")
