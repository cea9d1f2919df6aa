"""Calls of a language model for an organization: within its budget, and accounted for."""

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from leads_pipeline.settings import Settings
from leads_pipeline.store import llm
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline.store.llm import Call
from leads_pipeline.types import LlmQuestion, LlmReply, LlmUsage

if TYPE_CHECKING:
    from leads_pipeline.providers.circuit import Circuit
    from leads_pipeline.providers.openai import OpenAIModel

RECENT = timedelta(minutes=1)
"""How long the failures of an earlier process count."""

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


class LlmCalls:
    """The language model of this process, for many threads. Its library is imported at the first call; `close` it."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._settings = database, settings
        self._making = threading.Lock()
        self._model: OpenAIModel | None = None
        self._given_up = False

    def ask(self, organization: UUID, question: LlmQuestion, *, budget: float | None) -> tuple[Call, LlmReply]:
        """Put a question if the organization can afford it, and say what that came to.

        `budget` is in US dollars for a calendar month, None for no limit.
        """
        from leads_pipeline.providers.openai import dearest
        from leads_pipeline.providers.openai_prices import cost, price_of

        today = datetime.now(UTC).date()
        month, limit = today.replace(day=1), None if budget is None else Decimal(str(budget))
        most = dearest(self._settings, question, today)
        if most is None and limit is not None:
            return _not_made("llm_price_unknown")
        amount = most or Decimal(0)
        with self._database.transaction(organization) as transaction:
            if not llm.set_aside(transaction, month, amount, budget=limit):
                return _not_made("llm_budget_exhausted")
        reply = self._made().ask(question)
        usage = reply.usage
        spent = cost(usage, price_of(usage.endpoint, usage.model, today, own=self._settings.llm_prices))
        with self._database.transaction(organization) as transaction:
            llm.settle(transaction, month, amount, usage, spent)
        return Call(usage, spent, question.definitions, reply.failure), reply

    def give_up(self) -> None:
        """End the calls that are under way, and let no other begin."""
        with self._making:
            self._given_up = True
        if self._model is not None:
            self._model.give_up()

    def close(self) -> None:
        self.give_up()
        if self._model is not None:
            self._model.close()

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


def _not_made(failure: str) -> tuple[Call, LlmReply]:
    return Call(failure=failure), LlmReply({}, LlmUsage(), failure)
