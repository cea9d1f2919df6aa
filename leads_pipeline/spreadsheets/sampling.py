"""A few cells of a column, spread evenly over all of its rows, chosen while they pass by. Deterministic."""

from collections.abc import Sequence
from dataclasses import dataclass, field

SAMPLE = 80
"""Most cells that a column's profile is measured on."""


@dataclass(slots=True)
class Sample:
    """Every `stride`-th cell that is not blank; the stride doubles whenever the sample is twice as large as needed."""

    filled: int = 0
    _stride: int = 1
    _kept: list[str] = field(default_factory=list[str])

    def add(self, values: Sequence[str]) -> None:
        """Take note of further cells, none of them blank."""
        first = -self.filled % self._stride
        self._kept += values[first :: self._stride]
        self.filled += len(values)
        while len(self._kept) > 2 * SAMPLE:
            self._kept = self._kept[::2]
            self._stride *= 2

    def values(self) -> list[str]:
        """At most `SAMPLE` cells, in the order of the file."""
        kept = self._kept
        if len(kept) <= SAMPLE:
            return list(kept)
        return [kept[index * len(kept) // SAMPLE] for index in range(SAMPLE)]
