"""A model is asked for by REST: what is answered at once, and what becomes of it."""

from uuid import UUID

from leads_pipeline.defs.training import train_requested
from leads_pipeline.store import model_requests, organizations
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline_tests.api.conftest import Client, token_for
from leads_pipeline_tests.api.test_models import candidate
from leads_pipeline_tests.api.test_uploads import problem


def asked(client: Client, **wanted: object) -> dict[str, object]:
    answer = client.post("/training/retrain", json=wanted)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == answer.json()["status_url"]
    return answer.json()


def become_of(client: Client, request: dict[str, object]) -> dict[str, object]:
    """Do what a run does about all requests, and return what this one came to."""
    while True:
        with client.database.transaction(SYSTEM) as transaction:
            taken = model_requests.take(transaction, "run")
        if taken is None:
            return client.get(str(request["status_url"]).removeprefix("/api/v1")).raise_for_status().json()
        train_requested(client.database, taken, "run")


def test_why_nothing_was_trained_is_said_on_the_request(client: Client, stranger: Client) -> None:
    request = asked(client)
    assert (request["status"], request["scope"], request["dataset"]) == ("waiting", "organization", None)
    assert asked(client)["id"] == request["id"]
    assert asked(client, dataset=7)["id"] != request["id"]
    assert stranger.get(str(request["status_url"]).removeprefix("/api/v1")).status_code == 404
    failed = become_of(client, request)
    assert (failed["status"], failed["model"]) == ("failed", None)
    assert "no training dataset of this organization" in str(failed["reason"])
    assert isinstance(failed["problem"], dict)
    assert failed["problem"]["code"] == "no_dataset"
    assert asked(client)["id"] != request["id"]


def test_what_became_of_the_model_is_told_later_too(client: Client, database: Database, organization: UUID) -> None:
    request = asked(client)
    model = candidate(database, organization)
    with database.transaction(organization) as transaction:
        model_requests.done(transaction, UUID(str(request["id"])), model.id)
    address = str(request["status_url"]).removeprefix("/api/v1")
    done = client.get(address).json()
    assert (done["status"], done["model"], done["model_status"]) == ("done", model.version, "candidate")
    client.post(f"/models/{model.version}/promote").raise_for_status()
    assert client.get(address).json()["model_status"] == "champion"


def test_the_shared_model_is_for_administrators_to_ask_for(client: Client, database: Database) -> None:
    token = token_for(database, None, (organizations.ADMIN,))
    base_url = str(client.base_url).removesuffix("/api/v1/")
    with Client(base_url, token, database, client.settings) as administrator:
        request = asked(administrator)
        assert request["scope"] == "shared"
        address = str(request["status_url"]).removeprefix("/api/v1")
        assert administrator.get(address).json()["id"] == request["id"]
        assert client.get(address).status_code == 404
    with database.transaction(SYSTEM) as transaction:
        transaction.run("DELETE FROM model_requests WHERE organization_id IS NULL")


def test_asking_is_audited_and_takes_the_scope_for_corrections(
    client: Client, database: Database, organization: UUID
) -> None:
    request = asked(client, dataset=3)
    with database.transaction(organization) as transaction:
        (event,) = transaction.all("SELECT * FROM audit_events WHERE action = 'model.requested'")
    assert (event["object"], event["details"], event["actor_kind"]) == (request["id"], {"dataset": 3}, "token")
    token = token_for(database, organization, ("training:read",))
    answer = client.post("/training/retrain", json={}, headers={"Authorization": f"Bearer {token}"})
    assert problem(answer) == (403, "insufficient_scope")
    for wrong in ({"dataset": 0}, {"dataset": True}, {"dataset": "newest"}, {"seed": 1}):
        assert problem(client.post("/training/retrain", json=wrong)) == (422, "request_invalid")
