"""Organizations by REST: made, set, and given tokens by an administrator; what is set acts at once."""

from collections.abc import Generator
from uuid import UUID, uuid4

import httpx
import pytest

from leads_pipeline.store import organizations
from leads_pipeline.store.database import Database
from leads_pipeline_tests.api.conftest import Client, token_for
from leads_pipeline_tests.api.test_uploads import CSV, problem


@pytest.fixture
def admin(base_url: str, database: Database) -> Generator[httpx.Client]:
    headers = {"Authorization": f"Bearer {token_for(database, None, (organizations.ADMIN,))}"}
    with httpx.Client(base_url=f"{base_url}/api/v1", headers=headers) as client:
        yield client


def a_name() -> str:
    return f"Acme {uuid4().hex}"


def test_an_organization_is_made_and_found(admin: httpx.Client) -> None:
    name = a_name()
    made = admin.post("/organizations", json={"name": name, "auto_apply_threshold": 82.5, "share_training": True})
    assert made.status_code == 201
    assert admin.get(made.headers["location"].removeprefix("/api/v1")).json() == made.json()
    assert (made.json()["auto_apply_threshold"], made.json()["training_data_retention_days"]) == (82.5, None)
    assert name in [item["name"] for item in admin.get("/organizations").json()["organizations"]]
    assert problem(admin.post("/organizations", json={"name": name})) == (409, "organization_exists")


def test_a_change_touches_what_it_names(admin: httpx.Client) -> None:
    made = {"name": a_name(), "auto_apply_threshold": 80, "max_daily_uploads": 5}
    address = f"/organizations/{admin.post('/organizations', json=made).json()['id']}"
    changed = admin.patch(address, json={"auto_apply_threshold": None, "training_data_retention_days": 0}).json()
    assert (changed["auto_apply_threshold"], changed["max_daily_uploads"]) == (None, 5)
    assert changed["training_data_retention_days"] == 0
    assert admin.patch(address, json={}).json() == changed


@pytest.mark.parametrize(
    "wrong",
    [
        {"auto_apply_threshold": 101},
        {"training_data_retention_days": -1},
        {"llm_monthly_budget_usd": -1},
        {"salesforce_organization": "001AAAAAAAAAAAA"},
        {"name": ""},
        {"name": None},
        {"share_training": None},
        {"unknown": 1},
    ],
)
def test_a_setting_out_of_bounds_is_refused(admin: httpx.Client, organization: UUID, wrong: dict[str, object]) -> None:
    assert problem(admin.patch(f"/organizations/{organization}", json=wrong)) == (422, "request_invalid")


def test_a_salesforce_organization_belongs_to_one(
    admin: httpx.Client, organization: UUID, other_organization: UUID
) -> None:
    own = f"00D{uuid4().hex[:12]}"
    first = admin.patch(f"/organizations/{organization}", json={"salesforce_organization": own + "AAA"})
    assert first.json()["salesforce_organization"] == own
    second = admin.patch(f"/organizations/{other_organization}", json={"salesforce_organization": own})
    assert problem(second) == (409, "organization_exists")


def test_an_organization_sees_itself_and_changes_nothing(
    client: Client, organization: UUID, other_organization: UUID
) -> None:
    assert client.get(f"/organizations/{organization}").json()["id"] == str(organization)
    assert problem(client.get(f"/organizations/{other_organization}")) == (404, "not_found")
    for answer in (
        client.get("/organizations"),
        client.post("/organizations", json={"name": "x"}),
        client.patch(f"/organizations/{organization}", json={"auto_apply_threshold": 1}),
        client.post(f"/organizations/{organization}/tokens", json={}),
    ):
        assert problem(answer) == (403, "insufficient_scope")


def test_what_is_not_there_is_not_found(admin: httpx.Client) -> None:
    nowhere = f"/organizations/{uuid4()}"
    for answer in (
        admin.get(nowhere),
        admin.patch(nowhere, json={"max_daily_uploads": 1}),
        admin.get(f"{nowhere}/tokens"),
        admin.post(f"{nowhere}/tokens", json={}),
        admin.post(f"{nowhere}/tokens/abcdefgh/rotate", json={}),
        admin.delete(f"{nowhere}/tokens/abcdefgh"),
    ):
        assert problem(answer) == (404, "not_found")


def test_the_threshold_of_an_organization_acts_in_previews_and_in_the_drain(
    client: Client, admin: httpx.Client, organization: UUID
) -> None:
    sure = client.preview("leads.csv", CSV)["E-Mail"]
    assert sure["applied"]
    admin.patch(f"/organizations/{organization}", json={"auto_apply_threshold": 100}).raise_for_status()
    assert not client.preview("leads.csv", CSV)["E-Mail"]["applied"]
    assert not client.mappings(client.mapped("leads.csv", CSV))["E-Mail"]["applied"]
    admin.patch(f"/organizations/{organization}", json={"auto_apply_threshold": None}).raise_for_status()
    assert client.preview("leads.csv", CSV)["E-Mail"]["applied"]


def test_a_token_is_narrowed_shown_once_rotated_with_overlap_and_revoked(
    client: Client, admin: httpx.Client, organization: UUID
) -> None:
    tokens = f"/organizations/{organization}/tokens"
    made = admin.post(tokens, json={"scopes": ["uploads:read"], "label": "reader", "days": 30}).json()
    assert made["expires_at"] > made["created_at"]

    def answers(token: str) -> int:
        return client.get("/uploads", headers={"Authorization": f"Bearer {token}"}).status_code

    assert answers(made["token"]) == 200
    narrowed = client.post(
        "/uploads", files={"file": ("x.csv", CSV)}, headers={"Authorization": f"Bearer {made['token']}"}
    )
    assert problem(narrowed) == (403, "insufficient_scope")

    fresh = admin.post(f"{tokens}/{made['prefix']}/rotate", json={}).json()
    assert (fresh["scopes"], fresh["label"]) == (["uploads:read"], "reader")
    assert answers(made["token"]) == answers(fresh["token"]) == 200
    listed = {token["prefix"]: token for token in admin.get(tokens).json()["tokens"]}
    assert listed[made["prefix"]]["replaced_by"] == fresh["prefix"]
    assert listed[made["prefix"]]["expires_at"] < listed[fresh["prefix"]]["expires_at"]
    assert not any("token" in token for token in listed.values())

    newest = admin.post(f"{tokens}/{fresh['prefix']}/rotate", json={"overlap_hours": 0}).json()
    assert (answers(fresh["token"]), answers(newest["token"])) == (401, 200)
    assert problem(admin.post(f"{tokens}/{fresh['prefix']}/rotate", json={})) == (409, "token_ended")
    assert admin.delete(f"{tokens}/{newest['prefix']}").status_code == 204
    assert answers(newest["token"]) == 401


def test_a_token_is_not_touched_through_another_organization(
    client: Client, admin: httpx.Client, other_organization: UUID
) -> None:
    prefix = client.headers["authorization"].split("_")[1]
    elsewhere = f"/organizations/{other_organization}/tokens/{prefix}"
    assert problem(admin.delete(elsewhere)) == (404, "not_found")
    assert problem(admin.post(f"{elsewhere}/rotate", json={})) == (404, "not_found")
    assert client.get("/uploads").status_code == 200
