"""How sure a share or a mean is that was counted on a sample: 95 % intervals.

Columns of one file are right or wrong together, so a share over files is less sure than its columns make it look: the
variance is that of a ratio over clusters, and the interval is that of as many independent columns as say as much
(Kish 1965, *Survey Sampling*, design effect; the interval of such a sample: Korn and Graubard 1998).
"""

import math
from dataclasses import dataclass

Z = 1.959964
"""Of the 95 % interval of a normal distribution."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share or a mean, and the bounds of its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def margin(self) -> float:
        return (self.high - self.low) / 2


@dataclass(frozen=True, slots=True)
class Clusters:
    """What clusters (files) of `size` columns with `hits` among them add up to: their number, and sums over them."""

    count: int
    size: int
    hits: int
    size_squared: int
    hits_squared: int
    size_hits: int


def wilson(hits: float, of: float) -> Estimate | None:
    """The share of `hits` among `of` independent trials (Wilson 1927); None without trials. Both may be effective numbers."""
    if of <= 0:
        return None
    share = hits / of
    spread = Z * math.sqrt(share * (1 - share) / of + (Z / (2 * of)) ** 2)
    centre = share + Z**2 / (2 * of)
    shrink = 1 + Z**2 / of
    return Estimate(share, max(0.0, (centre - spread) / shrink), min(1.0, (centre + spread) / shrink))


def clustered(sums: Clusters) -> Estimate | None:
    """The share of hits over clusters; None where nothing was counted."""
    if not sums.size:
        return None
    share = sums.hits / sums.size
    effective = sums.size / design_effect(sums)
    return wilson(share * effective, effective)


def design_effect(sums: Clusters) -> float:
    """How many times larger the variance of the share is than with as many independent columns; 1 or more."""
    share = sums.hits / sums.size
    simple = share * (1 - share) / sums.size
    if sums.count < 2 or simple == 0:
        return 1.0
    squares = sums.hits_squared - 2 * share * sums.size_hits + share**2 * sums.size_squared
    ratio = sums.count / (sums.count - 1) * squares / sums.size**2
    return max(1.0, ratio / simple)


def mean(count: int, total: float, total_squared: float) -> Estimate | None:
    """The mean of `count` numbers of 0 or more, by their sum and the sum of their squares; None without any.

    The normal interval, cut off at 0; with a single number it is as wide as the number itself allows.
    """
    if not count:
        return None
    value = total / count
    variance = max(0.0, total_squared - count * value**2) / (count - 1) if count > 1 else max(value, 1.0) ** 2
    margin = Z * math.sqrt(variance / count)
    return Estimate(value, max(0.0, value - margin), value + margin)


def difference(after: Estimate, before: Estimate) -> Estimate:
    """By how much a share has changed (Newcombe 1998, method 10: the interval follows from those of both)."""
    change = after.value - before.value
    below = math.hypot(after.value - after.low, before.high - before.value)
    above = math.hypot(after.high - after.value, before.value - before.low)
    return Estimate(change, change - below, change + above)
