"""Corrections, review, the summary and patterns, over HTTP."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from leads_pipeline.defs.performance import measure_performance
from leads_pipeline.defs.recommendations import advise
from leads_pipeline.mapping import LeadSchema
from leads_pipeline.store import corrections, organizations
from leads_pipeline.store.corrections import Correction
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline_tests.api.conftest import Client
from leads_pipeline_tests.api.test_uploads import problem
from leads_pipeline_tests.builders import mapped_upload
from leads_pipeline_tests.conftest import new_organization

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
    alone = client.post("/mappings/preview", params={"memory": "false"}, files={"file": ("second.csv", SECOND)}).json()
    assert "memory" not in {row["method"] for row in alone["mappings"]}


def test_a_near_variant_of_a_corrected_header_follows_at_once(client: Client) -> None:
    first = client.mappings(client.mapped("first.csv", FIRST))
    correct(client, first["Frobnik"], "Department")
    for header in ("FROBNIK", "Frobniks", "Your frobnik"):
        again = client.preview("second.csv", SECOND.replace(b"Frobnik", header.encode()))[header]
        assert (again["target"], again["method"], again["applied"]) == ("Department", "memory", True)
    for header in ("Frobnik Status", "Manager Frobnik", "Frobnik 2"):
        assert client.preview("second.csv", SECOND.replace(b"Frobnik", header.encode()))[header]["method"] != "memory"


def test_a_contradiction_is_shown_and_holds_the_answer_back(client: Client) -> None:
    for reviewer, target in (("ann", "Department"), ("bob", "Company")):
        mapping = client.mappings(client.mapped(f"{reviewer}.csv", FIRST.replace(b"Ada", reviewer.encode())))["Frobnik"]
        correct(client, mapping, target, reviewer=reviewer)
    upload_id = client.mapped("third.csv", SECOND)
    disputed = client.mappings(upload_id)["Frobnik"]
    assert "Your people disagree: 1 for Company, 1 for Department." in str(disputed["explanation"])
    assert (disputed["applied"], float(str(disputed["confidence"])) < 70) == (False, True)
    found = [
        pattern["conflicts"]
        for fields in client.get("/training/field-patterns").json()["fields"]
        for pattern in fields["headers"]
        if pattern["header"] == "Frobnik"
    ]
    answers = [(each["target"], each["people"]) for each in found[0][0]["answers"]]
    assert answers == [("Company", 1), ("Department", 1)]
    correct(client, disputed, "Department", reviewer="cem")
    correct(client, disputed, "Department", reviewer="dee")
    settled = client.mappings(client.mapped("fourth.csv", SECOND.replace(b"Grace", b"Maria")))["Frobnik"]
    assert settled["target"] == "Department"
    assert float(str(settled["confidence"])) > float(str(disputed["confidence"]))


def test_memory_crosses_between_organizations_only_if_both_share_it(
    client: Client, database: Database, organization: UUID
) -> None:
    givers = [new_organization(database) for _ in range(4)]
    for giver in givers:
        _, columns = mapped_upload(database, giver, {"Frobnik": None})
        with database.transaction(giver) as transaction:
            corrections.correct(transaction, [Correction(columns["Frobnik"].id, "Department")], single_valued=())

    def previewed_when_shared_by(*sharing: UUID) -> dict[str, object]:
        with database.transaction(SYSTEM) as transaction:
            for each in (organization, *givers):
                organizations.change_organization(transaction, each, {"share_memory": each in sharing})
        return client.preview("second.csv", SECOND)["Frobnik"]

    untold = previewed_when_shared_by()
    assert (untold["method"], untold["target"] == "Department") == ("model", False)
    assert previewed_when_shared_by(organization) == untold
    assert previewed_when_shared_by(*givers) == untold
    found = previewed_when_shared_by(organization, *givers)
    assert (found["target"], found["method"]) == ("Department", "memory")
    assert "by 4 organizations that share their memory with you" in str(found["explanation"])
    alone = previewed_when_shared_by(organization, givers[0])
    assert (alone["target"], alone["method"]) == (untold["target"], "model")


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


def test_a_field_counts_from_when_it_is_added_wherever_and_no_longer_than_it_is_there(
    client: Client, database: Database, organization: UUID
) -> None:
    mapping = client.mappings(client.mapped("first.csv", FIRST))["Frobnik"]
    body = {"corrections": [{"mapping_id": mapping["id"], "target": "Frobs"}]}
    assert problem(client.post("/training/corrections", json=body)) == (422, "field_unknown")
    own = {"extends": "default", "fields": [{"name": "Frobs", "label": "Frobs"}]}
    with database.transaction(organization) as transaction:  # as the command line does
        organizations.save_lead_schema(transaction, LeadSchema.from_json(own).as_json(), after=0)
    assert correct(client, mapping, "Frobs")["target"] == "Frobs"
    client.put("/schema", json={"fields": [{"name": "Email", "label": "Email"}]}).raise_for_status()
    assert problem(client.post("/training/corrections", json=body)) == (422, "field_unknown")


def test_a_stale_review_is_refused(client: Client) -> None:
    upload_id = client.mapped("first.csv", FIRST)
    etag = client.get(f"/uploads/{upload_id}").headers["etag"]
    correct(client, client.mappings(upload_id)["Mail"], "Email")
    for tag in (etag, '"of-another-kind"'):
        answer = client.post(f"/uploads/{upload_id}/review", json={"rest": "confirmed"}, headers={"If-Match": tag})
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


def test_patterns_tell_how_right_a_header_was_and_what_its_field_was_mixed_up_with(client: Client) -> None:
    upload = client.mapped("leads.csv", b"E-Mail,Firma\nada@example.com,Example Ltd\n")
    firma = client.mappings(upload)["Firma"]
    wrong = {"mapping_id": firma["id"], "target": "Department"}
    client.post(f"/uploads/{upload}/review", json={"corrections": [wrong], "rest": "confirmed"}).raise_for_status()
    measure_performance(client.database, target_seconds=30, today=datetime.now(UTC).date())
    fields = {each["field"]: each for each in client.get("/training/field-patterns").json()["fields"]}
    company, email = fields["Company"], fields["Email"]
    assert (company["headers"][0]["accuracy"], company["headers"][0]["agreement"]) == (0.0, 0.0)
    assert (email["headers"][0]["accuracy"], email["headers"][0]["reviewed"]) == (1.0, 1)
    assert company["taken_instead"] == [{"field": "Department", "columns": 1}]
    client.delete(f"/training/corrections/{_answer_about(client, upload, firma['id'])}").raise_for_status()
    measure_performance(client.database, target_seconds=30, today=datetime.now(UTC).date())
    (company,) = client.get("/training/field-patterns", params={"field": "Company"}).json()["fields"]
    assert (company["headers"][0]["reviewed"], company["headers"][0]["accuracy"]) == (0, None)
    assert company["taken_instead"] == []


def test_recommendations_say_what_to_do_and_how(client: Client, database: Database, organization: UUID) -> None:
    with database.transaction(SYSTEM) as transaction:
        organizations.change_organization(transaction, organization, {"auto_apply_threshold": 100})
    assert client.get("/training/recommendations").json() == {"made_at": None, "recommendations": [], "checked": []}
    for number in range(2):
        client.mapped("leads.csv", f"E-Mail,Frobnik Quux\nada{number}@example.com,xyzzy\n".encode())
    measure_performance(client.database, target_seconds=30, today=datetime.now(UTC).date())
    advise(client.database, client.settings, today=datetime.now(UTC).date())
    answer = client.get("/training/recommendations").json()
    assert answer["made_at"] is not None
    by_kind = {each["kind"]: each for each in answer["recommendations"]}
    step = by_kind["review_columns"]["steps"][0]
    assert step["rest"] == "POST /api/v1/training/corrections"
    assert client.post("/training/corrections", json=step["body"]).status_code == 200, "it can be done as it is told"


def _answer_about(client: Client, upload: str, mapping: object) -> UUID:
    with client.database.transaction(SYSTEM) as transaction:
        return transaction.value(
            "SELECT id FROM user_corrections WHERE upload_id = :upload AND mapping_id = :mapping",
            upload=upload,
            mapping=mapping,
        )
