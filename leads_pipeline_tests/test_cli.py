"""The command line, as a person or a script meets it: a real process each time."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import pytest

from leads_pipeline.store import organizations, sessions
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline.store.embedded_cluster import SUPERUSER, cluster_of

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"


def leads(*arguments: str, home: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LEADS_", "DATABASE_URL"))}
    if home is not None:
        environment["LEADS_HOME"] = str(home)
    return subprocess.run(
        [sys.executable, "-m", "leads_pipeline", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**inherited, **environment},
        stdin=subprocess.DEVNULL,
        check=False,
    )


def test_help_names_every_command() -> None:
    shown = leads("--help").stdout
    for command in ("up", "demo", "serve", "worker", "map", "benchmark", "db", "token", "admin", "dagster"):
        assert f" {command} " in shown


def test_version_is_the_one_that_is_installed() -> None:
    assert leads("--version").stdout == f"leads_pipeline {version('leads_pipeline')}\n"


def test_map_prints_one_json_object_and_nothing_else() -> None:
    done = leads("map", "--json", str(EXAMPLES / "kundenliste.csv"))
    assert done.returncode == 0, done.stderr
    (file,) = json.loads(done.stdout)["files"]
    (sheet,) = file["sheets"]
    assert sheet["header_row"] == 1
    assert {"index", "header", "target", "confidence", "method", "alternatives", "explanation"} <= sheet["columns"][
        0
    ].keys()


def test_a_file_that_cannot_be_read_has_an_error_beside_the_others(tmp_path: Path) -> None:
    bad = tmp_path / "picture.xlsx"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    done = leads("map", "--json", str(bad), str(EXAMPLES / "kundenliste.csv"))
    assert done.returncode == 2
    first, second = json.loads(done.stdout)["files"]
    assert first["error"]["code"] == "content_mismatch"
    assert "sheets" in second


def test_a_file_that_is_not_there_is_one_line_and_exit_code_2() -> None:
    done = leads("map", "nowhere.csv")
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["leads: nowhere.csv: There is no file nowhere.csv."]


def test_map_shows_a_table_to_a_person() -> None:
    shown = leads("map", str(EXAMPLES / "no_header.csv")).stdout
    assert "no header" in shown
    assert "Column 1" in shown


def test_a_wrong_setting_is_one_line() -> None:
    done = leads("db", "status", PORT="eighty")
    assert done.returncode == 2
    assert done.stderr.startswith("leads: The setting PORT is wrong")
    assert len(done.stderr.splitlines()) == 1


def test_a_database_that_is_not_there_is_one_line_without_the_password() -> None:
    done = leads("db", "status", DATABASE_URL="postgres://somebody:secret-word@127.0.0.1:1/nothing")
    assert done.returncode == 2
    assert "cannot be reached" in done.stderr
    assert "secret-word" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_token_is_made_listed_and_revoked(home: Path, database: object) -> None:
    made = json.loads(leads("token", "create", "--organization", "Command line", "--json", home=home).stdout)
    assert made["token"].startswith("leads_")
    prefix = made["token"].split("_")[1]
    listed = {row["prefix"]: row for row in json.loads(leads("token", "list", "--json", home=home).stdout)["tokens"]}
    assert (listed[prefix]["organization"], listed[prefix]["state"]) == ("Command line", "active")
    assert leads("token", "revoke", prefix, home=home).returncode == 0
    listed = {row["prefix"]: row for row in json.loads(leads("token", "list", "--json", home=home).stdout)["tokens"]}
    assert listed[prefix]["state"] == "revoked"


def test_the_audit_trail_is_shown_verified_and_exported(home: Path, database: object, tmp_path: Path) -> None:
    leads("token", "create", "--organization", "Audited", home=home)
    shown = leads("audit", "list", "--organization", "Audited", home=home).stdout.splitlines()
    assert [line.split()[4] for line in shown] == ["token.created", "organization.created"]
    assert all("operator cli" in line for line in shown)
    done = leads("audit", "export", "--organization", "Audited", str(tmp_path / "audit.jsonl"), home=home)
    assert done.stdout == "3 events.\n"
    lines = (tmp_path / "audit.jsonl").read_text().splitlines()
    assert [json.loads(line)["action"] for line in lines][-1] == "audit.exported"
    found = json.loads(leads("audit", "verify", "--json", home=home).stdout)
    assert found["whole"]
    assert leads("audit", "verify", "--anchor", found["head"], home=home).returncode == 0
    wrong = leads("audit", "verify", "--anchor", f"1:{'0' * 64}", home=home)
    assert (wrong.returncode, wrong.stderr.split(":")[0]) == (1, "The chain does not hold the anchor 1")
    assert leads("audit", "verify", "--anchor", "nonsense", home=home).returncode == 2


@pytest.mark.parametrize("command", [["token", "list"], ["worker"]])
def test_a_command_that_needs_tables_says_how_to_make_them(tmp_path: Path, command: list[str]) -> None:
    done = leads(*command, home=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("run `leads db upgrade`.")


def test_the_database_can_be_checked_and_shown(home: Path, database: object, organization: object) -> None:
    assert leads("db", "check", home=home).returncode == 0
    shown = json.loads(leads("db", "status", "--json", home=home).stdout)
    assert shown["revision"] == shown["newest"]
    assert shown["rows"]["organizations"] > 0, "counted, although nothing has analysed the table yet"


@pytest.mark.parametrize("command", [["db", "check"], ["db", "upgrade"], ["serve"]])
def test_a_role_that_row_level_security_does_not_hold_is_refused(
    home: Path, database: Database, command: list[str]
) -> None:
    superuser = database.url.set(
        drivername="postgres", username=SUPERUSER, password=cluster_of(home).password(SUPERUSER)
    )
    done = leads(*command, DATABASE_URL=superuser.render_as_string(hide_password=False))
    assert done.returncode == 2
    assert "role postgres is a superuser" in done.stderr
    assert "CREATE ROLE leads" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_deleting_everything_needs_a_word(home: Path, database: object) -> None:
    done = leads("db", "reset", home=home)
    assert (done.returncode, done.stderr) == (2, "leads: This deletes data. Say --yes to mean it.\n")


@pytest.mark.parametrize("action", ["--init", "--status"])
def test_the_commands_of_the_earlier_guide_still_work(home: Path, database: object, action: str) -> None:
    done = subprocess.run(
        [sys.executable, "migrations/init_fine_tuning_db.py", action],
        cwd=ROOT,
        env={**os.environ, "LEADS_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert any(word.isdecimal() and len(word) == 4 for word in done.stdout.replace(".", " ").split())


def test_a_taken_port_is_said_in_a_sentence(home: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = leads("up", home=home, PORT=str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "cannot be used" in done.stderr
    assert "PORT" in done.stderr


def test_an_organizations_schema_is_shown_edited_and_set(home: Path, database: object, tmp_path: Path) -> None:
    leads("token", "create", "--organization", "Schema people", home=home)
    shown = leads("schema", "show", "--organization", "Schema people", home=home)
    assert shown.stdout.startswith("# The lead schema of Schema people, version 0.\nfields:\n")
    edited = tmp_path / "schema.yaml"
    edited.write_text(shown.stdout + "- name: Clinic_Size__c\n  label: Clinic size\n  type: number\n")
    stored = leads("schema", "set", str(edited), "--organization", "Schema people", home=home)
    assert stored.stdout.startswith("Stored as version 1"), stored.stderr
    again = leads("schema", "show", "--organization", "Schema people", home=home).stdout
    assert "Clinic_Size__c" in again
    edited.write_text("fields:\n- label: nameless\n")
    refused = leads("schema", "set", str(edited), "--organization", "Schema people", home=home)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    assert leads("schema", "show", "--organization", "Nobody", home=home).returncode == 2


def test_the_password_is_reset_and_sessions_are_shown_and_ended(home: Path, database: Database) -> None:
    made = leads("admin", "reset-password", home=home)
    assert (made.returncode, made.stdout.count("-"), len(made.stdout.strip())) == (0, 3, 23)
    with database.transaction(SYSTEM) as transaction:
        hour = timedelta(hours=1)
        sessions.begin(transaction, role="viewer", name="vera@acme.example", source="token", lasts=hour)
    listed = json.loads(leads("admin", "sessions", "--json", home=home).stdout)["sessions"]
    assert [row["role"] for row in listed if row["name"] == "vera@acme.example"] == ["viewer"]
    assert leads("admin", "log-out", "vera@acme.example", home=home).stdout == "Ended 1 session.\n"
    assert "vera@acme.example" not in leads("admin", "sessions", home=home).stdout
    assert leads("admin", "log-out", home=home).returncode == 2


def test_an_organization_is_made_set_and_shown(home: Path, database: Database) -> None:
    made = leads("organization", "create", "Set people", "auto_apply_threshold=80", "--json", home=home)
    assert json.loads(made.stdout)["auto_apply_threshold"] == 80
    again = leads("organization", "create", "Set people", home=home)
    assert (again.returncode, again.stderr) == (2, "leads: There is an organization Set people already.\n")
    leads("organization", "set", "Set people", "auto_apply_threshold=", "share_training=true", home=home)
    shown = json.loads(leads("organization", "show", "Set people", "--json", home=home).stdout)
    assert (shown["auto_apply_threshold"], shown["share_training"]) == (None, True)
    wrong = leads("organization", "set", "Set people", "auto_apply_threshold=eighty", home=home)
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)
    unknown = leads("organization", "set", "Set people", "colour=blue", home=home)
    assert "auto_apply_threshold" in unknown.stderr
    assert "Set people" in leads("organization", "list", home=home).stdout


def test_a_token_is_rotated_with_an_overlap(home: Path, database: Database) -> None:
    made = json.loads(leads("token", "create", "--organization", "Rotators", "--json", home=home).stdout)["token"]
    fresh = leads("token", "rotate", made.split("_")[1], "--overlap-hours", "2", home=home)
    assert fresh.stdout.startswith("leads_")
    with database.transaction(SYSTEM) as transaction:
        assert all(organizations.token_holder(transaction, token) for token in (made, fresh.stdout.strip()))
