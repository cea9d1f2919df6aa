"""Training datasets, over HTTP."""

import io

import pandas as pd

from leads_pipeline.defs.building import build_requested
from leads_pipeline.defs.examples import make_waiting_examples
from leads_pipeline.store import dataset_requests
from leads_pipeline.store.database import SYSTEM
from leads_pipeline.training.dataset_files import read_lines
from leads_pipeline_tests.api.conftest import Client
from leads_pipeline_tests.api.test_uploads import problem

FILE = b"Name,Mail,Frobnik\nAda Byron,ada@example.com,Example Ltd\nAlan Turing,alan@example.org,Test Inc\n"


def generated(client: Client, **parameters: object) -> dict[str, object]:
    """Ask for a dataset, let it be built, and return what the request came to."""
    asked = client.post("/training/generate-dataset", json=parameters)
    assert asked.status_code == 202, asked.text
    assert asked.headers["location"] == asked.json()["status_url"]
    make_waiting_examples(client.database, client.settings)
    with client.database.transaction(SYSTEM) as transaction:
        request = dataset_requests.take(transaction, "run")
    while request is not None:
        build_requested(client.database, client.settings, request)
        with client.database.transaction(SYSTEM) as transaction:
            request = dataset_requests.take(transaction, "run")
    return client.get(asked.json()["status_url"].removeprefix("/api/v1")).raise_for_status().json()


def reviewed(client: Client) -> str:
    upload = client.mapped("first.csv", FILE)
    client.post(f"/uploads/{upload}/review", json={"rest": "confirmed", "reviewer": "ann"}).raise_for_status()
    return upload


def test_a_reviewed_file_becomes_a_dataset_that_can_be_downloaded(client: Client, stranger: Client) -> None:
    reviewed(client)
    done = generated(client, min_confidence=70)
    assert (done["status"], done["version"], done["problem"]) == ("done", 1, None)
    (listed,) = [
        each for each in client.get("/training/datasets").json()["datasets"] if each["scope"] == "organization"
    ]
    assert (listed["version"], listed["status"], listed["examples"]) == (1, "frozen", 3)
    card = client.get("/training/datasets/1").json()
    assert card["card"]["evidence"] == {"reviewed": 3}
    assert card["lineage"]["corrections"] == 3
    lines = read_lines(client.get("/training/datasets/1/download").raise_for_status().content)
    assert [line["header"] for line in lines] == ["Name", "Mail", "Frobnik"]
    assert b"ada@example.com" not in client.get("/training/datasets/1/download").content
    frame = pd.read_parquet(io.BytesIO(client.get("/training/datasets/1/download?format=parquet").content))
    assert list(frame["header"]) == ["Name", "Mail", "Frobnik"]
    assert problem(client.get("/training/datasets/1/download?format=chat")) == (409, "dataset_refused")
    assert client.get("/training/summary").json()["datasets"] >= 1
    for address in (
        "/training/datasets/1",
        "/training/datasets/1/download",
        f"/training/dataset-requests/{done['id']}",
    ):
        assert stranger.get(address).status_code == 404


def test_a_dataset_whose_upload_was_deleted_is_gone(client: Client) -> None:
    upload = reviewed(client)
    generated(client)
    client.delete(f"/uploads/{upload}").raise_for_status()
    assert client.get("/training/datasets/1").json()["status"] == "withdrawn"
    assert problem(client.get("/training/datasets/1/download")) == (410, "dataset_withdrawn")


def test_nothing_to_learn_from_is_said_on_the_request(client: Client) -> None:
    failed = generated(client)
    assert failed["status"] == "failed"
    assert isinstance(failed["problem"], dict)
    assert failed["problem"]["code"] == "no_examples"
    assert "Correct mappings" in failed["problem"]["detail"]


def test_wrong_parameters_and_shared_scope_of_one_that_does_not_share_are_refused(client: Client) -> None:
    for wrong in ({"min_confidence": 101}, {"evidence": ["hearsay"]}, {"since": "yesterday"}, {"colour": "blue"}):
        assert problem(client.post("/training/generate-dataset", json=wrong)) == (422, "request_invalid")
    told = client.post("/training/generate-dataset", json={"since": "yesterday"}).json()["detail"]
    assert told == "body.since: that is no day; write it as 2026-01-31"
    asked = client.post("/training/generate-dataset", json={"scope": "shared"})
    assert problem(asked) == (403, "insufficient_scope")
    assert problem(client.get("/training/datasets/1/download?scope=shared")) == (403, "insufficient_scope")
