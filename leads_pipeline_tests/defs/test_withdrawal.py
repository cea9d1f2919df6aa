"""What has learned from examples that are gone: it maps nobody any more, and is built again without them."""

from dataclasses import replace
from uuid import UUID

import pytest

from leads_pipeline.defs.building import Built, build_requested
from leads_pipeline.defs.examples import make_waiting_examples
from leads_pipeline.defs.resources import Leads
from leads_pipeline.errors import LeadsError, NotFound, StaleState
from leads_pipeline.settings import Settings
from leads_pipeline.store import champions, dataset_requests, datasets, models, overview, uploads, withdrawal
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline.store.models import Model
from leads_pipeline_tests.defs.erasing import HEADERS, Canary, Deployment, csv_of
from leads_pipeline_tests.defs.test_datasets import Files
from leads_pipeline_tests.defs.test_learning import asked_for, newest, reviewed, run, sensor, wanted
from leads_pipeline_tests.models import trained


@pytest.fixture
def files(database: Database, settings: Settings, organization: UUID, leads: Leads) -> Files:
    return Files(database, settings, organization)


def champion_of(files: Files) -> Model | None:
    with files.database.transaction(SYSTEM) as transaction:
        return models.champion(transaction, files.organization)


def lost_by(files: Files) -> int | None:
    """The champion of whose loss the organization's home page tells."""
    with files.database.transaction(files.organization) as transaction:
        return overview.learned(transaction)["lost"]


def requests_of(files: Files) -> int:
    with files.database.transaction(files.organization) as transaction:
        return transaction.value("SELECT count(*) FROM dataset_requests")


def champion_made_from(files: Files, dataset: UUID, name: str = "own") -> Model:
    """A champion that says to have learned from a dataset, made in no time."""
    made = replace(trained(f"{name} {files.organization}", {"Frobnik": "Company"}), dataset_id=dataset)
    with files.database.transaction(SYSTEM) as transaction:
        return champions.promote(
            transaction, models.save(transaction, files.organization, made, rejected=None, run_id="r")
        )


def build_what_was_asked_for(files: Files) -> Built | LeadsError:
    with files.database.transaction(SYSTEM) as transaction:
        # The organizations of other tests have lost their datasets, too.
        asked = transaction.value("SELECT id FROM dataset_requests WHERE organization_id = :id", id=files.organization)
        request = dataset_requests.take(transaction, "run", asked)
    assert request is not None
    return build_requested(files.database, files.settings, request)


def test_a_champion_whose_example_is_deleted_gives_way_at_once_and_is_rebuilt_without(files: Files) -> None:
    upload = files.reviewed(
        "E-Mail,Wirkstoff,Charge\nzoe@example.com,Omega,1\n", {"Wirkstoff": "Product", "Charge": None}
    )
    reviewed(files)
    run(files)
    with files.database.transaction(SYSTEM) as transaction:
        old = champions.promote(transaction, newest(files))
    assert lost_by(files) is None
    with files.database.transaction(files.organization) as transaction:
        uploads.delete(transaction, upload)
    assert wanted(files) not in asked_for(sensor())
    assert champion_of(files) is None
    assert lost_by(files) == old.version
    with files.database.transaction(SYSTEM) as transaction:
        gone = models.get(transaction, old.id)
        assert (gone.status, gone.artifact_bytes, gone.reason) == ("rejected", 0, withdrawal.BECAUSE)
        with pytest.raises(StaleState, match="withdrawn"):
            champions.promote(transaction, gone)
    # The dataset was asked for, once, and is awaited.
    assert wanted(files) not in asked_for(sensor())
    assert requests_of(files) == 1
    assert isinstance(build_what_was_asked_for(files), Built)
    assert wanted(files) in asked_for(sensor())
    run(files)
    new = newest(files)
    assert (new.status, new.replaced, new.dataset_version) == ("champion", None, 2)
    assert lost_by(files) is None
    assert wanted(files) not in asked_for(sensor())


def test_a_champion_that_cannot_be_rebuilt_leaves_its_place_to_the_shared_one(files: Files) -> None:
    files.lists(1)
    champion_made_from(files, files.build().dataset.id)
    with files.database.transaction(SYSTEM) as transaction:
        transaction.run("DELETE FROM training_examples WHERE organization_id = :id", id=files.organization)
    sensor()
    assert isinstance(build_what_was_asked_for(files), LeadsError)
    assert wanted(files) not in asked_for(sensor())
    assert champion_of(files) is None


def test_a_dataset_in_which_a_scan_found_somebody_is_not_built_again(files: Files) -> None:
    files.lists(1)
    dataset = files.build().dataset.id
    champion_made_from(files, dataset)
    with files.database.transaction(SYSTEM) as transaction:
        datasets.withdraw(transaction, dataset, "A scan found personal data in it.")
    assert wanted(files) not in asked_for(sensor())
    assert champion_of(files) is None
    assert requests_of(files) == 0


def test_what_had_learned_from_an_erased_file_is_withdrawn_and_asked_for_again(
    deployment: Deployment, settings: Settings
) -> None:
    files = Files(deployment.database, settings, deployment.organization)
    files.lists(3)
    first = files.build().dataset
    files.reviewed(csv_of([HEADERS, Canary(1).row]))
    second = files.build().dataset
    kept, lost = champion_made_from(files, first.id, "kept"), champion_made_from(files, second.id, "lost")
    owner = deployment.organization
    done = deployment.erase(deployment.ask(Canary(1)))
    assert done.outcome["datasets"] == [f"{owner}:{second.version}"]
    assert done.outcome["models"] == [str(lost.version)]
    with deployment.database.transaction(SYSTEM) as transaction:
        assert datasets.dataset(transaction, first.id).status == "frozen"
        assert datasets.dataset(transaction, second.id).status == "withdrawn"
        champion = models.champion(transaction, owner)
        assert champion is not None
        assert champion.id == kept.id
        assert withdrawal.lost_its_champion(transaction, owner)
        gone = models.get(transaction, lost.id)
        assert (gone.status, gone.artifact_bytes) == ("rejected", 0)
        with pytest.raises(NotFound):
            models.artifact(transaction, lost.id)
        withdrawal.ask_again(transaction)
    files.reviewed("E-Mail,Branche,Land\nzoe@example.com,Beta,Chile\n")
    make_waiting_examples(deployment.database, settings)
    built = build_what_was_asked_for(files)
    assert isinstance(built, Built)
    assert built.dataset.version == second.version + 1
    with deployment.database.transaction(SYSTEM) as transaction:
        assert owner in [row["organization_id"] for row in withdrawal.to_rebuild(transaction)]
    assert not any("qwyla" in row.header.lower() for row in files.rows(built))
