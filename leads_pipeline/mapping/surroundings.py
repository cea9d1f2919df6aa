"""What the rest of a file says about a column: its neighbours, its rivals, what else the file holds.

Rests on a first opinion about every column, so it is gathered between the two rounds of scoring.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leads_pipeline.mapping.field_table import GROUPS, FieldTable
from leads_pipeline.mapping.phrase_index import Floats
from leads_pipeline.mapping.phrases import PhraseTable
from leads_pipeline.types import Sheet

Places = NDArray[np.intp]


@dataclass(frozen=True)
class Affinity:
    """Which fields stand beside which, as log-odds: `left[a, b]` that `b` follows `a`. Learned; the last is none."""

    left: Floats
    right: Floats


def gather_context(sheet: Sheet, first: Floats, table: PhraseTable, fields: FieldTable) -> tuple[Floats, Floats]:
    """Evidence from the rest of the file, given a first opinion: probabilities `first[column, field or none]`.

    Returns more of `Evidence.pairs` and of `Evidence.columns`.
    """
    count, targets = first.shape[0], first.shape[1] - 1
    log = np.log(np.maximum(first, 1e-5))
    mine = first[:, :targets]
    marks = np.array([table.read(column.header).marks for column in sheet.columns], np.float32)
    words = [table.read(column.header).words for column in sheet.columns]
    held = np.maximum(1 - first[:, -1:], 1e-3)
    reached = mine @ fields.groups[:, [_PHONE, _EMAIL]] / held
    placed = mine @ fields.groups[:, [_ADDRESS]] / held
    sorts = _sorts(np.concatenate([placed, reached], axis=1, dtype=np.float32))
    address = mine @ fields.groups[:, _ADDRESS]
    signs = np.concatenate([_blocks(marks, table, sorts), _own_blocks(words, address)], axis=1)
    family = _family(marks, table, reached.astype(np.float32))
    others = _others(marks, table, mine @ fields.groups[:, [_NAME, _PHONE, _EMAIL]])
    pairs = np.concatenate(
        [
            np.stack([log[:, :targets], log[:, :targets] - log[:, targets:], *_rivals(mine)], axis=2),
            *(signs[:, None, :] * fields.groups[None, :, group, None] for group in (_ADDRESS, _PHONE, _EMAIL)),
            *(family[:, None, :] * fields.groups[None, :, group, None] for group in (_NAME, _PHONE, _EMAIL)),
            *(others[:, None, :] * fields.groups[None, :, group, None] for group in (_NAME, _PHONE, _EMAIL)),
        ],
        axis=2,
        dtype=np.float32,
    )
    whole = _of_file(first, fields)
    grouped = np.concatenate([mine @ fields.groups, first[:, targets:]], axis=1)
    columns = np.concatenate(
        [
            np.broadcast_to(whole, (count, len(whole))),
            _moved(grouped, -1),
            _moved(grouped, 1),
            log[:, targets:],
            mine.max(axis=1, keepdims=True),
            signs,
            family,
            others,
        ],
        axis=1,
        dtype=np.float32,
    )
    return pairs, columns


def neighbours(first: Floats, affinity: Affinity) -> Floats:
    """How well each field goes with what stands one and two columns to the left and to the right: `[column, field, place]`.

    More of `Evidence.pairs`, apart from the rest since it is all that the learned affinity touches.
    """
    return np.stack(
        [
            (_moved(first, offset) @ (affinity.left if offset < 0 else affinity.right))[:, :-1]
            for offset in (-1, 1, -2, 2)
        ],
        axis=2,
    )


_FILE_FIELDS = (
    "FirstName", "LastName", "FullName", "Email", "Phone", "MobilePhone", "Company", "Title", "Salutation", "Street",
    "City", "PostalCode", "ExternalId", "CreatedDate", "Status", "Website", "OptIn", "OwnerName", "Campaign",
    "NumberOfEmployees", "Product",
)  # fmt: skip

FILE_FIELDS = len(_FILE_FIELDS)
"""How many numbers at the beginning of the columns' evidence tell which fields the file has anywhere."""

_NAME, _ADDRESS, _PHONE, _EMAIL = map(list(GROUPS).index, ("name", "address", "phone", "email"))
_MARKER_BLOCKS = ("home", "business", "billing", "shipping", "other_block", "mailing", "company")


def _rivals(mine: Floats) -> list[Floats]:
    """How strongly other columns want the same field: all of them, those before and those after."""
    rivals, before, after = np.zeros_like(mine), np.zeros_like(mine), np.zeros_like(mine)
    if len(mine) > 1:
        top = np.sort(mine, axis=0)[-2:]
        rivals[:] = np.where(mine >= top[1], top[0], top[1])
        before[1:] = np.maximum.accumulate(mine, axis=0)[:-1]
        after[:-1] = np.maximum.accumulate(mine[::-1], axis=0)[::-1][1:]
    ahead = (mine >= np.maximum(rivals, 0.02)).astype(np.float32)
    return [np.log(np.maximum(rivals, 1e-5)), ahead, mine * before, mine * after, before, after]


def _moved(rows: Floats, offset: int) -> Floats:
    """In each row what stands `offset` rows from it, 0 where there is none."""
    moved = np.zeros_like(rows)
    if offset < 0:
        moved[-offset:] = rows[:offset]
    else:
        moved[:-offset] = rows[offset:]
    return moved


def _of_file(first: Floats, fields: FieldTable) -> Floats:
    """Which fields the file seems to have anywhere, and how much of it has none."""
    index = {name: at for at, name in enumerate(fields.names)}
    highest = first.max(axis=0)
    present = [highest[index[name]] if name in index else 0.0 for name in _FILE_FIELDS]
    return np.array([*present, first[:, -1].mean()], np.float32)


def _sorts(shares: Floats) -> Places:
    """Of which sort each column is, if it is of a field at all: 0 for another, else one more than the place in `shares`."""
    return np.where(shares.max(axis=1) > _OF_KIND, shares.argmax(axis=1) + 1, 0)


def _blocks(marks: Floats, table: PhraseTable, sorts: Places) -> Floats:
    """Which block (home, business, billing, ...) a column belongs to, in the light of which others its sort has in the file.

    A telephone at work makes no address at home the second one.
    """
    names = table.vocabulary.marker_names
    nothing = np.zeros(len(marks), np.float32)
    blocks = [marks[:, names.index(block)] if block in names else nothing for block in _MARKER_BLOCKS]
    home, business, billing, shipping, other, _, company = blocks
    plain = 1 - np.maximum.reduce(blocks)

    def anywhere(block: Floats) -> Floats:
        highest = np.zeros(4, np.float32)
        np.maximum.at(highest, sorts, block)
        highest[0] = block.max(initial=0)
        return highest[sorts]

    any_home, any_business, any_billing, any_shipping, any_company, any_plain = map(
        anywhere, (home, business, billing, shipping, company, plain)
    )
    work, any_work = np.maximum(business, company), np.maximum(any_business, any_company)
    return np.stack(
        [
            *(home * any_work, home * (1 - any_work), work * any_home),
            *(shipping * any_billing, shipping * (1 - any_billing), other * any_work),
            *(plain * np.maximum(any_home, any_business), plain * any_billing, billing * any_shipping),
            *(company * any_plain, home * any_plain),
        ],
        axis=1,
    )


def _others(marks: Floats, table: PhraseTable, personal: Floats) -> Floats:
    """Columns in the name of somebody else, in the light of whether the file names anybody without such a word.

    `personal[column, :]` is how likely a column is a name, a telephone and an e-mail address. Where all that can be reached
    are owners, the owners are the leads.
    """
    names = table.vocabulary.marker_names
    found: list[Floats] = []
    theirs = [marks[:, names.index(name)] for name in _SOMEBODY if name in names]
    plain = 1 - np.maximum.reduce([np.zeros(len(marks), np.float32), *theirs])
    named, reached = (
        float((plain * each).max(initial=0) > _OF_KIND) for each in (personal[:, 0], personal[:, 1:].max(axis=1))
    )
    for name in _SOMEBODY:
        mark = marks[:, names.index(name)] if name in names else np.zeros(len(marks), np.float32)
        found += [mark * named, mark * (1 - named), mark * reached, mark * (1 - reached)]
    return np.stack(found, axis=1)


_SOMEBODY = ("owner", "other_person")
_OF_KIND = 0.5


def _family(marks: Floats, table: PhraseTable, reached: Floats) -> Floats:
    """Children beside those who register them: who can be reached is the lead.

    For columns of the one and of the other: whether the other is there, and whether children have a number or an address.
    `reached[column, :]` is how likely a column, if it is of a field at all, is of a telephone or an e-mail address.
    """
    names = table.vocabulary.marker_names
    if "pupil" not in names or "guardian" not in names:
        return np.zeros((len(marks), 6), np.float32)
    pupil, guardian = marks[:, names.index("pupil")], marks[:, names.index("guardian")]
    any_pupil, any_guardian = float(pupil.any()), float(guardian.any())
    called = float((pupil * reached.sum(axis=1)).max(initial=0) > _REACHED)
    return np.stack(
        [
            *(pupil * any_guardian * called, pupil * any_guardian * (1 - called), pupil * (1 - any_guardian)),
            *(guardian * any_pupil * called, guardian * any_pupil * (1 - called), guardian * (1 - any_pupil)),
        ],
        axis=1,
    )


_REACHED = 0.5


def _own_blocks(words: Sequence[Sequence[str]], address: Floats) -> Floats:
    """Which address of several a column belongs to, whatever the addresses are called.

    Words that several columns of addresses share ("billing", "permanent", "corp") tell them apart. For each column: whether
    it is of an address; the only one, the first, the largest; how sure its other columns are of a field, those of the
    best other address, and by how much they differ. `address[column]` is the chance of a field of addresses.
    """
    blocks = np.zeros((len(words), 7), np.float32)
    likely = [at for at in range(len(words)) if address[at] >= _OF_ADDRESS]
    counts = Counter(word for at in likely for word in set(words[at]))
    keys = {at: frozenset(word for word in words[at] if counts[word] > 1) for at in range(len(words))}
    members: dict[frozenset[str], list[int]] = {}
    for at in likely:
        members.setdefault(keys[at], []).append(at)
    if not members:
        return blocks
    first, largest = min(members, key=lambda key: members[key][0]), max(map(len, members.values()))
    # Columns of an address that have lost the first round's favour still belong to it by their words.
    for at, key in keys.items():
        own = members.get(key)
        if own is None or (address[at] < _OF_ADDRESS and not key):
            continue
        sure = [float(address[other]) for other in own if other != at]
        others = max((float(np.mean(address[rest])) for name, rest in members.items() if name != key), default=0.0)
        mine = float(np.mean(sure)) if sure else 0.0
        blocks[at] = (1, len(members) == 1, key == first, len(own) == largest, mine, others, mine - others)
    return blocks


_OF_ADDRESS = 0.15
