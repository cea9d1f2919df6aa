"""Erasure by REST: asked for, looked up, and refused in words where it cannot be."""

from uuid import uuid4

import httpx
import pytest

from leads_pipeline.defs.forgetting import erase_waiting
from leads_pipeline.store.database import SYSTEM
from leads_pipeline_tests.api.conftest import Client, token_for

LIST = b"Name,E-Mail\nAda,ada.lovelace@vex.example\nBob,bob@example.com\n"


def test_a_person_is_erased_and_the_certificate_names_nobody(client: Client) -> None:
    upload = client.mapped("ada.csv", LIST)
    asked = client.post("/erasures", json={"kind": "person", "email": "Ada.Lovelace@VEX.example"})
    assert (asked.status_code, asked.json()["status"]) == (202, "waiting")
    assert asked.headers["location"] == asked.json()["status_url"]
    again = client.post("/erasures", json={"kind": "person", "email": ["ada.lovelace@vex.example"]})
    assert again.json()["id"] == asked.json()["id"]
    erase_waiting(client.database, client.settings, "run")
    done = client.get(f"/erasures/{asked.json()['id']}").json()
    assert (done["status"], done["counts"]["erased"], done["erased_uploads"]) == ("done", 1, [upload])
    assert "ada" not in str({**done, "id": ""}).lower()
    shown = client.get(f"/uploads/{upload}").json()
    assert (shown["status"], shown["filename"], shown["rows"]) == ("erased", "erased.csv", 2)
    assert client.get(f"/uploads/{upload}/leads").status_code == 410
    assert client.get("/uploads", params={"status": "erased"}).json()["uploads"][0]["id"] == upload
    events = client.get("/audit", params={"action": "erasure"}).json()["events"]
    assert [event["action"] for event in events] == ["erasure.done", "erasure.requested"]
    assert events[0]["details"]["subject"] == done["subject_hash"]
    assert [each["id"] for each in client.get("/erasures").json()["erasures"]] == [done["id"]]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"kind": "person"}, 422, "identifier_missing"),
        ({"kind": "person", "names": ["Ada"]}, 422, "identifier_missing"),
        ({"kind": "person", "email": "ada"}, 422, "identifier_invalid"),
        ({"kind": "person", "phone": "12"}, 422, "identifier_invalid"),
        ({"kind": "upload"}, 422, "identifier_missing"),
        ({"kind": "upload", "upload_id": str(uuid4())}, 404, "not_found"),
        ({"kind": "organization", "organization_id": str(uuid4())}, 404, "not_found"),
        ({"kind": "organization"}, 403, "insufficient_scope"),
        ({"kind": "everything"}, 422, "request_invalid"),
    ],
)
def test_what_cannot_be_erased_is_refused_with_what_to_do(
    client: Client, body: dict[str, object], status: int, code: str
) -> None:
    answer = client.post("/erasures", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_a_token_needs_the_scope(client: Client, organization: object) -> None:
    narrow = token_for(client.database, organization, ("uploads:read",))  # pyright: ignore[reportArgumentType]
    answer = client.post(
        "/erasures", json={"kind": "person", "email": "a@b.de"}, headers={"Authorization": f"Bearer {narrow}"}
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


def test_an_administrator_erases_in_everybody_s_data_and_ends_an_organization(
    client: Client, stranger: Client, organization: object
) -> None:
    first, second = client.mapped("a.csv", LIST), stranger.mapped("a.csv", LIST)
    with httpx.Client(
        base_url=client.base_url, headers={"Authorization": f"Bearer {token_for(client.database, None, ('admin',))}"}
    ) as admin:
        asked = admin.post("/erasures", json={"kind": "person", "email": "ada.lovelace@vex.example"}).json()
        assert client.get(f"/erasures/{asked['id']}").status_code == 404
        erase_waiting(client.database, client.settings, "run")
        assert set(admin.get(asked["status_url"].removeprefix("/api/v1")).json()["erased_uploads"]) >= {first, second}
        ended = admin.post("/erasures", json={"kind": "organization", "organization_id": str(organization)})
        assert ended.status_code == 202
        erase_waiting(client.database, client.settings, "run")
        assert admin.get(f"/organizations/{organization}").status_code == 404
    assert client.get("/uploads").status_code == 401
    assert stranger.get("/uploads").status_code == 200
    with client.database.transaction(SYSTEM) as transaction:
        assert transaction.value("SELECT count(*) FROM erasures WHERE subject IS NOT NULL") == 0
