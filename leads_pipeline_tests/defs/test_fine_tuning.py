"""Fine-tuning at a service, from a dataset to a verdict: the real client, against a service of our own on loopback."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import dagster as dg
import httpx
import pytest

from leads_pipeline.definitions import build_definitions
from leads_pipeline.defs.fine_tuning import ask, fine_tuning_jobs, follow, models_in_use, work
from leads_pipeline.defs.resources import Leads
from leads_pipeline.errors import DatasetRefused, FineTuningRefused, ServiceUnavailable, SetupProblem
from leads_pipeline.settings import Settings
from leads_pipeline.store import audit, datasets, fine_tuning
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline.store.fine_tuning import FineTuningJob
from leads_pipeline.training import dataset_files
from leads_pipeline_tests.defs.test_datasets import Files
from leads_pipeline_tests.fine_tuning_server import TuningServer, tuning_server

TODAY = date(2026, 11, 26)
WORDS = ("ab", "cd", "ef", "gh", "ij", "kl", "mn", "op", "qr", "st")


@pytest.fixture
def service() -> Generator[TuningServer]:
    with tuning_server() as server:
        yield server


@pytest.fixture
def settings(home: Path, service: TuningServer) -> Settings:
    return Settings(LEADS_HOME=home, OPENAI_API_KEY="key", OPENAI_BASE_URL=service.url, LEADS_FINE_TUNING_MODEL="base")  # pyright: ignore[reportCallIssue]


@pytest.fixture
def leads(settings: Settings, service: TuningServer, monkeypatch: pytest.MonkeyPatch) -> Generator[Leads]:
    for name, value in {
        "LEADS_HOME": str(settings.home),
        "OPENAI_API_KEY": "key",
        "OPENAI_BASE_URL": service.url,
        "LEADS_FINE_TUNING_MODEL": "base",
    }.items():
        monkeypatch.setenv(name, value)
    with dg.build_resources({"leads": Leads()}) as resources:
        yield resources.leads


@pytest.fixture
def files(database: Database, organization: UUID, home: Path) -> Files:
    """Reviewed files of many layouts: columns that the mapping knows, and ones that it was corrected on."""
    with database.transaction(SYSTEM) as transaction:
        transaction.run("DELETE FROM fine_tuning_jobs")
    plain = Settings(LEADS_HOME=home)  # pyright: ignore[reportCallIssue]
    files = Files(database, plain, organization)
    for word in WORDS:
        files.reviewed(
            f"E-Mail,Frobnik {word},Quux {word}\nada@example.com,7{len(word)},x\n",
            {f"Frobnik {word}": "Company", f"Quux {word}": "Title"},
        )
    return files


def build(files: Files) -> None:
    """A dataset. Which layouts fall into which part is chance; here three are for testing, and one for validation."""
    built = files.build().dataset.id
    with files.database.transaction(SYSTEM) as transaction:
        transaction.run(
            """WITH layouts AS (
                   SELECT e.id, dense_rank() OVER (ORDER BY e.template) AS layout FROM training_examples e
                   JOIN dataset_examples d ON d.example_id = e.id WHERE d.dataset_id = :id)
               UPDATE dataset_examples d SET split =
                   CASE WHEN l.layout <= 3 THEN 'test' WHEN l.layout = 4 THEN 'validation' ELSE 'train' END
               FROM layouts l WHERE l.id = d.example_id AND d.dataset_id = :id""",
            id=built,
        )
        transaction.run(
            """UPDATE training_datasets SET counts = jsonb_set(counts, '{splits}', (
                   SELECT jsonb_object_agg(split, n) FROM (SELECT split, count(*) AS n FROM dataset_examples
                       WHERE dataset_id = :id AND weight > 0 GROUP BY 1) s)) WHERE id = :id""",
            id=built,
        )


def start(files: Files, settings: Settings) -> UUID:
    build(files)
    return ask(files.database, settings, owner=files.organization, version=None, today=TODAY)


def now(files: Files, job: UUID) -> FineTuningJob:
    with files.database.transaction(SYSTEM) as transaction:
        return fine_tuning.get(transaction, job)


def test_a_dataset_becomes_a_candidate_that_was_tried_on_columns_it_had_not_seen(
    files: Files, settings: Settings, service: TuningServer
) -> None:
    service.answers = {f"Frobnik {word}": "Company" for word in WORDS}
    service.answers |= {header.replace("Frobnik", "Quux"): "Title" for header in service.answers}
    service.answers["E-Mail"] = "Email"
    job = start(files, settings)
    assert now(files, job).state == "waiting"
    assert work(files.database, settings, today=TODAY) == 1
    begun = now(files, job)
    assert (begun.state, begun.service_job) == ("training", "ftjob-0")
    lines = service.lines(service.jobs["ftjob-0"]["training_file"])
    assert len(lines) >= 10
    assert not any(dataset_files.problems_of(line) for line in lines)
    assert not any("ada@example" in str(line) for line in lines)

    assert follow(files.database, settings) == 0
    assert (now(files, job).service_status, now(files, job).events[-1]) == ("running", "Training started")
    assert follow(files.database, settings) == 1
    trained = now(files, job)
    assert (trained.state, trained.model, trained.trained_tokens) == ("evaluating", "ft:base:leads", 1234)
    assert trained.checkpoints == ["ft:base:leads:ckpt-1", "ft:base:leads:ckpt-2"]
    assert service.files == {}

    assert work(files.database, settings, today=TODAY) == 1
    ended = now(files, job)
    with files.database.transaction(SYSTEM) as transaction:
        events = audit.events(transaction, limit=9, organization=files.organization, action="fine_tuning")
        assert [event.action.partition(".")[2] for event in reversed(events)] == [
            "requested", "training", "evaluating", "candidate",
        ]  # fmt: skip
        assert ended.dataset_id is not None
        tested = datasets.dataset(transaction, ended.dataset_id).counts["splits"]["test"]
    assert service.asked == ended.evaluation["columns"] == tested
    assert ended.evaluation["after"] == tested
    assert ended.evaluation["better"] > 0
    assert ended.state == "candidate"
    assert follow(files.database, settings) == work(files.database, settings, today=TODAY) == 0


def test_a_model_that_knows_no_better_is_rejected(files: Files, settings: Settings, service: TuningServer) -> None:
    job = start(files, settings)
    work(files.database, settings, today=TODAY)
    follow(files.database, settings)
    follow(files.database, settings)
    work(files.database, settings, today=TODAY)
    assert now(files, job).state == "rejected"
    assert service.asked > 0


@pytest.mark.parametrize(
    ("end", "what"),
    [
        ("2026-11-25", "1 day ago"),
        ("2026-11-26", "today"),
        ("2027-02-23", "in 89 days"),
        ("2027-02-23T12:00:00Z", "in 89 days"),
    ],
)
def test_a_model_that_will_be_gone_within_90_days_is_refused_plainly(
    files: Files, settings: Settings, service: TuningServer, end: str, what: str
) -> None:
    service.shutdowns["base"] = end
    with pytest.raises(FineTuningRefused, match=what) as refused:
        start(files, settings)
    assert refused.value.code == "model_shutting_down"
    service.shutdowns["base"] = "2027-02-24"
    job = ask(files.database, settings, owner=files.organization, version=None, today=TODAY)
    # Announced after it was asked for, and before it began.
    service.shutdowns["base"] = end
    work(files.database, settings, today=TODAY)
    failed = now(files, job)
    assert failed.problem is not None
    assert (failed.state, failed.problem["code"]) == ("failed", "model_shutting_down")
    assert service.files == service.jobs == {}


def test_what_cannot_work_is_said_before_anything_is_sent(
    files: Files, settings: Settings, service: TuningServer, other_organization: UUID
) -> None:
    build(files)
    for changed, error in (
        ({"fine_tuning_model": None}, SetupProblem),
        ({"openai_api_key": None}, SetupProblem),
        ({"fine_tuning_model": "unheard-of"}, FineTuningRefused),
        ({"openai_base_url": "http://127.0.0.1:1/v1"}, ServiceUnavailable),
    ):
        ours = settings.model_copy(update=changed)
        with pytest.raises(error):
            ask(files.database, ours, owner=files.organization, version=None, today=TODAY)
    small = Files(files.database, files.settings, other_organization)
    small.lists(1)
    small.build()
    with pytest.raises(DatasetRefused, match="fewer than 10"):
        ask(files.database, settings, owner=other_organization, version=None, today=TODAY)
    untested = files.build().dataset
    with files.database.transaction(SYSTEM) as transaction:
        transaction.run("UPDATE dataset_examples SET split = 'train' WHERE dataset_id = :id", id=untested.id)
    with pytest.raises(DatasetRefused, match="No model could prove that it is better"):
        ask(files.database, settings, owner=files.organization, version=untested.version, today=TODAY)
    assert service.files == service.jobs == {}


def test_a_run_that_died_after_any_step_is_taken_up_without_sending_twice(
    files: Files, settings: Settings, service: TuningServer
) -> None:
    job = start(files, settings)
    work(files.database, settings, today=TODAY)
    sent = dict(service.files)
    # What a process leaves that died after the service had everything, and before the row was written.
    with files.database.transaction(SYSTEM) as transaction:
        fine_tuning.change(transaction, job, state="waiting", service_job=None, service_files=[])
    work(files.database, settings, today=TODAY)
    assert service.files == sent
    assert list(service.jobs) == ["ftjob-0"]
    assert now(files, job).service_job == "ftjob-0"


def test_a_look_that_died_after_it_deleted_the_files_is_taken_up_by_the_next(
    files: Files, settings: Settings, service: TuningServer
) -> None:
    job = start(files, settings)
    work(files.database, settings, today=TODAY)
    follow(files.database, settings)
    service.files.clear()
    follow(files.database, settings)
    assert (now(files, job).state, now(files, job).problem) == ("evaluating", None)


def test_a_service_that_is_away_or_forgets_our_key_ends_no_job(
    files: Files, settings: Settings, service: TuningServer
) -> None:
    job = start(files, settings)
    for status in (503, 429, 401):
        service.refuses = status
        work(files.database, settings, today=TODAY)
        assert (now(files, job).state, now(files, job).service_status) == ("waiting", "no answer")
    service.refuses = None
    work(files.database, settings, today=TODAY)
    assert now(files, job).service_status is None
    service.refuses = 500
    follow(files.database, settings)
    assert (now(files, job).state, now(files, job).service_status) == ("training", "no answer")


def test_a_training_that_fails_gives_the_service_s_reason(
    files: Files, settings: Settings, service: TuningServer
) -> None:
    service.outcome = "failed"
    job = start(files, settings)
    work(files.database, settings, today=TODAY)
    follow(files.database, settings)
    follow(files.database, settings)
    failed = now(files, job)
    assert failed.state == "failed"
    assert failed.problem is not None
    assert "The file is too small" in failed.problem["detail"]


def test_a_job_is_cancelled_at_the_service_even_if_its_start_was_never_written_down(
    files: Files, settings: Settings, service: TuningServer
) -> None:
    jobs = [start(files, settings) for _ in range(2)]
    work(files.database, settings, today=TODAY)
    with files.database.transaction(SYSTEM) as transaction:
        fine_tuning.change(transaction, jobs[1], state="waiting", service_job=None)
        for job in jobs:
            fine_tuning.ask_to_cancel(transaction, job)
    assert follow(files.database, settings) == 0
    assert [now(files, job).state for job in jobs] == ["cancelled", "cancelled"]
    assert {job["status"] for job in service.jobs.values()} == {"cancelled"}
    assert service.files == {}


def test_the_sensor_asks_for_a_run_and_the_run_goes_on_with_it(
    files: Files, settings: Settings, service: TuningServer, leads: Leads
) -> None:
    job = start(files, settings)
    with dg.instance_for_test() as instance:
        with dg.build_sensor_context(instance, resources={"leads": Leads()}) as context:
            assert isinstance(fine_tuning_jobs(context), dg.RunRequest)
        done = build_definitions().resolve_job_def("fine_tune").execute_in_process(instance=instance)
        assert done.success
        assert now(files, job).state == "training"
        with dg.build_sensor_context(instance, resources={"leads": Leads()}) as context:
            assert isinstance(fine_tuning_jobs(context), dg.SkipReason)


def test_the_daily_check_warns_of_a_model_in_use_that_is_going_away(service: TuningServer, leads: Leads) -> None:
    soon = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
    service.shutdowns = {"gpt-6-luna": None, "base": "2099-01-01"}

    def check() -> dg.AssetCheckEvaluation:
        with dg.instance_for_test() as instance:
            done = build_definitions().resolve_job_def("check_language_model").execute_in_process(instance=instance)
        (found,) = done.get_asset_check_evaluations()
        return found

    assert check().passed
    service.shutdowns["gpt-6-luna"] = soon
    warned = check()
    assert not warned.passed
    assert warned.severity is dg.AssetCheckSeverity.WARN
    assert f"gpt-6-luna is shut down on {soon}, in 30 days" in (warned.description or "")
    service.refuses = 503
    assert not check().passed


def test_with_an_endpoint_by_name_its_model_is_the_one_in_use(settings: Settings) -> None:
    ours = settings.model_copy(
        update={"llm_endpoint": "responses", "llm_responses_model": "a", "llm_decisions_model": "b"}
    )
    assert models_in_use(ours, {}) == ["a", "base"]
    assert models_in_use(ours.model_copy(update={"llm_endpoint": "auto"}), {"b": None}) == ["b", "base"]


def test_another_s_mock_of_the_protocol_is_followed_too(files: Files, settings: Settings, tmp_path: Path) -> None:
    """Against `@copilotkit/aimock`, where somebody has installed it: what we believe of the protocol is not only ours."""
    program = shutil.which("llmock")
    if program is None:
        pytest.skip("its command llmock is not on the PATH; `npm install --global @copilotkit/aimock` brings it")
    fixtures = {"fixtures": [{"match": {"model": "base"}, "response": {"content": "Company"}}]}
    (tmp_path / "fixtures.json").write_text(json.dumps(fixtures))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [program, "--port", str(port), "--fixtures", str(tmp_path)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        limit = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/v1/models")
                break
            except httpx.TransportError:
                assert time.monotonic() < limit
                assert server.poll() is None
                time.sleep(0.1)
        ours = settings.model_copy(update={"openai_base_url": f"http://127.0.0.1:{port}/v1"})
        job = start(files, ours)
        work(files.database, ours, today=TODAY)
        assert now(files, job).state == "training"
        for _ in range(5):
            if follow(files.database, ours):
                break
        followed = now(files, job)
        assert (followed.state, followed.problem) == ("evaluating", None)
    finally:
        server.kill()
        server.wait()
