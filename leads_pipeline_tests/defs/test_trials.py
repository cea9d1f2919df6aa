"""A model on trial: asked about every upload, judged by what people say, promoted or stopped, and gone back from."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from leads_pipeline.defs.processing import process
from leads_pipeline.defs.resources import Leads
from leads_pipeline.defs.trials import judge_trials
from leads_pipeline.settings import Settings
from leads_pipeline.store import champions, corrections, mappings, models, trials, uploads
from leads_pipeline.store.corrections import Correction
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline.store.ids import new_id
from leads_pipeline.store.models import Model
from leads_pipeline.store.trials import Trial
from leads_pipeline_tests.builders import claim_for, received
from leads_pipeline_tests.models import trained

ENOUGH = 14
"""So many uploads in a row on which only one of the two is right settle it."""


class Shop:
    """One organization with a champion of its own, and a candidate that takes a Wirkstoff for the company."""

    def __init__(self, database: Database, settings: Settings, organization: UUID) -> None:
        self.database, self.settings, self.organization = database, settings, organization
        with database.transaction(SYSTEM) as transaction:
            made = [
                models.save(transaction, organization, trained(f"m-{new_id()}", told), rejected=None, run_id="run")
                for told in ({}, {"Wirkstoff": "Company"})
            ]
            self.champion = champions.promote(transaction, made[0])
            self.candidate = made[1]

    def judge(self, share: float = 0.0) -> list[str]:
        with self.database.transaction(SYSTEM) as transaction:
            # Models of other tests are none of ours.
            transaction.run(
                "DELETE FROM mapping_models WHERE NOT shipped AND organization_id IS DISTINCT FROM :own",
                own=self.organization,
            )
        return judge_trials(self.database, share=share, now=datetime.now(UTC))

    def review(self, number: int, right: str | None, *, forget: bool = True) -> None:
        """A file of layout `number`, in which the Wirkstoff is `right`; all else is confirmed. Memory may `forget` it."""
        word = "".join(chr(ord("a") + int(digit)) for digit in f"{number:03d}")
        content = f"Wirkstoff,Email,Spalte {word}\nAlpha,{new_id()}@example.com,\nBeta,bob@example.com,\n"
        upload = received(self.database, self.organization, content.encode())
        process(self.database, self.settings, claim_for(self.database, upload))
        with self.database.transaction(self.organization) as transaction:
            rows = {row.header: row for row in mappings.mappings_of(transaction, uploads.upload(transaction, upload))}
            said = [Correction(rows["Wirkstoff"].id, right, reviewer="ann")]
            corrections.review(
                transaction, upload, said, rest_confirmed=True, single_valued=frozenset(), reviewer="ann"
            )
            if forget:
                transaction.run("DELETE FROM memory_entries WHERE organization_id = :id", id=self.organization)

    def trial(self) -> Trial:
        with self.database.transaction(self.organization) as transaction:
            return next(each for each in trials.newest(transaction) if each.organization_id == self.organization)

    def model(self, model: Model) -> Model:
        with self.database.transaction(SYSTEM) as transaction:
            return models.get(transaction, model.id)


@pytest.fixture
def shop(database: Database, settings: Settings, organization: UUID, leads: Leads) -> Shop:
    return Shop(database, settings, organization)


def test_a_better_model_is_promoted_by_its_shadow_and_rolled_back_when_it_turns_out_worse(shop: Shop) -> None:
    shop.judge()
    assert (shop.trial().kind, shop.model(shop.candidate).status) == ("trial", "challenger")
    for number in range(ENOUGH):
        shop.review(number, "Company")
    (done,) = [sentence for sentence in shop.judge() if "is better" in sentence]
    assert f"right on {ENOUGH} columns, the other on 0" in done
    assert shop.model(shop.candidate).status == "champion"
    assert shop.model(shop.champion).reason == done

    # Now the former champion is the shadow, and people find that it was right.
    assert shop.trial().kind == "probation"
    for number in range(ENOUGH, 2 * ENOUGH):
        shop.review(number, None)
    shop.judge()
    trial = shop.trial()
    assert (trial.outcome, trial.evidence["wins"], trial.evidence["losses"]) == ("rolled_back", ENOUGH, 0)
    assert shop.model(shop.champion).status == "champion"
    assert shop.model(shop.candidate).status == "retired"


def test_a_worse_model_is_stopped_and_a_share_of_layouts_is_mapped_by_it_meanwhile(shop: Shop) -> None:
    shop.judge(share=0.5)
    for number in range(ENOUGH):
        shop.review(number, None)
    with shop.database.transaction(shop.organization) as transaction:
        served = transaction.all(
            """SELECT m.model_version, s.by_challenger, s.milliseconds > 0 AND s.shadow_milliseconds > 0 AS timed
               FROM field_mappings m JOIN shadow_mappings s USING (upload_id) WHERE m.header = 'Wirkstoff'"""
        )
    names = {False: shop.champion.name, True: shop.candidate.name}
    assert {row["by_challenger"] for row in served} == {False, True}
    assert all(row["model_version"] == names[row["by_challenger"]] and row["timed"] for row in served)
    shop.judge()
    trial = shop.trial()
    assert (trial.outcome, trial.evidence["losses"]) == ("stopped", ENOUGH)
    assert (shop.model(shop.candidate).status, shop.model(shop.champion).status) == ("rejected", "champion")


def test_how_a_trial_goes_is_told_with_the_model(shop: Shop) -> None:
    def standing(model: Model) -> tuple[str, str, int, int, int] | None:
        with shop.database.transaction(shop.organization) as transaction:
            found = trials.standings(transaction, [model.id]).get(model.id)
        return found and (found.kind, found.outcome, found.against, found.right_alone, found.wrong_alone)

    shop.judge()
    assert standing(shop.candidate) == ("trial", "running", shop.champion.version, 0, 0)
    assert standing(shop.champion) is None
    for number in range(3):
        shop.review(number, "Company" if number else None)
    shop.judge()
    assert standing(shop.candidate) == ("trial", "running", shop.champion.version, 2, 1)

    # Promoted by hand, it is on probation, and the one before is right alone when it is not.
    with shop.database.transaction(SYSTEM) as transaction:
        champions.promote(transaction, shop.model(shop.candidate))
    shop.judge()
    shop.review(3, None)
    shop.judge()
    assert standing(shop.candidate) == ("probation", "running", shop.champion.version, 0, 1)


def test_what_memory_answers_is_no_evidence(shop: Shop) -> None:
    shop.judge()
    for _ in range(2):
        shop.review(0, None, forget=False)
    shop.judge()
    assert shop.trial().evidence["reviewed_uploads"] == 2
    assert shop.trial().evidence["losses"] == 1
