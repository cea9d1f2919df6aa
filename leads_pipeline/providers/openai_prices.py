"""What OpenAI's models cost, by date. A model that is not listed has no known price, which is not the price zero."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import starmap
from re import sub

from leads_pipeline.types import LlmUsage

MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens: of input, of input found in the cache, of input written to it, and of output.

    `batch` is the share of all of them that a batch costs; None where there are no batches.
    """

    input: Decimal
    cached: Decimal
    written: Decimal
    output: Decimal
    batch: Decimal | None = Decimal("0.5")


def _price(given: str, *, batch: str | None = "0.5") -> Price:
    return Price(*map(Decimal, given.split()), batch=None if batch is None else Decimal(batch))


LISTED: tuple[tuple[str, str, date, Price], ...] = tuple(
    starmap(
        lambda endpoint, model, since, price: (endpoint, model, date.fromisoformat(since), price),
        (
            ("responses", "gpt-5.6-luna", "2026-07-30", _price("0.20 0.02 0.25 1.20")),
            ("responses", "gpt-6-luna", "2026-09-22", _price("0.10 0.01 0.125 0.50")),
            ("responses", "gpt-6-sol", "2026-09-22", _price("2.00 0.20 2.50 10.00")),
            ("responses", "gpt-6.1-terra", "2026-10-10", _price("1.00 0.05 1.25 5.00")),
            # Decisions are charged by their input alone, and there are no batches of them.
            ("decisions", "gpt-6-luna", "2026-10-06", _price("0.10 0.10 0.10 0", batch=None)),
        ),
    )
)
"""Endpoint, model, the day from which the price holds, and the price, for requests of at most 272,000 input tokens."""


def price_of(
    endpoint: str, model: str, on: date, *, own: Mapping[str, tuple[Decimal, Decimal, Decimal]] | None = None
) -> Price | None:
    """The price of a model on a day, None when it is not known. `own` are an operator's prices (input, cached input,
    output), which come first.

    A dated snapshot ("gpt-6-luna-2026-09-22") costs what its model does.
    """
    names = (model, sub(r"-\d{4}-\d{2}-\d{2}$", "", model))
    for name in names:
        if own and name in own:
            given = own[name]
            return Price(given[0], given[1], given[0], given[2])
    held = [
        (since, price)
        for of_endpoint, of_model, since, price in LISTED
        if of_endpoint == endpoint and of_model in names and since <= on
    ]
    return max(held, key=lambda each: each[0])[1] if held else None


def cost(usage: LlmUsage, price: Price | None, *, batch: bool = False) -> Decimal | None:
    """What a call cost, in US dollars. None when the price, or what is charged for, is not known."""
    if usage.calls == 0:
        return Decimal(0)
    if price is None or not usage.known or (batch and price.batch is None):
        return None
    plain = usage.input_tokens - usage.cached_tokens - usage.written_tokens
    total = (
        max(0, plain) * price.input
        + usage.cached_tokens * price.cached
        + usage.written_tokens * price.written
        + usage.output_tokens * price.output
    ) / MILLION
    return total * price.batch if batch and price.batch is not None else total
