"""Columns about others are made up beside those of a lead, and none of them is called the lead's."""

from collections import Counter

import numpy as np
import pytest

from leads_pipeline.mapping.lexicon import read_lexicon
from leads_pipeline.mapping.vocabulary import Vocabulary
from leads_pipeline.training.bystanders import Bystanders, lenders, read_bystanders
from leads_pipeline.training.corpus import IGNORE, Layout, read_written

LIST = """
== some-crm | de
Vorname => FirstName => Ines ;; Carl
Nachname => LastName => Kern ;; Ulm
E-Mail => Email => ines@kern.example ;; carl@ulm.example
Telefon => Phone => 0711 5550101 ;; 0711 5550102
Firma => Company => Kern GmbH ;; Ulm AG
Position => Title => Einkauf ;; Vertrieb
Status => Status => offen ;; gewonnen
"""


@pytest.fixture(scope="module")
def bystanders() -> Bystanders:
    return Bystanders(Vocabulary.of(read_lexicon()))


@pytest.fixture(scope="module")
def layout() -> Layout:
    (read,) = read_written(LIST, "some.txt")
    return read


def test_every_language_of_the_lexicon_tells_how_it_speaks_of_others() -> None:
    languages = {language for _, _, language in read_lexicon().phrases}
    spoken = read_bystanders()
    assert len(languages & set(spoken)) >= 27
    assert len({(frozenset(each.forms), frozenset(each.words)) for each in spoken.values()}) == 1


@pytest.mark.parametrize("seed", range(60))
def test_what_is_made_up_is_never_the_leads_own(bystanders: Bystanders, layout: Layout, seed: int) -> None:
    crowded, new = bystanders.beset(layout, np.random.default_rng(seed), lenders([layout]))
    assert len(crowded.gold) == len(crowded.sheet.columns) == len(new) >= len(layout.gold)
    assert [column.index for column in crowded.sheet.columns] == list(range(len(new)))
    own = Counter(gold[0] for gold in crowded.gold if gold[0] not in (IGNORE, "OwnerEmail"))
    assert own == Counter(gold[0] for gold in layout.gold)
    assert all(column.header for column in crowded.sheet.columns)


def test_the_same_seed_makes_the_same_columns_up(bystanders: Bystanders, layout: Layout) -> None:
    one, other = (bystanders.beset(layout, np.random.default_rng(7), {})[0] for _ in range(2))
    assert one == other


def test_headers_about_others_are_told_to_have_no_field(bystanders: Bystanders) -> None:
    told = bystanders.answers()
    assert len(told) > 2_000
    assert {answer.target for answer in told} == {None}
