"""What speaks against a model that was trained anew, and what does not."""

from collections.abc import Sequence

import numpy as np

from leads_pipeline.training.comparison import Paired, objections


def paired(*columns: tuple[str | None, str | None, str | None], times: int = 20) -> Paired:
    """So many families with these columns: what is right, and what the model before and the one after say."""
    rows = [(f"family {number}", *each) for number in range(times) for each in columns]

    def told(values: Sequence[bool]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return np.array(values, bool)

    return Paired(
        [family for family, *_ in rows],
        [right for _, right, _, _ in rows],
        told([before == right for _, right, before, _ in rows]),
        told([after == right for _, right, _, after in rows]),
        told([before is not None for _, _, before, _ in rows]),
        told([after is not None for _, _, _, after in rows]),
    )


def against(found: Paired, kin: dict[str, str] | None = None) -> str:
    return " ".join(objections({"golden set": found}, seed=1, kin=kin))


WELL = ("City", None, "City")


def test_a_model_that_has_lost_a_field_that_matters_is_turned_down_though_it_is_better_altogether() -> None:
    assert against(paired(WELL, WELL)) == ""
    assert "it has lost 20 of 20 columns of Email" in against(paired(WELL, WELL, ("Email", "Email", None)))
    assert against(paired(WELL, WELL, ("Nickname", "Nickname", None))) == ""


def test_a_field_of_ones_own_matters_as_much_as_the_one_that_it_is() -> None:
    lost = paired(WELL, WELL, ("KD_MAIL", "KD_MAIL", None))
    assert against(lost) == ""
    assert "columns of KD_MAIL" in against(lost, {"KD_MAIL": "Email"})


def test_mapping_what_has_no_field_speaks_against_a_model_unless_ten_times_as_much_is_won() -> None:
    one_more = (None, None, "Phone")
    assert "columns of no target" in against(paired(*[WELL] * 10, one_more))
    assert against(paired(*[WELL] * 11, one_more)) == ""
