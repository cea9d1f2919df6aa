"""From corrections to a model that knows them, through the real job on a real database."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import dagster as dg
import pytest

from leads_pipeline.definitions import build_definitions
from leads_pipeline.defs.learning import (
    TrainingConfig,
    corrections_to_learn,
    requested_models,
    training_run_config,
)
from leads_pipeline.defs.resources import Leads
from leads_pipeline.defs.training import plan, train
from leads_pipeline.errors import DatasetRefused, StaleState
from leads_pipeline.settings import Settings
from leads_pipeline.store import champions, model_requests, models, organizations
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline.store.model_requests import Request
from leads_pipeline.store.models import Model
from leads_pipeline_tests.defs.test_datasets import Files


@pytest.fixture
def files(database: Database, settings: Settings, organization: UUID, leads: Leads) -> Files:
    return Files(database, settings, organization)


def reviewed(files: Files) -> None:
    """Files in which people say that "Wirkstoff" is the product, in layouts of several families."""
    for number in range(6):
        word = "".join(chr(ord("a") + int(digit)) for digit in f"{number:03d}")
        files.reviewed(
            f"E-Mail,Wirkstoff,Spalte {word},Weitere {word}\nada{number}@example.com,Alpha,x{number},1\n",
            {"Wirkstoff": "Product", f"Spalte {word}": None, f"Weitere {word}": None},
        )
    files.build()


def run(files: Files, *, fails: bool = False, config: Mapping[str, Any] | None = None) -> dg.ExecuteInProcessResult:
    with dg.instance_for_test() as instance:
        result = (
            build_definitions()
            .resolve_job_def("retrain_mapping_model")
            .execute_in_process(
                instance=instance,
                run_config=config or wanted(files),
                raise_on_error=False,
            )
        )
    assert result.success is not fails
    return result


def newest(files: Files) -> Model:
    with files.database.transaction(SYSTEM) as transaction:
        found = models.newest_trained(transaction, files.organization)
    assert found is not None
    return found


def test_a_model_learns_what_people_corrected_and_a_check_proves_it(files: Files) -> None:
    reviewed(files)
    request, asked = ask_for_one(files)
    result = run(files, config=asked)
    model = newest(files)
    assert (model.status, model.dataset_version, model.reason) == ("candidate", 1, None)
    done = became(files, request)
    assert (done.state, done.model, done.model_status) == ("done", model.version, "candidate")
    (check,) = result.get_asset_check_evaluations()
    assert check.passed
    counts = {name: check.metadata[name].value for name in ("corrections", "entered", "tried", "right")}
    assert counts["corrections"] == counts["entered"] == counts["tried"] != 0
    assert counts["right"] == counts["tried"]
    assert check.metadata["variants_right"].value == check.metadata["variants"].value

    with files.database.transaction(SYSTEM) as transaction:
        champions.promote(transaction, model)
        transaction.run("DELETE FROM memory_entries WHERE organization_id = :id", id=files.organization)
    upload = files.reviewed("Wirkstoff,Handy\nBeta,+49 171 1234567\n")
    with files.database.transaction(files.organization) as transaction:
        rows = transaction.all(
            "SELECT header, predicted, method, model_version FROM field_mappings WHERE upload_id = :id ORDER BY header",
            id=upload,
        )
    assert [(row["header"], row["predicted"], row["method"]) for row in rows] == [
        ("Handy", "MobilePhone", "model"),
        ("Wirkstoff", "Product", "model"),
    ]
    assert {row["model_version"] for row in rows} == {model.name}

    # Nothing has changed since: refused, and the sensor does not ask again.
    with pytest.raises(StaleState, match="Nothing has changed"), files.database.transaction(SYSTEM) as transaction:
        plan(transaction, files.organization)
    run(files, fails=True)
    assert wanted(files) not in asked_for(sensor())
    request, asked = ask_for_one(files)
    result = run(files, config=asked)
    # So the asset and its check still show the model that there is.
    assert (result.get_asset_materialization_events(), result.get_asset_check_evaluations()) == ([], [])
    refused = became(files, request)
    assert (refused.state, refused.model) == ("failed", None)
    assert refused.problem is not None
    assert refused.problem["code"] == "nothing_changed"


def test_two_runs_that_train_the_same_at_the_same_time_make_one_model(files: Files) -> None:
    reviewed(files)
    with files.database.transaction(SYSTEM) as transaction:
        planned = plan(transaction, files.organization)
    first, second = (train(files.database, planned, run_id) for run_id in ("one", "other"))
    assert first == second == newest(files)


def test_a_model_learns_what_the_fields_of_a_schema_of_ones_own_are_used_for(files: Files) -> None:
    fields = [{"name": name, "label": name} for name in ("KD_NAME1", "KD_ORT01", "KD_SMTP")]
    with files.database.transaction(files.organization) as transaction:
        organizations.save_lead_schema(transaction, {"name": "own", "fields": fields}, after=0)
    for number in range(6):
        word = "".join(chr(ord("a") + int(digit)) for digit in f"{number:03d}")
        files.reviewed(
            f"E-Mail,Firma,Ort,Spalte {word},Weitere {word}\nada{number}@example.com,Test {number} GmbH,Kiel,x{number},1\n",
            {"E-Mail": "KD_SMTP", "Firma": "KD_NAME1", "Ort": "KD_ORT01"},
        )
    files.build()
    (asset,) = run(files).get_asset_materialization_events()
    model = newest(files)
    assert model.metrics["kin"] == {"KD_SMTP": "Email", "KD_NAME1": "Company", "KD_ORT01": "City"}
    assert "| KD_ORT01 | City |" in str(asset.materialization.metadata["kin"].value)

    with files.database.transaction(SYSTEM) as transaction:
        champions.promote(transaction, model)
        transaction.run("DELETE FROM memory_entries WHERE organization_id = :id", id=files.organization)
    upload = files.reviewed("Adres e-mail,Nazwa firmy,Miasto\nola@example.com,Wosk Sp. z o.o.,Radom\n", whole=False)
    with files.database.transaction(files.organization) as transaction:
        found = transaction.all(
            "SELECT predicted FROM field_mappings WHERE upload_id = :id ORDER BY column_index", id=upload
        )
    assert [row["predicted"] for row in found] == ["KD_SMTP", "KD_NAME1", "KD_ORT01"]


def ask_for_one(files: Files) -> tuple[UUID, Mapping[str, Any]]:
    """Ask for a model as REST does; the request, and the run that a sensor asks for."""
    with files.database.transaction(files.organization) as transaction:
        request = model_requests.ask(transaction, files.organization, None)
    with dg.instance_for_test() as instance, dg.build_sensor_context(instance, resources={"leads": Leads()}) as context:
        found = requested_models(context)
    assert isinstance(found, dg.RunRequest)
    return request, found.run_config


def became(files: Files, request: UUID) -> Request:
    with files.database.transaction(files.organization) as transaction:
        return model_requests.get(transaction, request)


def sensor() -> dg.SensorResult | dg.SkipReason:
    with dg.instance_for_test() as instance, dg.build_sensor_context(instance, resources={"leads": Leads()}) as context:
        found = corrections_to_learn(context)
    assert isinstance(found, dg.SensorResult | dg.SkipReason)
    return found


def asked_for(found: dg.SensorResult | dg.SkipReason) -> list[Mapping[str, Any]]:
    return [] if isinstance(found, dg.SkipReason) else [request.run_config for request in found.run_requests or ()]


def named(files: Files) -> str:
    with files.database.transaction(SYSTEM) as transaction:
        return transaction.value("SELECT name FROM organizations WHERE id = :id", id=files.organization)


def wanted(files: Files) -> dict[str, Any]:
    return training_run_config(TrainingConfig(organization=named(files)))


def test_no_model_learns_from_a_dataset_that_is_not_good_enough(files: Files) -> None:
    with (
        pytest.raises(DatasetRefused, match="leads dataset generate"),
        files.database.transaction(SYSTEM) as transaction,
    ):
        plan(transaction, files.organization)
    files.lists(1)
    files.build()
    with pytest.raises(DatasetRefused, match=r"more layouts?"), files.database.transaction(SYSTEM) as transaction:
        plan(transaction, files.organization)
