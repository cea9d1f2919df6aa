"""Which model maps: seen, promoted and rolled back by REST, and in effect with the very next file."""

from collections.abc import Generator
from dataclasses import replace
from uuid import UUID

import pytest

from leads_pipeline.mapping import load_model
from leads_pipeline.store import models, organizations, trials
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline.store.ids import new_id
from leads_pipeline.store.models import Model
from leads_pipeline_tests.api.conftest import Client, token_for
from leads_pipeline_tests.models import told, trained

FILE = b"Wirkstoff,Email\nAlpha,ada@example.com\nBeta,bob@example.org\n"


def candidate(database: Database, owner: UUID | None, target: str = "Company") -> Model:
    with database.transaction(SYSTEM) as transaction:
        made = trained(f"model-{new_id()}", {"Wirkstoff": target})
        return models.save(transaction, owner, made, rejected=None, run_id="run")


@pytest.fixture
def administrator(client: Client, database: Database) -> Generator[Client]:
    token = token_for(database, None, (organizations.ADMIN,))
    base_url = str(client.base_url).removesuffix("/api/v1/")
    with Client(base_url, token, database, client.settings) as administrator:
        yield administrator


def target(client: Client) -> object:
    return client.preview("leads.csv", FILE)["Wirkstoff"]["target"]


def test_the_shipped_model_is_the_first_champion(client: Client) -> None:
    shown = client.get("/models").raise_for_status().json()
    (first,) = [each for each in shown["models"] if each["version"] == shown["champion"]]
    assert (first["name"], first["status"], first["shipped"]) == (load_model().version, "champion", True)


def test_a_model_that_is_tried_says_beside_which_one(
    client: Client, stranger: Client, database: Database, organization: UUID
) -> None:
    shipped = client.get("/models").json()["champion"]
    tried, other = candidate(database, organization), candidate(database, organization)
    with database.transaction(SYSTEM) as transaction:
        trials.begin(transaction, "trial", models.numbered(transaction, None, shipped), tried, 0.1)
    shown = {each["version"]: each["trial"] for each in client.get("/models").json()["models"]}
    assert shown[other.version] is None
    assert shown[tried.version].items() >= {"against": shipped, "outcome": "running", "reviewed_uploads": 0}.items()
    assert tried.version not in {each["version"] for each in stranger.get("/models").json()["models"]}


def test_a_promoted_model_maps_the_next_file_and_is_rolled_back_in_one_step(
    client: Client, stranger: Client, database: Database, organization: UUID
) -> None:
    before = target(client)
    model = candidate(database, organization)
    assert before != "Company"
    assert client.post(f"/models/{model.version}/promote").raise_for_status().json()["status"] == "champion"
    assert client.get("/models").json()["champion"] == model.version
    assert (target(client), target(stranger)) == ("Company", before)
    upload = client.mapped("leads.csv", FILE)
    assert client.mappings(upload)["Wirkstoff"]["target"] == "Company"
    with database.transaction(organization) as transaction:
        assert transaction.value("SELECT DISTINCT model_version FROM field_mappings") == model.name

    again = client.post(f"/models/{model.version}/promote")
    assert (again.status_code, again.json()["code"]) == (409, "already_champion")
    answer = client.post("/models/rollback").raise_for_status().json()
    assert (answer["retired"]["version"], answer["champion"]) == (model.version, None)
    assert target(client) == before
    assert client.post("/models/rollback").json()["code"] == "no_champion"


def test_a_rollback_goes_to_the_champion_before_and_then_further_back(
    client: Client, database: Database, organization: UUID
) -> None:
    first, second = candidate(database, organization, "Company"), candidate(database, organization, "City")
    for model in (first, second):
        client.post(f"/models/{model.version}/promote").raise_for_status()
    assert target(client) == "City"
    assert client.post("/models/rollback").json()["champion"]["version"] == first.version
    assert target(client) == "Company"
    assert client.post("/models/rollback").json()["champion"] is None


def test_promotions_and_rollbacks_are_audited_with_who_did_it(
    client: Client, database: Database, organization: UUID
) -> None:
    first, second = candidate(database, organization, "Company"), candidate(database, organization, "City")
    for model in (first, second):
        client.post(f"/models/{model.version}/promote").raise_for_status()
    client.post("/models/rollback").raise_for_status()
    with database.transaction(organization) as transaction:
        rows = transaction.all(
            "SELECT action, object, details, actor_kind FROM audit_events WHERE object_kind = 'model' ORDER BY id"
        )
    assert [(row["action"], row["object"], row["details"]["other"], row["actor_kind"]) for row in rows] == [
        ("model.promoted", str(first.version), None, "token"),
        ("model.promoted", str(second.version), first.version, "token"),
        ("model.rolled_back", str(second.version), first.version, "token"),
    ]


def test_only_artifacts_that_map_could_map_again_or_are_new_are_kept(
    client: Client, database: Database, organization: UUID
) -> None:
    before, now = candidate(database, organization), candidate(database, organization)
    for model in (before, now):
        client.post(f"/models/{model.version}/promote").raise_for_status()
    others = [candidate(database, organization) for _ in range(models.ARTIFACTS_KEPT + 2)]
    with database.transaction(organization) as transaction:
        kept = {model.version for model in models.models(transaction) if model.artifact_bytes}
        stored = transaction.value("SELECT count(DISTINCT model_id) FROM mapping_model_chunks")
    assert kept == {before.version, now.version, *(model.version for model in others[-models.ARTIFACTS_KEPT :])}
    assert stored == len(kept)
    gone = client.post(f"/models/{others[0].version}/promote")
    assert (gone.status_code, gone.json()["code"]) == (409, "artifact_missing")
    assert client.post("/models/rollback").json()["champion"]["version"] == before.version


def test_models_of_others_are_not_seen_and_shared_ones_are_for_administrators(
    client: Client, stranger: Client, administrator: Client, database: Database, organization: UUID
) -> None:
    own, shared = candidate(database, organization), candidate(database, None)
    assert own.version not in [each["version"] for each in stranger.get("/models").json()["models"]]
    assert stranger.post(f"/models/{own.version}/promote").status_code == 404
    assert client.post(f"/models/{shared.version}/promote").status_code == 404
    before = target(stranger)
    assert administrator.post(f"/models/{shared.version}/promote").raise_for_status().json()["scope"] == "shared"
    assert target(stranger) == "Company"
    assert administrator.post("/models/rollback").json()["champion"]["name"] == load_model().version
    assert target(stranger) == before


def test_a_token_without_the_right_scope_promotes_nothing(
    client: Client, database: Database, organization: UUID
) -> None:
    model = candidate(database, organization)
    token = token_for(database, organization, ("uploads:read",))
    answer = client.post(f"/models/{model.version}/promote", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 403


def test_a_model_that_is_damaged_or_no_longer_says_what_it_said_gives_way_to_the_shipped_one(
    client: Client, database: Database, organization: UUID
) -> None:
    before = target(client)
    damaged = candidate(database, organization)
    # As if a release measured other things than the one that trained the model.
    other = replace(trained(f"model-{new_id()}", {"Wirkstoff": "Company"}), artifact=told("m", {}).packed())
    with database.transaction(SYSTEM) as transaction:
        transaction.run("UPDATE mapping_model_chunks SET bytes = 'x' WHERE model_id = :id", id=damaged.id)
        outdated = models.save(transaction, organization, other, rejected=None, run_id="run")
    for model in (damaged, outdated):
        client.post(f"/models/{model.version}/promote").raise_for_status()
        assert target(client) == before
