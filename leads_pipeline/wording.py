"""Numbers in sentences."""


def counted(number: int, thing: str) -> str:
    """`1 file`, `2,000 files`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def be(number: int, one: str, many: str) -> str:
    """The word that goes with so many: `waits` or `wait`."""
    return one if number == 1 else many
