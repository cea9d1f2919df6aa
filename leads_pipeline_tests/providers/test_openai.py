"""The OpenAI client, against a server that speaks its protocol: every fault is an answer, none an exception."""

import json
import threading
import time
from collections.abc import Generator
from contextlib import closing
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from leads_pipeline.providers.circuit import Circuit
from leads_pipeline.providers.openai import OpenAIModel, dearest
from leads_pipeline.providers.openai_prices import cost, price_of
from leads_pipeline.settings import Settings
from leads_pipeline.types import NO_FIELD, LlmAnswer, LlmQuestion, LlmUsage, OpenColumn
from leads_pipeline_tests.llm_server import Body, Changed, Cut, Hang, LlmServer, Status, Trickle, llm_server

CHOICES = ("Email", "Company", NO_FIELD)
QUESTION = LlmQuestion(
    instructions="Say what the columns hold.",
    file=json.dumps(
        {"sheets": [{"columns": [{"header": "Mail", "question": "c1"}, {"header": "Firm", "question": "c2"}]}]}
    ),
    columns=(OpenColumn("c1", CHOICES), OpenColumn("c2", CHOICES)),
    definitions="0123456789ab",
)


@pytest.fixture
def server() -> Generator[LlmServer]:
    with llm_server() as server:
        server.answers = lambda header, _choices: ("Email", 0.9) if header == "Mail" else ("Company", 0.8)
        yield server


def settings(server: LlmServer, **more: object) -> Settings:
    given = {
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": server.url,
        "LEADS_LLM_TIMEOUT_SECONDS": 5,
        "LEADS_LLM_RETRIES": 1,
        **more,
    }
    return Settings(**given)  # pyright: ignore[reportArgumentType]


@pytest.fixture
def model(server: LlmServer) -> Generator[OpenAIModel]:
    with closing(OpenAIModel(settings(server))) as model:
        yield model


def both(answers: object) -> bool:
    return answers == {"c1": LlmAnswer("Email", 0.9), "c2": LlmAnswer("Company", 0.8)}


def test_a_question_is_one_call_of_decisions(server: LlmServer, model: OpenAIModel) -> None:
    reply = model.ask(QUESTION)
    assert both(reply.answers)
    assert reply.failure is None
    assert (reply.usage.endpoint, reply.usage.model, reply.usage.calls) == ("decisions", "gpt-6-luna", 1)
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.known) == (1000, 10, True)
    ((path, body),) = server.requests
    assert path == "/v1/decisions"
    assert [question["name"] for question in body["questions"]] == ["c1", "c2"]
    assert [choice["value"] for choice in body["questions"][0]["choices"]] == list(CHOICES)


def test_a_server_without_decisions_is_asked_for_a_strict_response_and_remembered(
    server: LlmServer, model: OpenAIModel
) -> None:
    server.paths = {"/v1/responses"}
    for _ in range(2):
        reply = model.ask(QUESTION)
        assert both(reply.answers)
        assert reply.usage.endpoint == "responses"
    assert [path for path, _ in server.requests] == ["/v1/decisions", "/v1/responses", "/v1/responses"]
    body = server.requests[-1][1]
    assert body["text"]["format"]["strict"] is True
    assert body["store"] is False
    assert body["max_output_tokens"] > 0


def test_each_endpoint_has_its_own_model(server: LlmServer) -> None:
    ours = settings(server, LEADS_LLM_DECISIONS_MODEL="decider", LEADS_LLM_RESPONSES_MODEL="writer")
    server.script.append(Status(404))
    with closing(OpenAIModel(ours)) as model:
        assert model.ask(QUESTION).usage.model == "writer"
    assert [body["model"] for _, body in server.requests] == ["decider", "writer"]


def test_a_server_that_asks_to_wait_is_asked_again_then(server: LlmServer, model: OpenAIModel) -> None:
    server.script.append(Status(429, {"Retry-After": "1"}))
    begun = time.monotonic()
    reply = model.ask(QUESTION)
    assert both(reply.answers)
    assert reply.usage.calls == 2
    assert time.monotonic() - begun >= 1.0


def test_a_server_that_asks_to_wait_too_long_is_left_alone_for_that_time(server: LlmServer, model: OpenAIModel) -> None:
    server.script.append(Status(429, {"Retry-After": "60"}))
    begun = time.monotonic()
    assert model.ask(QUESTION).failure == "llm_rate_limited"
    assert model.ask(QUESTION).failure == "llm_circuit_open"
    assert time.monotonic() - begun < 2
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "fault",
    [Status(429), Status(500), Status(503, {"retry-after-ms": "50"}), Cut()],
    ids=["429", "500", "503 for 50 ms", "cut"],
)
def test_a_fault_that_may_pass_is_tried_again(server: LlmServer, model: OpenAIModel, fault: Any) -> None:
    server.script.append(fault)
    reply = model.ask(QUESTION)
    assert both(reply.answers)
    assert reply.usage.calls == 2
    # What a call cost that broke off in the middle of its answer, nobody said.
    assert reply.usage.known is not isinstance(fault, Cut)


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        (Status(429), "llm_rate_limited"),
        (Status(500), "llm_server_error"),
        (Cut(), "llm_unreachable"),
    ],
    ids=["429", "500", "cut"],
)
def test_repetitions_are_bounded(server: LlmServer, model: OpenAIModel, fault: Any, failure: str) -> None:
    server.script.extend([fault] * 5)
    reply = model.ask(QUESTION)
    assert (reply.failure, dict(reply.answers), reply.usage.calls) == (failure, {}, 2)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        (Status(401), "llm_unauthorized"),
        (Status(429, body='{"error": {"message": "no", "code": "insufficient_quota"}}'), "llm_no_credit"),
    ],
    ids=["401", "no credit"],
)
def test_a_key_that_is_not_accepted_is_tried_once_and_then_left(
    server: LlmServer, model: OpenAIModel, fault: Status, failure: str
) -> None:
    server.script.append(fault)
    reply = model.ask(QUESTION)
    assert (reply.failure, reply.usage.calls) == (failure, 1)
    assert model.ask(QUESTION).failure == "llm_circuit_open"
    assert len(server.requests) == 1


@pytest.mark.parametrize("fault", [Hang(), Trickle()], ids=["silent", "a byte now and then"])
def test_a_server_that_does_not_come_to_an_end_is_not_waited_for(server: LlmServer, fault: Any) -> None:
    server.script.append(fault)
    with closing(OpenAIModel(settings(server, LEADS_LLM_TIMEOUT_SECONDS=0.4))) as model:
        begun = time.monotonic()
        reply = model.ask(QUESTION)
        assert time.monotonic() - begun < 2
    assert (reply.failure, reply.usage.calls, reply.usage.known) == ("llm_timeout", 1, False)


UNUSABLE = {
    "no JSON": Body("certainly! {"),
    "another JSON": Body("[1, 2]"),
    "null": Body("null"),
    "no answers": Changed(lambda answer: {"model": answer["model"]}),
    "one answer too few": Changed(lambda answer: answer["answers"].pop() and None),
    "one answer too many": Changed(lambda answer: answer["answers"].append(answer["answers"][0])),
    "answers in another order": Changed(lambda answer: answer["answers"].reverse()),
}


@pytest.mark.parametrize("fault", UNUSABLE.values(), ids=UNUSABLE)
def test_an_answer_to_something_else_is_no_answer(server: LlmServer, model: OpenAIModel, fault: Any) -> None:
    server.script.append(fault)
    reply = model.ask(QUESTION)
    assert (reply.failure, dict(reply.answers), reply.usage.calls) == ("llm_answer_unusable", {}, 1)


def _text(text: str) -> Changed:
    def change(answer: dict[str, Any]) -> None:
        answer["output"][0]["content"][0]["text"] = text

    return Changed(change)


@pytest.mark.parametrize(
    "fault",
    [
        _text("certainly!"),
        _text('{"c1": {"field": "Email", "confidence": 90}}'),
        _text('{"c1": {"field": "Email", "confidence": 90}, "c2": {"field": "Password", "confidence": 90}}'),
        _text('{"c1": {"field": "Email", "confidence": 90}, "c2": {"field": "Company", "confidence": 900}}'),
        Body('{"output": 5}'),
        Changed(lambda answer: answer.update(output=[])),
    ],
    ids=["no JSON", "an answer too few", "unknown choice", "surer than sure", "another JSON", "nothing"],
)
def test_a_response_of_another_form_is_no_answer(server: LlmServer, fault: Any) -> None:
    server.script.append(fault)
    with closing(OpenAIModel(settings(server, LEADS_LLM_ENDPOINT="responses"))) as model:
        reply = model.ask(QUESTION)
    assert (reply.failure, dict(reply.answers)) == ("llm_answer_unusable", {})


def test_a_choice_that_was_not_offered_is_left_out(server: LlmServer, model: OpenAIModel) -> None:
    server.answers = lambda header, _choices: ("Email", 0.9) if header == "Mail" else ("DROP TABLE", 0.99)
    reply = model.ask(QUESTION)
    assert (reply.failure, dict(reply.answers)) == (None, {"c1": LlmAnswer("Email", 0.9)})


def test_a_question_that_the_model_declines_leaves_the_others(server: LlmServer, model: OpenAIModel) -> None:
    def decline(answer: dict[str, Any]) -> None:
        answer["answers"][0] = {"type": "refusal", "name": "c1"}

    server.script.append(Changed(decline))
    assert dict(model.ask(QUESTION).answers) == {"c2": LlmAnswer("Company", 0.8)}


def test_a_server_that_keeps_failing_is_left_alone_and_tried_again_later(server: LlmServer) -> None:
    now = [0.0]
    circuit = Circuit(failures=2, pause=60, clock=lambda: now[0])
    server.script.extend([Status(500)] * 3)
    with closing(OpenAIModel(settings(server, LEADS_LLM_RETRIES=0), circuit=circuit)) as model:
        said = [model.ask(QUESTION).failure for _ in range(3)]
        assert said == ["llm_server_error", "llm_server_error", "llm_circuit_open"]
        now[0] = 61
        assert [model.ask(QUESTION).failure for _ in range(2)] == ["llm_server_error", "llm_circuit_open"]
        now[0] = 130
        assert [model.ask(QUESTION).failure for _ in range(2)] == [None, None]


def test_nobody_listening_costs_nothing() -> None:
    with llm_server() as gone:
        url = gone.url
    ours = Settings(OPENAI_API_KEY="k", OPENAI_BASE_URL=url, LEADS_LLM_RETRIES=0)  # pyright: ignore[reportCallIssue]
    with closing(OpenAIModel(ours)) as model:
        reply = model.ask(QUESTION)
    assert (reply.failure, reply.usage.known) == ("llm_unreachable", True)


def test_a_call_ends_when_it_is_given_up(server: LlmServer, model: OpenAIModel) -> None:
    server.script.append(Hang())
    timer = threading.Timer(0.2, model.give_up)
    timer.start()
    assert model.ask(QUESTION).failure == "llm_interrupted"
    timer.join()
    assert model.ask(QUESTION).failure == "llm_interrupted"
    assert len(server.requests) == 1


# --- Prices --------------------------------------------------------------------------------------------------------

A_MILLION = LlmUsage("responses", "gpt-6-luna", calls=1, input_tokens=1_000_000, output_tokens=1_000_000)
TODAY = date(2026, 11, 26)


def test_cached_tokens_and_batches_have_their_own_prices() -> None:
    price = price_of("responses", "gpt-6-luna", TODAY)
    assert cost(A_MILLION, price) == Decimal("0.60")
    assert cost(A_MILLION, price, batch=True) == Decimal("0.30")
    half_cached = LlmUsage("responses", "gpt-6-luna", 1, input_tokens=1_000_000, cached_tokens=500_000)
    assert cost(half_cached, price) == Decimal("0.055")


def test_a_price_holds_from_its_day_on_and_for_dated_snapshots() -> None:
    assert price_of("responses", "gpt-6-luna", date(2026, 9, 1)) is None
    assert price_of("responses", "gpt-6-luna-2026-09-22", TODAY) == price_of("responses", "gpt-6-luna", TODAY)


def test_an_unknown_price_is_unknown_and_not_zero() -> None:
    assert price_of("responses", "somebody-elses-model", TODAY) is None
    assert cost(A_MILLION, None) is None
    assert cost(LlmUsage(calls=1, known=False), price_of("responses", "gpt-6-luna", TODAY)) is None
    assert cost(LlmUsage(), None) == 0


def test_an_operators_own_prices_come_first(server: LlmServer) -> None:
    ours = settings(server, LEADS_LLM_PRICES={"gpt-6-luna": ["1", "0.5", "2"]})
    assert ours.llm_prices is not None
    assert cost(A_MILLION, price_of("responses", "gpt-6-luna", TODAY, own=ours.llm_prices)) == Decimal(3)


def test_the_dearest_answer_is_known_beforehand_where_all_prices_are(server: LlmServer) -> None:
    most = dearest(settings(server), QUESTION, TODAY)
    assert most is not None
    assert 0 < most < Decimal("0.01")
    assert dearest(settings(server, LEADS_LLM_RESPONSES_MODEL="own"), QUESTION, TODAY) is None
