"""From corrections to a model that knows them, through the real job on a real database."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import dagster as dg
import pytest

from leads_pipeline.definitions import build_definitions
from leads_pipeline.defs.building import Built, build_requested
from leads_pipeline.defs.examples import make_waiting_examples
from leads_pipeline.defs.learning import TrainingConfig, corrections_to_learn, training_run_config
from leads_pipeline.defs.resources import Leads
from leads_pipeline.defs.training import plan
from leads_pipeline.errors import DatasetRefused, LeadsError, StaleState
from leads_pipeline.settings import Settings
from leads_pipeline.store import dataset_requests, datasets, models
from leads_pipeline.store.database import SYSTEM, Database
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


def run(files: Files, *, fails: bool = False) -> dg.ExecuteInProcessResult:
    with dg.instance_for_test() as instance:
        result = (
            build_definitions()
            .resolve_job_def("retrain_mapping_model")
            .execute_in_process(
                instance=instance,
                run_config=wanted(files),
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
    result = run(files)
    model = newest(files)
    assert (model.status, model.dataset_version, model.reason) == ("candidate", 1, None)
    (check,) = result.get_asset_check_evaluations()
    assert check.passed
    counts = {name: check.metadata[name].value for name in ("corrections", "entered", "tried", "right")}
    assert counts["corrections"] == counts["entered"] == counts["tried"] != 0
    assert counts["right"] == counts["tried"]
    assert check.metadata["variants_right"].value == check.metadata["variants"].value

    with files.database.transaction(SYSTEM) as transaction:
        models.promote(transaction, model)
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


def champion_whose_dataset_is_withdrawn(files: Files) -> Model:
    reviewed(files)
    run(files)
    model = newest(files)
    with files.database.transaction(SYSTEM) as transaction:
        models.promote(transaction, model)
        assert model.dataset_id is not None
        datasets.withdraw(transaction, model.dataset_id, "An erasure touched it.")
    return model


def build_what_was_asked_for(files: Files) -> Built | LeadsError:
    with files.database.transaction(SYSTEM) as transaction:
        # The organizations of other tests have lost their datasets, too.
        asked = transaction.value("SELECT id FROM dataset_requests WHERE organization_id = :id", id=files.organization)
        request = dataset_requests.take(transaction, "run", asked)
    assert request is not None
    return build_requested(files.database, files.settings, request)


def test_a_champion_whose_dataset_was_withdrawn_is_rebuilt_from_a_new_one(files: Files) -> None:
    old = champion_whose_dataset_is_withdrawn(files)
    files.lists(1)
    make_waiting_examples(files.database, files.settings)
    for _ in ("a dataset is asked for", "it is not there yet"):
        assert wanted(files) not in asked_for(sensor())
    built = build_what_was_asked_for(files)
    assert isinstance(built, Built)
    assert wanted(files) in asked_for(sensor())
    run(files)
    new = newest(files)
    assert (new.status, new.replaced, new.dataset_version) == ("champion", old.version, 2)
    assert wanted(files) not in asked_for(sensor())
    with files.database.transaction(SYSTEM) as transaction:
        with pytest.raises(StaleState, match="withdrawn"):
            models.rollback(transaction, files.organization)
        assert models.predecessor(transaction, new) is None


def test_a_champion_that_cannot_be_rebuilt_gives_way_to_the_shared_one(files: Files) -> None:
    old = champion_whose_dataset_is_withdrawn(files)
    with files.database.transaction(SYSTEM) as transaction:
        transaction.run("DELETE FROM training_examples WHERE organization_id = :id", id=files.organization)
    sensor()
    build_what_was_asked_for(files)
    assert wanted(files) in asked_for(sensor())
    run(files, fails=True)
    with files.database.transaction(SYSTEM) as transaction:
        assert models.champion(transaction, files.organization) is None
        assert models.get(transaction, old.id).reason == "The dataset that it had learned from was withdrawn."


def test_no_model_learns_from_a_dataset_that_is_not_good_enough(files: Files) -> None:
    with (
        pytest.raises(DatasetRefused, match="leads dataset generate"),
        files.database.transaction(SYSTEM) as transaction,
    ):
        plan(transaction, files.organization)
    files.lists(1)
    files.build()
    with pytest.raises(DatasetRefused, match="more layouts"), files.database.transaction(SYSTEM) as transaction:
        plan(transaction, files.organization)
