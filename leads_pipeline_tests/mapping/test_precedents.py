"""What known files say of a header that comes again, and what words say of one that does not."""

import numpy as np
import pytest

from leads_pipeline.mapping.lexicon import Lexicon
from leads_pipeline.mapping.precedents import TOLD, Precedents
from leads_pipeline.mapping.vocabulary import Vocabulary
from leads_pipeline.training.headers import Answer, learn_meaning

PLACES = {"Email": 0, "Status": 1}
NONE = 2


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.of(Lexicon((("email", "Email", "en"), ("status", "Status", "en")), ()))


def _told(answers: list[tuple[str, str, str | None]], header: str, vocabulary: Vocabulary) -> dict[str, list[float]]:
    precedents = Precedents.of(answers, vocabulary)
    told = precedents.tell([vocabulary.read(header)], PLACES, precedents.groups(PLACES))[0]
    return {name: told[:, at].tolist() for at, name in enumerate(TOLD)}


def test_a_header_that_was_answered_before_says_what_it_meant(vocabulary: Vocabulary) -> None:
    told = _told([("E-Mail", "a", "Email"), ("EMAIL", "b", "Email"), ("Email", "c", None)], "email", vocabulary)
    assert told["told"][0] > told["told"][NONE] > told["told"][1] == 0


def test_one_family_of_files_has_one_voice(vocabulary: Vocabulary) -> None:
    many: list[tuple[str, str, str | None]] = [("Disp", "same", "Status")] * 20
    assert _told(many, "disp", vocabulary) == _told(many[:1], "disp", vocabulary)


def test_a_header_like_a_known_one_is_near_its_answer(vocabulary: Vocabulary) -> None:
    told = _told([("mail bounced", "a", None), ("lead status", "b", "Status")], "mail bounced at", vocabulary)
    assert told["told"] == [0, 0, 0]
    assert told["told_words"][NONE] > told["told_words"][1]


def test_a_field_that_the_schema_lacks_is_no_answer(vocabulary: Vocabulary) -> None:
    told = _told([("Clinic", "a", "Clinic__c")], "Clinic", vocabulary)
    assert told["told"] == [0, 0, 0]
    assert told["told_otherwise"] == pytest.approx([2 / 3] * 3)


def test_words_are_understood_in_headers_that_were_never_seen(vocabulary: Vocabulary) -> None:
    answers = [
        *(Answer(f"{word} email", word, "Email", 1.0) for word in ("work", "office", "main", "guest")),
        *(Answer(f"email {word}", word, None, 1.0) for word in ("bounced", "bounce", "bounces")),
        *(Answer(f"{word} status", word, "Status", 1.0) for word in ("lead", "deal", "call")),
    ]
    meaning = learn_meaning(answers, vocabulary, ("Email", "Status"))
    pairs, none = meaning.tell(
        [vocabulary.read("booking email"), vocabulary.read("email bounced on")], np.array([0, 1], np.int32), None
    )
    assert pairs[0, 0, 2] > max(pairs[0, 1, 2], 0.5)
    assert none[1, 0] > pairs[1, 0, 0]
