"""Sending a file, watching it, exporting its leads: what a client of REST sees."""

import io
import re
import socket
import threading
from collections.abc import Iterator
from uuid import UUID

import httpx
import openpyxl
import pyarrow.parquet
import pytest

from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline_tests.api.conftest import Client, token_for

CSV = (
    b"First Name,Last Name,E-Mail,Firma\nAda,Byron,ada@example.com,Example Ltd\nAlan,Turing,alan@example.org,Test Inc\n"
)


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a problem object, whose form is checked."""
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert {"type", "title", "status", "detail", "code", "request_id"} <= body.keys()
    assert body["status"] == answer.status_code
    assert answer.headers["x-request-id"] == body["request_id"]
    return answer.status_code, body["code"]


def test_a_file_is_accepted_mapped_and_exported(client: Client) -> None:
    accepted = client.send_file("leads.csv", CSV)
    assert accepted.status_code == 202
    location = accepted.headers["location"]
    assert location == f"/api/v1/uploads/{accepted.json()['id']}"
    assert accepted.json()["status"] == "received"
    client.work(accepted.json()["id"])
    upload = client.get(location.removeprefix("/api/v1")).json()
    assert (upload["status"], upload["rows"], upload["columns"]) == ("mapped", 2, 4)
    assert client.mappings(upload["id"])["E-Mail"]["target"] == "Email"
    leads = client.get(f"/uploads/{upload['id']}/leads", params={"include": "proposed"})
    header, first, *_ = leads.text.lstrip("\ufeff").splitlines()
    assert header.startswith("_sheet,_row,FirstName,LastName")
    assert "ada@example.com" in first


@pytest.mark.parametrize("name", ["leads.csv.exe", "leads.php", "leads.svg", "leads"])
def test_other_kinds_of_files_are_refused(client: Client, name: str) -> None:
    assert problem(client.send_file(name, CSV)) == (415, "unsupported_file_type")


def test_a_file_that_is_not_what_it_says_is_refused_at_once(client: Client) -> None:
    assert problem(client.send_file("leads.xlsx", b"\x89PNG\r\n\x1a\n" + bytes(100))) == (422, "content_mismatch")


def test_an_empty_file_is_refused(client: Client) -> None:
    assert problem(client.send_file("leads.csv", b"")) == (422, "file_empty")


def test_a_form_without_a_file_or_with_two_is_refused(client: Client) -> None:
    form = {"other": ("x.csv", b"a")}
    assert problem(client.post("/uploads", files=form)) == (422, "file_missing")
    two = [("file", ("a.csv", CSV)), ("file", ("b.csv", CSV))]
    assert problem(client.post("/uploads", files=two)) == (422, "multiple_files")


def test_a_form_of_a_thousand_parts_is_refused(client: Client) -> None:
    parts = [(f"p{number}", (None, b"x")) for number in range(1001)]
    assert problem(client.post("/uploads", files=parts)) == (400, "too_many_parts")


def test_a_body_that_is_no_form_is_refused(client: Client) -> None:
    assert problem(client.post("/uploads", json={"file": "x"})) == (415, "unsupported_media_type")
    assert problem(client.post("/uploads", data={"file": "x"})) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("boundary", "body"),
    [
        ("", b"x"),
        ("; boundary=b", b"--other\r\n\r\nx"),
        ("; boundary=b", b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nName\nAda'),
        (
            "; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="'
            + b"a" * 5000
            + b'.csv"\r\n\r\nx\r\n--b--\r\n',
        ),
    ],
)
def test_a_malformed_form_is_refused(client: Client, boundary: str, body: bytes) -> None:
    headers = {"content-type": f"multipart/form-data{boundary}"}
    assert problem(client.post("/uploads", content=body, headers=headers)) == (400, "multipart_malformed")


@pytest.mark.parametrize("name", [b"a\0.csv", b"a%0d%0aX.csv", b"a\rX.csv", b"a\nX.csv", b"a\r\nX: 1.csv"])
def test_a_line_break_in_a_name_is_told_as_such(client: Client, name: bytes) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="' + name + b'"\r\n\r\nx\r\n--b--\r\n'
    headers = {"content-type": "multipart/form-data; boundary=b"}
    assert problem(client.post("/uploads", content=body, headers=headers)) == (422, "filename_invalid")


def test_a_file_over_the_limit_is_refused_before_its_body_is_read(client: Client) -> None:
    request = client.build_request("POST", "/uploads", headers={"content-type": "multipart/form-data; boundary=b"})
    request.headers["content-length"] = "10000000"
    with socket.create_connection((request.url.host, request.url.port or 80), timeout=10) as connection:
        lines = [f"POST {request.url.path} HTTP/1.1", *(f"{name}: {value}" for name, value in request.headers.items())]
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        assert b" 413 " in connection.recv(65536).splitlines()[0]


def test_a_chunked_file_over_the_limit_is_refused(client: Client, database: Database, organization: UUID) -> None:
    def blocks() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        for _ in range(40):
            yield b"a,b\n" * 25_000

    headers = {"content-type": "multipart/form-data; boundary=b"}
    assert problem(client.post("/uploads", content=blocks(), headers=headers)) == (413, "file_too_large")
    assert client.get("/uploads").json()["uploads"] == []


def test_a_silent_client_is_not_waited_for_for_ever(client: Client) -> None:
    url = client.base_url
    with socket.create_connection((url.host, url.port or 80), timeout=10) as connection:
        connection.sendall(
            f"POST /api/v1/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: {client.headers['authorization']}\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000\r\n\r\n--b\r\n".encode()
        )
        assert b" 408 " in connection.recv(65536).splitlines()[0]


def test_a_client_that_sends_a_byte_now_and_then_is_not_waited_for_either(client: Client) -> None:
    url = client.base_url
    with socket.create_connection((url.host, url.port or 80), timeout=0.1) as connection:
        connection.sendall(
            f"POST /api/v1/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: {client.headers['authorization']}\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000\r\n\r\n--b\r\n".encode()
        )
        answer = b""
        for _ in range(100):
            connection.sendall(b"C")
            try:
                answer = connection.recv(65536)
            except TimeoutError:
                continue
            break
    assert b" 408 " in answer.splitlines()[0]


def test_a_file_name_is_made_safe(client: Client) -> None:
    assert client.send_file("../../etc/passwd.csv", CSV).json()["filename"] == "passwd.csv"


def test_the_same_bytes_are_stored_once_unless_forced(client: Client, stranger: Client) -> None:
    first = client.send_file("leads.csv", CSV).json()
    again = client.send_file("copy.csv", CSV)
    assert (again.status_code, again.json()["duplicate_of"]) == (200, first["id"])
    forced = client.send_file("copy.csv", CSV, params={"force": "true"})
    assert (forced.status_code, forced.json()["duplicate_of"]) == (202, None)
    elsewhere = stranger.send_file("leads.csv", CSV)
    assert (elsewhere.status_code, elsewhere.json()["duplicate_of"]) == (202, None)


def test_a_repeated_request_gets_the_first_answer(client: Client) -> None:
    headers = {"Idempotency-Key": "one"}
    first = client.send_file("leads.csv", CSV, headers=headers)
    again = client.send_file("leads.csv", CSV, headers=headers)
    assert again.json() == first.json()
    assert again.status_code == 202
    assert again.headers["idempotency-replayed"] == "true"
    other = client.send_file("leads.csv", CSV + b"Grace,Hopper,grace@example.net,Navy\n", headers=headers)
    assert problem(other) == (422, "idempotency_key_reused")


def test_a_key_whose_request_was_refused_can_be_used_again(client: Client) -> None:
    headers = {"Idempotency-Key": "two"}
    assert client.send_file("leads.csv", b"", headers=headers).status_code == 422
    assert client.send_file("leads.csv", CSV, headers=headers).status_code == 202


def test_many_identical_requests_at_once_make_one_upload(client: Client) -> None:
    headers = {"Idempotency-Key": "three"}
    statuses: list[int] = []

    def send() -> None:
        statuses.append(client.send_file("leads.csv", CSV, headers=headers).status_code)

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {202, 409}
    assert len(client.get("/uploads").json()["uploads"]) == 1


def test_uploads_are_paged_newest_first(client: Client) -> None:
    ids = [client.send_file("leads.csv", CSV + bytes([65 + number, 10])).json()["id"] for number in range(5)]
    seen: list[str] = []
    cursor = None
    while True:
        page = client.get("/uploads", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [upload["id"] for upload in page["uploads"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == ids[::-1]


def test_an_unchanged_upload_is_not_sent_again(client: Client) -> None:
    upload_id = client.send_file("leads.csv", CSV).json()["id"]
    etag = client.get(f"/uploads/{upload_id}").headers["etag"]
    assert client.get(f"/uploads/{upload_id}", headers={"If-None-Match": etag}).status_code == 304
    client.work(upload_id)
    assert client.get(f"/uploads/{upload_id}", headers={"If-None-Match": etag}).status_code == 200


def test_a_damaged_file_ends_as_a_failed_upload_with_a_problem(client: Client) -> None:
    workbook = io.BytesIO()
    openpyxl.Workbook().save(workbook)
    upload_id = client.mapped("leads.xlsx", workbook.getvalue())
    upload = client.get(f"/uploads/{upload_id}").json()
    assert (upload["status"], upload["problem"]["code"]) == ("failed", "no_data")


def test_leads_come_as_csv_xlsx_and_parquet(client: Client) -> None:
    upload_id = client.mapped("leads.csv", CSV)
    address = f"/uploads/{upload_id}/leads"
    sheet = openpyxl.load_workbook(io.BytesIO(client.get(address, params={"format": "xlsx"}).content)).worksheets[0]
    assert sheet.max_row == 3
    table = pyarrow.parquet.read_table(io.BytesIO(client.get(address, params={"format": "parquet"}).content))
    assert table.num_rows == 2
    assert problem(client.get(address, params={"format": "pdf"})) == (422, "request_invalid")


def test_unmapped_columns_come_along_on_request(client: Client) -> None:
    upload_id = client.mapped("leads.csv", b"E-Mail,Frobnication quotient\nada@example.com,0.7\nbob@example.org,0.9\n")
    address = f"/uploads/{upload_id}/leads"
    assert "Frobnication" not in client.get(address).text
    assert "Frobnication quotient" in client.get(address, params={"unmapped": "keep"}).text


def test_cells_that_would_run_as_formulas_are_neutralised_and_phones_are_not(client: Client) -> None:
    upload_id = client.mapped(
        "leads.csv", b'Company,Phone\n"=HYPERLINK(""x"")",+49 30 23125 001\n@SUM(A1),+49 30 23125 002\n'
    )
    text = client.get(f"/uploads/{upload_id}/leads", params={"include": "proposed", "unmapped": "keep"}).text
    assert "'=HYPERLINK" in text
    assert "'@SUM" in text
    assert ",+49 30 23125 001" in text


def test_leads_of_an_upload_that_is_not_mapped_yet_are_a_conflict(client: Client) -> None:
    upload_id = client.send_file("leads.csv", CSV).json()["id"]
    assert problem(client.get(f"/uploads/{upload_id}/leads")) == (409, "not_mapped")


def test_leads_whose_contents_are_gone_are_gone(client: Client, database: Database) -> None:
    upload_id = client.mapped("leads.csv", CSV)
    with database.transaction(SYSTEM) as transaction:
        transaction.run("UPDATE file_uploads SET contents_deleted_at = now() WHERE id = :id", id=upload_id)
    assert problem(client.get(f"/uploads/{upload_id}/leads")) == (410, "content_expired")
    assert problem(client.post(f"/uploads/{upload_id}/remap")) == (410, "content_expired")


def test_a_deleted_upload_is_not_found(client: Client) -> None:
    upload_id = client.mapped("leads.csv", CSV)
    assert client.delete(f"/uploads/{upload_id}").status_code == 204
    assert problem(client.get(f"/uploads/{upload_id}")) == (404, "not_found")


def test_nothing_of_another_organization_is_there(client: Client, stranger: Client) -> None:
    upload_id = client.mapped("leads.csv", CSV)
    mapping = client.mappings(upload_id)["Firma"]["id"]
    answers = [
        stranger.get(f"/uploads/{upload_id}"),
        stranger.get(f"/uploads/{upload_id}/mappings"),
        stranger.get(f"/uploads/{upload_id}/leads"),
        stranger.post(f"/uploads/{upload_id}/remap"),
        stranger.post(f"/uploads/{upload_id}/review", json={"rest": "confirmed"}),
        stranger.delete(f"/uploads/{upload_id}"),
        stranger.post("/training/corrections", json={"corrections": [{"mapping_id": mapping, "target": None}]}),
    ]
    assert {problem(answer) for answer in answers} == {(404, "not_found")}
    assert stranger.get("/uploads").json()["uploads"] == []


@pytest.mark.parametrize("authorization", [None, "Bearer leads_abc", "Bearer x" * 2000, "Basic YTpi"])
def test_a_request_without_a_good_token_is_refused(base_url: str, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = httpx.get(f"{base_url}/api/v1/uploads", headers=headers)
    assert problem(answer) == (401, "unauthorized")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_narrow_token_does_what_it_may_and_no_more(base_url: str, database: Database, organization: UUID) -> None:
    headers = {"Authorization": f"Bearer {token_for(database, organization, ('uploads:read',))}"}
    assert httpx.get(f"{base_url}/api/v1/uploads", headers=headers).status_code == 200
    sent = httpx.post(f"{base_url}/api/v1/uploads", headers=headers, files={"file": ("a.csv", CSV)})
    assert problem(sent) == (403, "insufficient_scope")


def test_an_address_that_is_not_there_is_a_problem_too(base_url: str) -> None:
    assert problem(httpx.get(f"{base_url}/api/v1/nowhere")) == (404, "not_found")
    assert problem(httpx.patch(f"{base_url}/api/v1/uploads")) == (405, "method_not_allowed")


def test_health_needs_no_token(base_url: str) -> None:
    assert httpx.get(f"{base_url}/api/v1/health/live").json() == {"status": "ok"}
    assert httpx.get(f"{base_url}/api/v1/health/ready").json() == {"status": "ok"}


def test_the_description_of_the_api_needs_no_other_site(base_url: str) -> None:
    page = httpx.get(f"{base_url}/docs").raise_for_status().text
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert loaded
    for address in loaded:
        assert address.startswith("/")
        assert httpx.get(f"{base_url}{address}").status_code == 200


def test_files_that_were_drawn_at_random_say_that_they_want_a_full_review(client: Client) -> None:
    client.settings = client.settings.model_copy(update={"audit_share": 1.0})
    drawn = client.mapped("drawn.csv", CSV)
    client.settings = client.settings.model_copy(update={"audit_share": 0.0})
    other = client.mapped("other.csv", CSV.replace(b"Ada", b"Eva"))
    assert client.get(f"/uploads/{other}").json()["audit"] is None
    assert client.get(f"/uploads/{drawn}/mappings").json()["audit"] == "wanted"
    wanted = client.get("/uploads", params={"audit": "wanted"}).json()["uploads"]
    assert [upload["id"] for upload in wanted] == [drawn]
    answer = client.post(f"/uploads/{drawn}/review", json={"rest": "confirmed"}).json()
    assert answer["upload"]["audit"] == "done"
    assert client.get("/uploads", params={"audit": "wanted"}).json()["uploads"] == []
