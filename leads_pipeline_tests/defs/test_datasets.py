"""From a reviewed file to a frozen dataset, through the real job on a real database."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import dagster as dg
import pytest

from leads_pipeline.definitions import build_definitions
from leads_pipeline.defs.building import Built, build, rows_of
from leads_pipeline.defs.datasets import requested_datasets
from leads_pipeline.defs.examples import make_waiting_examples, reviewed_uploads
from leads_pipeline.defs.processing import process
from leads_pipeline.defs.resources import Leads
from leads_pipeline.errors import DatasetRefused
from leads_pipeline.settings import Settings
from leads_pipeline.store import corrections, dataset_requests, datasets, examples, mappings, organizations, uploads
from leads_pipeline.store.corrections import Correction
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline.store.ids import new_id
from leads_pipeline.training import dataset_files
from leads_pipeline.training.parameters import DatasetParameters
from leads_pipeline_tests.builders import claim_for, received
from leads_pipeline_tests.conftest import new_organization

PEOPLE = (
    "Vorname,Nachname,E-Mail,Telefon,Anruf mit Wilhelmina Quastenberg\n"
    "Wilhelmina,Quastenberg,w.quastenberg@zwickel-ag.de,+49 171 8865432,ja\n"
    "Peter,Zwickelhuber,peter@zwickelhuber.com,030 90298811,nein\n"
    "Anna,Knorpelmann,anna.k@knorpel.org,0171/7654321,ja\n"
)
CANARIES = ("quast", "zwickel", "knorpel", "wilhelmina", "8865432", "90298811", "7654321")
EVERYTHING = DatasetParameters()


class Files:
    """Files of one organization that somebody reviewed."""

    def __init__(self, database: Database, settings: Settings, organization: UUID) -> None:
        self.database, self.settings, self.organization = database, settings, organization

    def reviewed(
        self,
        content: str,
        answers: Mapping[str, str | None] | None = None,
        *,
        reviewer: str = "ann",
        whole: bool = True,
    ) -> UUID:
        upload = received(self.database, self.organization, content.encode())
        process(self.database, self.settings, claim_for(self.database, upload))
        with self.database.transaction(self.organization) as transaction:
            rows = {row.header: row for row in mappings.mappings_of(transaction, uploads.upload(transaction, upload))}
            made = [
                Correction(rows[header].id, target, reviewer=reviewer) for header, target in (answers or {}).items()
            ]
            corrections.review(
                transaction, upload, made, rest_confirmed=whole, single_valued=frozenset(), reviewer=reviewer
            )
        return upload

    def lists(self, count: int) -> None:
        """Files of as many layouts, with three columns each."""
        for number in range(count):
            word = "".join(chr(ord("a") + int(digit)) for digit in f"{number:03d}")
            self.reviewed(f"E-Mail,Firma {word},Frobnik {word}\nada{number}@example.com,Test {number} GmbH,{number}\n")

    def build(self, parameters: DatasetParameters = EVERYTHING) -> Built:
        make_waiting_examples(self.database, self.settings)
        return build(self.database, self.settings, parameters, owner=self.organization)

    def rows(self, built: Built) -> list[dataset_files.Row]:
        with self.database.transaction(self.organization) as transaction:
            return list(rows_of(transaction, built.dataset.id))

    def content(self, built: Built, file_format: dataset_files.FileFormat = "jsonl") -> bytes:
        with self.database.transaction(self.organization) as transaction:
            return b"".join(dataset_files.write(rows_of(transaction, built.dataset.id), file_format))

    def evidence(self) -> dict[str, tuple[str | None, str | None]]:
        make_waiting_examples(self.database, self.settings)
        with self.database.transaction(self.organization) as transaction:
            found = transaction.all("SELECT header, target, evidence FROM training_examples ORDER BY created_at")
        return {row["header"]: (row["target"], row["evidence"]) for row in found}


@pytest.fixture
def files(database: Database, settings: Settings, organization: UUID, leads: Leads) -> Files:
    return Files(database, settings, organization)


def run_job(job: str, config: dict[str, Any] | None = None) -> dg.ExecuteInProcessResult:
    """The job, as Dagster runs it."""
    definition = build_definitions().resolve_job_def(job)
    with dg.instance_for_test() as instance:
        return definition.execute_in_process(
            instance=instance,
            run_config={"ops": {"training_datasets": {"config": config or {}}}},
            raise_on_error=False,
        )


def test_no_planted_person_is_in_anything_that_is_kept(files: Files) -> None:
    files.reviewed(PEOPLE, {"Nachname": "Company"}, reviewer="Wilhelmina Quastenberg")
    files.lists(1)
    built = files.build()
    with files.database.transaction(files.organization) as transaction:
        kept = transaction.all("SELECT to_jsonb(e) AS row FROM training_examples e")
    everything = json.dumps(kept, default=str) + json.dumps(dict(built.dataset.card)) + files.content(built).decode()
    assert [canary for canary in CANARIES if canary in everything.casefold()] == []
    assert any(row["row"]["header"] == "Anruf mit •" for row in kept)
    assert all(row["row"]["surrogates"] for row in kept)


def test_evidence_tells_what_people_did_and_follows_what_they_take_back(files: Files) -> None:
    upload = files.reviewed("E-Mail,Frobnik,Firma\nada@example.com,1,Test GmbH\n", {"Frobnik": "Industry"}, whole=False)
    assert files.evidence() == {
        "E-Mail": ("Email", "unreviewed"),
        "Frobnik": ("Industry", "corrected"),
        "Firma": ("Company", "unreviewed"),
    }
    with files.database.transaction(files.organization) as transaction:
        made = transaction.value("SELECT id FROM user_corrections WHERE organization_id = :id", id=files.organization)
        corrections.undo(transaction, made, single_valued=frozenset())
        corrections.review(transaction, upload, [], rest_confirmed=True, single_valued=frozenset())
    assert {header: evidence for header, (_, evidence) in files.evidence().items()} == dict.fromkeys(
        ("E-Mail", "Frobnik", "Firma"), "reviewed"
    )


def test_a_version_is_the_same_to_the_byte_and_is_not_made_twice(files: Files) -> None:
    files.lists(3)
    first = files.build()
    again = files.build()
    assert (again.unchanged, again.dataset.version) == (True, first.dataset.version)
    assert files.content(first) == files.content(again)
    files.reviewed(PEOPLE)
    second = files.build()
    assert (second.unchanged, second.dataset.version) == (False, 2)
    assert second.dataset.card["difference"] == {
        "from_version": 1, "added": 5, "removed": 0, "relabelled": 0, "moved": 0, "same": 9,
    }  # fmt: skip
    assert second.dataset.lineage == {"examples": 14, "mappings": 14, "corrections": 14, "organizations": 1}
    with files.database.transaction(files.organization) as transaction:
        assert datasets.dataset(transaction, first.dataset.id) == first.dataset


def test_the_same_template_counts_once_however_often_it_comes(files: Files) -> None:
    for number in range(3):
        files.reviewed(f"E-Mail,Firma\nada{number}@example.com,Test {number} GmbH\n")
    built = files.build()
    assert built.dataset.example_count == 2
    assert {row.copies for row in files.rows(built)} == {3}
    assert built.dataset.card["left_out"]["the same column of the same template"] == 4


def test_a_disputed_header_is_worth_less_and_is_named_on_the_card(files: Files) -> None:
    files.reviewed("E-Mail,Frobnik,Ort\na@example.com,Müller,Kiel\n", {"Frobnik": "LastName"})
    files.reviewed("E-Mail,Frobnik,Land\nb@example.com,Meier,Kiel\n", {"Frobnik": "Company"}, reviewer="bob")
    built = files.build()
    by_header = {row.header: row for row in files.rows(built)}
    assert "disputed" in by_header["Frobnik"].reasons
    assert by_header["Frobnik"].quality < by_header["E-Mail"].quality
    (conflict,) = built.dataset.card["conflicts"]
    assert conflict["answers"] == {"LastName": 1, "Company": 1}


def test_a_split_never_divides_a_family_of_templates(files: Files) -> None:
    files.lists(10)
    rows = files.rows(files.build())
    splits: dict[str, set[str]] = {}
    for row in rows:
        splits.setdefault(row.sheet, set()).add(row.split)
    assert all(len(found) == 1 for found in splits.values())
    keys = ["email", "firma", "ort", "land", "telefon", "plz"]
    with files.database.transaction(SYSTEM) as transaction:
        one = examples.family_of(transaction, files.organization, b"a" * 16, keys)
        like = examples.family_of(transaction, new_organization(files.database), b"b" * 16, [*keys, "fax"])
        other = examples.family_of(transaction, files.organization, b"c" * 16, [*keys[:2], "x", "y", "z"])
    assert (like, other) == (one, b"c" * 16)


def test_an_erasure_withdraws_every_version_that_it_touches(files: Files) -> None:
    files.lists(2)
    upload = files.reviewed(PEOPLE)
    with files.database.transaction(SYSTEM) as transaction:
        transaction.run("UPDATE organizations SET share_training = true WHERE id = :id", id=files.organization)
    own = files.build()
    shared = build(files.database, files.settings, DatasetParameters(scope="shared"), owner=None)
    with files.database.transaction(files.organization) as transaction:
        uploads.delete(transaction, upload)
    with files.database.transaction(SYSTEM) as transaction:
        transaction.run("UPDATE organizations SET share_training = false WHERE id = :id", id=files.organization)
        for built in (own, shared):
            found = datasets.dataset(transaction, built.dataset.id)
            assert (found.status, bool(found.withdrawn_because)) == ("withdrawn", True)
        newest = datasets.newest(transaction, files.organization)
    assert newest is None
    assert files.build().dataset.version == 2


def test_a_shared_dataset_holds_only_what_organizations_share(
    files: Files, database: Database, settings: Settings
) -> None:
    with database.transaction(SYSTEM) as transaction:
        sharing = organizations.ensure_organization(transaction, f"Sharing {files.organization}", share_training=True)
    files.lists(2)
    theirs = Files(database, settings, sharing)
    theirs.reviewed(PEOPLE)
    with database.transaction(sharing) as transaction:
        # A field of their own means nothing to anybody else.
        transaction.run(
            "UPDATE field_mappings SET predicted = 'Clinic__c', target = 'Clinic__c' WHERE header = 'Vorname'"
        )
        transaction.run("UPDATE user_corrections SET corrected = 'Clinic__c' WHERE predicted = 'FirstName'")
    make_waiting_examples(database, settings)
    built = build(
        database, settings, DatasetParameters(scope="shared"), owner=None, names=[f"Sharing {files.organization}"]
    )
    with database.transaction(SYSTEM) as transaction:
        rows = list(rows_of(transaction, built.dataset.id))
        transaction.run("UPDATE organizations SET share_training = false WHERE id = :id", id=sharing)
    assert len({row.organization for row in rows}) == 1
    assert "Clinic__c" not in {row.target for row in rows if row.weight}
    assert built.dataset.card["left_out"]["field of one organization"] == 1
    with database.transaction(files.organization) as transaction:
        # The version can be seen by everybody, its rows by their owners alone.
        assert datasets.dataset_numbered(transaction, None, built.dataset.version).id == built.dataset.id
        assert list(rows_of(transaction, built.dataset.id)) == []


def test_parameters_choose_what_counts(files: Files) -> None:
    files.reviewed("E-Mail,Frobnik,Firma\nada@example.com,1,Test GmbH\n", {"Frobnik": "Industry"}, whole=False)
    files.reviewed("E-Mail,Ort\nada@example.com,Kiel\n")
    assert files.build(DatasetParameters(evidence=["corrected"])).dataset.example_count == 1
    some = files.build(DatasetParameters(evidence=["reviewed", "unreviewed"], min_confidence=0, unreviewed_weight=0.5))
    weights = {row.evidence: row.weight for row in files.rows(some) if row.weight}
    assert weights["unreviewed"] < 0.5 * weights["reviewed"]
    assert files.build(DatasetParameters(max_per_field=1)).dataset.card["fields"]["Email"] == 1
    with pytest.raises(DatasetRefused, match="Nothing was reviewed"):
        files.build(DatasetParameters(until="2001-01-01"))


def test_chats_keep_the_rules_of_services_and_small_ones_are_refused(files: Files) -> None:
    files.lists(12)
    built = files.build()
    chats = dataset_files.read_lines(files.content(built, "chat"))
    assert chats
    assert [problem for line in chats for problem in dataset_files.problems_of(line)] == []
    assert {line["messages"][-1]["content"] for line in chats} >= {"Email", "Company"}
    with pytest.raises(DatasetRefused, match="fewer than 10 corrected columns"):
        dataset_files.require_enough(built.dataset.counts, "preference", None)


def test_the_job_freezes_what_was_asked_for_and_its_check_passes(files: Files) -> None:
    files.lists(2)
    with files.database.transaction(files.organization) as transaction:
        request = dataset_requests.ask(transaction, files.organization, EVERYTHING.model_dump())
    with dg.instance_for_test() as instance, dg.build_sensor_context(instance, resources={"leads": Leads()}) as context:
        asked = requested_datasets(context)
        assert isinstance(asked, dg.RunRequest)
        assert isinstance(reviewed_uploads(context), dg.RunRequest)
        at_work = dg.DagsterRunStatus.STARTED
        instance.add_run(dg.DagsterRun(job_name="generate_training_dataset", run_id=str(new_id()), status=at_work))
        assert isinstance(requested_datasets(context), dg.SkipReason)
        assert isinstance(reviewed_uploads(context), dg.SkipReason)
    result = run_job("generate_training_dataset", asked.run_config["ops"]["training_datasets"]["config"])
    assert result.success
    (check,) = result.get_asset_check_evaluations()
    assert check.passed
    with files.database.transaction(files.organization) as transaction:
        done = dataset_requests.get(transaction, request)
    assert (done.state, done.dataset_version, done.problem) == ("done", 1, None)


def test_a_version_with_a_leak_fails_the_check_and_is_withdrawn(files: Files) -> None:
    files.lists(2)
    make_waiting_examples(files.database, files.settings)
    with files.database.transaction(files.organization) as transaction:
        transaction.run(
            "UPDATE training_examples SET surrogates = '[\"w.quastenberg@zwickel-ag.de\"]' WHERE header = 'E-Mail'"
        )
        request = dataset_requests.ask(transaction, files.organization, EVERYTHING.model_dump())
    result = run_job("generate_training_dataset", {"requested": True})
    (check,) = result.get_asset_check_evaluations()
    assert not check.passed
    assert "quastenberg" not in str(check.metadata)
    with files.database.transaction(files.organization) as transaction:
        made = dataset_requests.get(transaction, request).dataset_id
        assert made is not None
        assert datasets.dataset(transaction, made).status == "withdrawn"


def test_a_request_that_selects_nothing_fails_with_what_to_do(files: Files) -> None:
    with files.database.transaction(files.organization) as transaction:
        request = dataset_requests.ask(transaction, files.organization, EVERYTHING.model_dump())
    assert run_job("generate_training_dataset", {"requested": True}).success
    with files.database.transaction(files.organization) as transaction:
        found = dataset_requests.get(transaction, request)
    assert found.state == "failed"
    assert found.problem is not None
    assert found.problem["code"] == "no_examples"


def test_a_request_whose_runs_die_is_given_up(database: Database, organization: UUID, leads: Leads) -> None:
    with database.transaction(organization) as transaction:
        request = dataset_requests.ask(transaction, organization, EVERYTHING.model_dump())
    for _ in range(3):
        with database.transaction(SYSTEM) as transaction:
            assert dataset_requests.take(transaction, "run") is not None
            transaction.run("UPDATE dataset_requests SET lease_until = now() - interval '1 s' WHERE state = 'running'")
    with database.transaction(SYSTEM) as transaction:
        assert dataset_requests.take(transaction, "run") is None
        assert dataset_requests.get(transaction, request).state == "failed"
