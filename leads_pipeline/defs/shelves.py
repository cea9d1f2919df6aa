"""How the dashboard files what it shows: the groups of assets, who answers for them, and the charts in their descriptions.

The groups are the product's own words, in the order of the flow.
"""

from collections.abc import Mapping, Sequence

INTAKE = "Intake"
MAPPING = "Mapping"
LEARNING = "Learning"
INSIGHT = "Insight"
UPKEEP = "Upkeep"
GROUPS = (INTAKE, MAPPING, LEARNING, INSIGHT, UPKEEP)

OWNERS = ["team:revops"]

CHARTS = "/admin/charts"
"""Where the web process draws them. The dashboard shows a description's pictures as they are at that moment."""


def charts(*names: str) -> str:
    """Markdown that shows these charts under a description; each says itself what it shows."""
    return "\n\n" + "\n".join(f"![{name.replace('-', ' ')}]({CHARTS}/{name}.svg)" for name in names)


def described(text: str, shown: Sequence[str]) -> str:
    """A description with charts: its first sentence, the first chart, and then all else, which the dashboard folds."""
    sentence, _, rest = text.partition(". ")
    return f"{sentence}.{charts(*shown[:1])}\n\n{rest}{charts(*shown[1:])}"


def plots(**meanings: str) -> str:
    """Markdown that says what the plots of an asset's metadata mean, and what they should be."""
    return "\n\n" + table(("plot", "what it says"), {f"`{name}`": meaning for name, meaning in meanings.items()})


def table(head: tuple[str, str], lines: Mapping[str, str]) -> str:
    """A Markdown table of two columns."""
    return "\n".join(f"| {left} | {right} |" for left, right in (head, ("---", "---"), *lines.items()))
