"""The audit trail over REST: what is done is in it, an organization sees its own, and it tells of nobody."""

import json
import re
import time
from uuid import UUID

import httpx
import pytest

from leads_pipeline.store import audit, organizations
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline_tests.api.conftest import Client, token_for

FILE = b"Name,E-Mail\nAnn Miller,ann.miller@example.com\n"


def actions(client: Client) -> list[str]:
    return [event["action"] for event in client.get("/audit").raise_for_status().json()["events"]]


def test_what_is_done_is_told_with_who_and_from_where(client: Client) -> None:
    upload_id = client.mapped("Ann Miller.csv", FILE)
    mappings = client.mappings(upload_id)
    answer = {"mapping_id": mappings["Name"]["id"], "target": "LastName", "reviewer": "ann@example.com"}
    kept = client.post("/training/corrections", json={"corrections": [answer]}).raise_for_status().json()
    client.delete(f"/training/corrections/{kept['corrections'][0]['id']}").raise_for_status()
    client.post(f"/uploads/{upload_id}/review", json={"rest": "confirmed"}).raise_for_status()
    client.get(f"/uploads/{upload_id}/leads").raise_for_status()
    client.delete(f"/uploads/{upload_id}").raise_for_status()
    events = client.get("/audit").raise_for_status().json()["events"]
    assert [event["action"] for event in events][:6] == [
        "upload.deleted",
        "leads.exported",
        "upload.reviewed",
        "correction.undone",
        "correction.made",
        "upload.received",
    ]
    prefix = client.headers["Authorization"].split("_")[1]
    for event in events[:6]:
        assert event["actor"] == {"kind": "token", "name": prefix}
        assert re.fullmatch("[0-9a-f]{32}", event["network"])
    assert events[0]["object"] == {"kind": "upload", "id": upload_id}
    assert events[4]["details"] == {"confirmed": 0, "corrected": 1}
    told = json.dumps(events)
    assert not any(word in told for word in ("Ann", "Miller", "ann", "127.0.0.1", "example.com"))


def test_a_refused_act_leaves_no_event(client: Client) -> None:
    before = actions(client)
    assert client.delete("/uploads/00000000-0000-7000-8000-000000000000").status_code == 404
    assert client.post("/training/corrections", json={"corrections": []}).status_code == 422
    assert actions(client) == before


def test_the_trail_is_read_page_by_page(client: Client) -> None:
    for number in range(5):
        client.send_file("a.csv", FILE + b"x,y\n" * number).raise_for_status()
    pages: list[list[str]] = []
    cursor: dict[str, str] = {}
    while True:
        page = client.get("/audit", params={"limit": 2, "action": "upload", **cursor}).raise_for_status().json()
        pages.append([event["id"] for event in page["events"]])
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert [len(page) for page in pages] == [2, 2, 1]
    ids = [event for page in pages for event in page]
    assert ids == sorted(ids, reverse=True)


def test_an_export_has_every_event_once_and_says_that_it_was_made(client: Client) -> None:
    client.send_file("a.csv", FILE).raise_for_status()
    answer = client.get("/audit/export").raise_for_status()
    assert answer.headers["content-type"] == "application/x-ndjson"
    events = [json.loads(line) for line in answer.text.splitlines()]
    assert [event["action"] for event in events][-2:] == ["upload.received", "audit.exported"]
    assert len({event["id"] for event in events}) == len(events)


def test_an_organization_sees_its_own_events_and_an_administrator_all(
    client: Client, base_url: str, database: Database, organization: UUID, other_organization: UUID
) -> None:
    client.send_file("a.csv", FILE).raise_for_status()
    with httpx.Client(base_url=f"{base_url}/api/v1", timeout=30) as http:
        other = {"Authorization": f"Bearer {token_for(database, other_organization)}"}
        admin = {"Authorization": f"Bearer {token_for(database, None, (organizations.ADMIN,))}"}
        seen = http.get("/audit", headers=other, params={"organization": str(organization)}).json()["events"]
        assert {event["organization_id"] for event in seen} == {str(other_organization)}
        seen = http.get("/audit", headers=admin, params={"organization": str(organization)}).json()["events"]
        assert "upload.received" in {event["action"] for event in seen}
        lines = http.get("/audit/export", headers=admin, params={"organization": str(organization)}).text.splitlines()
        assert {json.loads(line)["organization_id"] for line in lines} == {str(organization)}


def test_a_token_needs_the_scope(base_url: str, database: Database, organization: UUID) -> None:
    narrow = {"Authorization": f"Bearer {token_for(database, organization, ('uploads:read',))}"}
    for path in ("/audit", "/audit/export"):
        assert httpx.get(f"{base_url}/api/v1{path}", headers=narrow).status_code == 403
        assert httpx.get(f"{base_url}/api/v1{path}").status_code == 401


def test_an_event_is_sealed_within_seconds(client: Client, database: Database) -> None:
    client.send_file("a.csv", FILE).raise_for_status()
    deadline = time.monotonic() + 20
    while client.get("/audit").json()["events"][0]["seal"] is None:
        assert time.monotonic() < deadline, "nobody seals"
        time.sleep(0.1)
    with database.transaction(SYSTEM) as transaction:
        assert audit.verify(transaction).whole


@pytest.mark.usefixtures("no_attempts")
def test_logins_are_told_good_ones_and_bad_ones(base_url: str, database: Database) -> None:
    token = token_for(database, None, (organizations.ADMIN,))
    with httpx.Client(base_url=base_url, timeout=30, headers={"Origin": base_url}) as browser:
        assert browser.post("/login", data={"password": "wrong"}).status_code == 401
        assert browser.post("/login", data={"token": token}).status_code == 303
        assert browser.post("/logout").status_code == 303
    with database.transaction(SYSTEM) as transaction:
        found = audit.events(transaction, limit=3, action="login")
    assert [(event.action, event.actor_kind) for event in found] == [
        ("login.ended", "person"),
        ("login.succeeded", "person"),
        ("login.refused", "nobody"),
    ]
    assert found[0].actor == found[1].actor
    assert found[0].network == found[2].network
    assert token.split("_")[1] not in (found[0].actor, found[1].actor)
