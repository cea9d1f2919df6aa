"""Exports as a client sees them: names and addresses split, texts merged, values as the lead schema writes them."""

import csv
import io

import httpx
import openpyxl
import pyarrow.parquet
import pytest

from leads_pipeline_tests.api.conftest import Client
from leads_pipeline_tests.api.test_uploads import problem

LEADS = """\
Name,E-Mail,Address,Country,Lead Status,Email Opt Out
Dr. Anna Schmidt,anna@x.example,"Hauptstr. 5, 10115 Berlin",Deutschland,neu,nein
"Rossi, Marco",marco@y.example,"Via Roma 12, 20121 Milano (MI)",IT,Closed - Converted,yes
Nordwind GmbH,info@z.example,By the old mill,Atlantis,Ice-cold,
Lena van Dijk,lena@z.example,"Keizersgracht 123, 1015 CJ Amsterdam",Holland,frobnicated,unsubscribed
"""


def rows_of(answer: httpx.Response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.raise_for_status().text.lstrip("\ufeff"), newline="")))


@pytest.fixture
def upload(client: Client) -> str:
    """The file above, mapped and confirmed as it should be."""
    upload_id = client.mapped("leads.csv", LEADS.encode())
    targets = ["FullName", "Email", "Street", "Country", "Status", "OptIn"]
    corrections = [
        {"mapping_id": each["id"], "target": target}
        for each, target in zip(client.mappings(upload_id).values(), targets, strict=True)
    ]
    client.post("/training/corrections", json={"corrections": corrections}).raise_for_status()
    return upload_id


def test_a_file_comes_out_in_the_fields_and_values_of_the_schema(client: Client, upload: str) -> None:
    first, second, third, fourth = rows_of(client.get(f"/uploads/{upload}/leads"))
    assert first == {
        "_sheet": "leads", "_row": "2", "FirstName": "Anna", "LastName": "Schmidt", "FullName": "Dr. Anna Schmidt",
        "Salutation": "Dr.", "Suffix": "", "Email": "anna@x.example", "Street": "Hauptstr. 5", "City": "Berlin", "State": "",
        "PostalCode": "10115", "Country": "Germany", "Status": "Open - Not Contacted", "OptIn": "true",
        "Street (original)": "Hauptstr. 5, 10115 Berlin", "Country (original)": "Deutschland", "Status (original)": "neu",
        "OptIn (original)": "nein",
    }  # fmt: skip
    assert (second["FirstName"], second["LastName"], second["State"]) == ("Marco", "Rossi", "MI")
    assert (second["Status"], second["Status (original)"]) == ("Closed - Converted", "")
    assert (second["OptIn"], fourth["OptIn"], third["OptIn"]) == ("false", "false", "")
    # What is not known, or not sure, stays as it is.
    assert (third["FirstName"], third["LastName"], third["Street"], third["City"]) == (
        "", "Nordwind GmbH", "By the old mill", ""
    )  # fmt: skip
    assert (third["Country"], third["Country (original)"]) == ("Atlantis", "")
    assert (fourth["LastName"], fourth["Country"], fourth["Status"]) == ("van Dijk", "Netherlands", "frobnicated")


def test_a_check_counts_what_stays_as_it_is_and_shows_no_value(client: Client, upload: str) -> None:
    answer = client.get(f"/uploads/{upload}/leads/check").raise_for_status()
    found = answer.json()
    assert found["rows"] == 4
    assert found["changed"] == {"Street": 3, "Country": 3, "Status": 1, "OptIn": 3}
    assert {(each["code"], each["field"], each["count"]) for each in found["warnings"]} == {
        ("values_unknown", "Country", 1),
        ("values_unknown", "Status", 2),
        ("split_unsure", "FullName", 1),
        ("split_unsure", "Street", 1),
    }
    assert not any(word in answer.text for word in ("Atlantis", "frobnicated", "Ice-cold", "Nordwind", "mill"))


def test_originals_and_transforms_can_be_left_out(client: Client, upload: str) -> None:
    bare = rows_of(client.get(f"/uploads/{upload}/leads", params={"originals": "drop"}))[0]
    assert not any("original" in column for column in bare)
    assert (bare["FirstName"], bare["Country"]) == ("Anna", "Germany")
    plain = rows_of(client.get(f"/uploads/{upload}/leads", params={"transforms": "skip"}))[0]
    assert list(plain) == ["_sheet", "_row", "FullName", "Email", "Street", "Country", "Status", "OptIn"]
    assert plain["Country"] == "Deutschland"


def test_xlsx_and_parquet_hold_the_same(client: Client, upload: str) -> None:
    expected = [list(row.values()) for row in rows_of(client.get(f"/uploads/{upload}/leads"))]
    workbook = client.get(f"/uploads/{upload}/leads", params={"format": "xlsx"}).content
    rows = list(openpyxl.load_workbook(io.BytesIO(workbook)).worksheets[0].iter_rows(values_only=True))
    assert [[cell or "" for cell in row] for row in rows[1:]] == expected
    table = pyarrow.parquet.read_table(
        io.BytesIO(client.get(f"/uploads/{upload}/leads", params={"format": "parquet"}).content)
    )
    assert [[cell or "" for cell in row.values()] for row in table.to_pylist()] == expected


def test_mappings_say_what_is_done_with_a_column(client: Client, upload: str) -> None:
    found = {header: row["transform"] for header, row in client.mappings(upload).items()}
    assert found["Name"] == {
        "kind": "split", "of": "name", "fields": ["FirstName", "LastName", "Salutation", "Suffix"]
    }  # fmt: skip
    assert found["E-Mail"] is None
    assert found["Address"] == {"kind": "split", "of": "address", "fields": ["Street", "City", "State", "PostalCode"]}
    assert found["Email Opt Out"] == {"kind": "value_map", "fields": ["OptIn"], "polarity": "reversed"}


def test_a_preview_says_so_too(client: Client) -> None:
    assert client.preview("leads.csv", LEADS.encode())["Name"]["transform"]["of"] == "name"  # pyright: ignore[reportIndexIssue]


def test_a_column_corrected_to_a_full_name_is_split_and_one_corrected_away_is_not(client: Client) -> None:
    upload_id = client.mapped("leads.csv", b"Frobnicator,E-Mail\nAda Byron,ada@x.example\nAlan Turing,alan@y.example\n")
    mapping = client.mappings(upload_id)["Frobnicator"]["id"]

    def answer(target: str | None, **more: str) -> list[dict[str, str]]:
        correction = {"mapping_id": mapping, "target": target, **more}
        client.post("/training/corrections", json={"corrections": [correction]}).raise_for_status()
        return rows_of(client.get(f"/uploads/{upload_id}/leads"))

    assert answer("FullName")[0]["LastName"] == "Byron"
    assert "LastName" not in answer("Company")[0]
    refused = answer("FullName", transform="none")[0]
    assert (refused["FullName"], "LastName" in refused) == ("Ada Byron", False)
    assert client.mappings(upload_id)["Frobnicator"]["transform"] is None


def test_taking_a_refusal_back_brings_the_transform_back(client: Client, upload: str) -> None:
    mapping = client.mappings(upload)["Name"]["id"]
    refusal = {"mapping_id": mapping, "target": "FullName", "transform": "none"}
    kept = client.post("/training/corrections", json={"corrections": [refusal]}).raise_for_status().json()
    assert client.mappings(upload)["Name"]["transform"] is None
    client.delete(f"/training/corrections/{kept['corrections'][0]['id']}").raise_for_status()
    assert client.mappings(upload)["Name"]["transform"] is not None


def test_what_a_person_wants_done_with_the_cells_counts_for_the_next_file_too(client: Client) -> None:
    def sent(person: str) -> str:
        content = f"Frobnicator,E-Mail\nAda Byron,{person}@x.example\nAlan Turing,alan@y.example\n"
        return client.mapped("leads.csv", content.encode())

    def answer(upload_id: str, **more: str) -> str:
        correction = {"mapping_id": client.mappings(upload_id)["Frobnicator"]["id"], "target": "FullName", **more}
        kept = client.post("/training/corrections", json={"corrections": [correction]}).raise_for_status().json()
        return kept["corrections"][0]["id"]

    def is_split(upload_id: str) -> bool:
        split = client.mappings(upload_id)["Frobnicator"]["transform"] is not None
        assert split == ("LastName" in rows_of(client.get(f"/uploads/{upload_id}/leads"))[0])
        return split

    answer(sent("ada"), transform="none")
    second = sent("byron")
    assert not is_split(second)
    client.post(f"/uploads/{second}/review", json={"rest": "confirmed"}).raise_for_status()
    assert not is_split(second)
    answer(second)
    assert not is_split(second)
    asked_back = answer(second, transform="auto")
    assert is_split(second)
    assert is_split(sent("lovelace"))
    client.delete(f"/training/corrections/{asked_back}").raise_for_status()
    assert not is_split(second)
    assert not is_split(sent("countess"))


def test_several_columns_are_merged_into_the_description(client: Client) -> None:
    content = (
        b"E-Mail,Budget,Next step,Notes\nada@x.example,small,call,likes tea\nbob@y.example,,,\ncy@z.example,,wait,\n"
    )
    upload_id = client.mapped("leads.csv", content)
    found = client.mappings(upload_id)
    corrections = [
        {"mapping_id": found[header]["id"], "target": "Description"} for header in ("Budget", "Next step", "Notes")
    ]
    kept = client.post("/training/corrections", json={"corrections": corrections}).raise_for_status().json()
    assert [each["unseated"] for each in kept["corrections"]] == [[], [], []]
    texts = [
        row["Description"] for row in rows_of(client.get(f"/uploads/{upload_id}/leads", params={"include": "proposed"}))
    ]
    assert texts == ["Budget: small\nNext step: call\nNotes: likes tea", "", "Next step: wait"]
    assert client.mappings(upload_id)["Notes"]["transform"] == {
        "kind": "merge", "fields": ["Description"], "label": "Notes"
    }  # fmt: skip
    # The next file of this kind is merged without anybody saying so again.
    again = client.preview("leads.csv", content)
    assert [again[header]["target"] for header in ("Budget", "Next step", "Notes")] == ["Description"] * 3


@pytest.mark.parametrize(
    ("target", "wish"), [("Email", "split"), ("Phone", "value_map"), ("City", "merge"), (None, "split")]
)
def test_a_transform_that_the_field_cannot_have_is_refused(
    client: Client, upload: str, target: str | None, wish: str
) -> None:
    correction = {"mapping_id": client.mappings(upload)["E-Mail"]["id"], "target": target, "transform": wish}
    assert problem(client.post("/training/corrections", json={"corrections": [correction]})) == (422, "transform_unfit")
    body = {"corrections": [correction], "rest": "unreviewed"}
    assert problem(client.post(f"/uploads/{upload}/review", json=body)) == (422, "transform_unfit")


def test_a_check_of_what_cannot_be_exported_is_a_problem(client: Client) -> None:
    upload_id = client.send_file("leads.csv", LEADS.encode()).json()["id"]
    assert problem(client.get(f"/uploads/{upload_id}/leads/check")) == (409, "not_mapped")


def test_an_organizations_own_values_are_those_of_its_export(client: Client, upload: str) -> None:
    fields = client.get("/schema").json()["fields"]
    for field in fields:
        if field["name"] == "Status":
            field["picklist"] = ["Fresh", "Signed"]
            field["picklist_synonyms"] = {"Fresh": ["frobnicated"]}
    client.put("/schema", json={"fields": fields}).raise_for_status()
    found = [row["Status"] for row in rows_of(client.get(f"/uploads/{upload}/leads"))]
    assert found == ["Fresh", "Signed", "Ice-cold", "Fresh"]
