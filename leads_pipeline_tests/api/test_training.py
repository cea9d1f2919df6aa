"""Corrections, review, the summary and patterns, over HTTP."""

import pytest

from leads_pipeline_tests.api.conftest import Client
from leads_pipeline_tests.api.test_uploads import problem

FIRST = b"Name,Mail,Frobnik\nAda Byron,ada@example.com,Example Ltd\nAlan Turing,alan@example.org,Test Inc\n"
SECOND = b"Name,Mail,Frobnik\nGrace Hopper,grace@example.net,Navy LLC\nMary Jones,mary@example.com,Sample GmbH\n"


def correct(client: Client, mapping: dict[str, object], target: str | None, **more: object) -> dict[str, object]:
    body = {"corrections": [{"mapping_id": mapping["id"], "target": target, **more}]}
    return client.post("/training/corrections", json=body).raise_for_status().json()["corrections"][0]


def test_a_correction_is_right_on_the_next_file(client: Client) -> None:
    first = client.mappings(client.mapped("first.csv", FIRST))
    correct(client, first["Frobnik"], "Company")
    again = client.preview("second.csv", SECOND)["Frobnik"]
    assert (again["target"], again["method"], again["applied"]) == ("Company", "memory", True)


def test_memory_is_never_another_organizations(client: Client, stranger: Client) -> None:
    first = client.mappings(client.mapped("first.csv", FIRST))
    correct(client, first["Frobnik"], "Department")
    assert stranger.preview("second.csv", SECOND)["Frobnik"]["method"] != "memory"


def test_an_undone_correction_is_forgotten(client: Client) -> None:
    upload_id = client.mapped("first.csv", FIRST)
    first = client.mappings(upload_id)
    made = correct(client, first["Frobnik"], "Department")
    assert client.delete(f"/training/corrections/{made['id']}").json()["mappings"] == [first["Frobnik"]["id"]]
    assert client.mappings(upload_id) == first
    assert client.preview("second.csv", SECOND)["Frobnik"]["method"] != "memory"


def test_a_field_that_the_schema_has_not_is_refused(client: Client) -> None:
    mapping = client.mappings(client.mapped("first.csv", FIRST))["Mail"]
    body = {"corrections": [{"mapping_id": mapping["id"], "target": "Shoesize"}]}
    assert problem(client.post("/training/corrections", json=body)) == (422, "field_unknown")


def test_a_stale_review_is_refused(client: Client) -> None:
    upload_id = client.mapped("first.csv", FIRST)
    etag = client.get(f"/uploads/{upload_id}").headers["etag"]
    correct(client, client.mappings(upload_id)["Mail"], "Email")
    answer = client.post(f"/uploads/{upload_id}/review", json={"rest": "confirmed"}, headers={"If-Match": etag})
    assert problem(answer) == (412, "precondition_failed")


def test_a_review_confirms_the_rest_and_counts_as_accuracy(client: Client) -> None:
    upload_id = client.mapped("first.csv", FIRST)
    mapping = client.mappings(upload_id)["Frobnik"]
    body = {"corrections": [{"mapping_id": mapping["id"], "target": "Department"}], "rest": "confirmed"}
    answer = client.post(f"/uploads/{upload_id}/review", json=body).raise_for_status().json()
    assert answer["upload"]["status"] == "reviewed"
    summary = client.get("/training/summary").json()
    assert (summary["uploads"], summary["columns"], summary["reviewed"]) == (1, 3, 3)
    assert summary["accuracy"] == pytest.approx(2 / 3, abs=0.001)
    assert summary["llm"] == {"calls": 0, "tokens": 0, "cost_usd": 0, "unpriced_calls": 0}


def test_a_remap_uses_what_was_learned(client: Client) -> None:
    upload_id = client.mapped("first.csv", FIRST)
    other = client.mappings(client.mapped("second.csv", SECOND))
    correct(client, other["Frobnik"], "Department")
    assert client.post(f"/uploads/{upload_id}/remap").status_code == 202
    assert problem(client.post(f"/uploads/{upload_id}/remap")) == (409, "mapping_under_way")
    client.work(upload_id)
    assert client.mappings(upload_id)["Frobnik"]["target"] == "Department"


def test_patterns_show_headers_by_field_with_what_people_said(client: Client) -> None:
    for content in (FIRST, SECOND):
        mapping = client.mappings(client.mapped("file.csv", content))["Mail"]
        correct(client, mapping, "Email")
    (fields,) = client.get("/training/field-patterns", params={"field": "Email"}).json()["fields"]
    (pattern,) = fields["headers"]
    assert (pattern["header"], pattern["seen"], pattern["answered"], pattern["agreed"]) == ("Mail", 2, 2, 2)


def test_a_custom_field_can_be_added_and_mapped_to(client: Client) -> None:
    schema = client.get("/schema").json()
    assert schema["version"] == 0
    fields = [*schema["fields"], {"name": "Clinic_Size__c", "label": "Clinic size", "type": "number"}]
    stored = client.put("/schema", json={"fields": fields})
    assert stored.json()["version"] == 1
    mapping = client.mappings(client.mapped("first.csv", FIRST))["Frobnik"]
    assert mapping["schema_version"] == 1
    correct(client, mapping, "Clinic_Size__c")
    assert client.preview("second.csv", SECOND)["Frobnik"]["target"] == "Clinic_Size__c"
    stale = client.put("/schema", json={"fields": fields}, headers={"If-Match": '"v0"'})
    assert problem(stale) == (412, "precondition_failed")


def test_a_schema_with_a_fault_says_where_it_is(client: Client) -> None:
    answer = client.put("/schema", json={"fields": [{"name": "Two words"}]})
    assert problem(answer) == (422, "request_invalid")
    assert answer.json()["invalid"][0]["where"] == "body.fields.0.name"
    twins = client.put("/schema", json={"fields": [{"name": "Size__c"}, {"name": "size__C"}]})
    assert problem(twins) == (422, "schema_invalid")
    assert twins.json()["errors"] == [{"pointer": "/fields/1/name"}]


def test_a_comment_with_unknown_members_or_no_json_is_refused(client: Client) -> None:
    assert problem(client.post("/training/corrections", json={"corections": []})) == (422, "request_invalid")
    broken = client.post("/training/corrections", content=b"{", headers={"content-type": "application/json"})
    assert problem(broken) == (400, "json_invalid")
