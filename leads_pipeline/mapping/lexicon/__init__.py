"""The words of lead fields in the world's languages: data that a native speaker can read and correct.

One YAML file a language. How headers are compared with these words is `mapping.evidence`'s business.
"""

from dataclasses import dataclass
from importlib import resources
from typing import Any, cast

NO_FIELD = "~"
"""Begins the target of a phrase that names something which is no lead field."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """`phrases` are (phrase, target, language); `markers` are the words of each class, in all languages together."""

    phrases: tuple[tuple[str, str, str], ...]
    markers: tuple[tuple[str, tuple[str, ...]], ...]


def read_lexicon() -> Lexicon:
    """Read all languages, in the order of their names. Takes about a second: the shipped model holds the outcome."""
    phrases: list[tuple[str, str, str]] = []
    markers: dict[str, list[str]] = {}
    for file in sorted(resources.files("leads_pipeline.mapping.lexicon").iterdir(), key=lambda each: each.name):
        if not file.name.endswith(".yaml"):
            continue
        document = _load(file.read_text("utf-8"))
        language = _word(document["language"], file.name)
        for target, words in cast("dict[str, list[Any]]", document.get("fields") or {}).items():
            phrases += [(_word(each, file.name), target, language) for each in words]
        for thing, words in cast("dict[str, list[Any]]", document.get("others") or {}).items():
            phrases += [(_word(each, file.name), NO_FIELD + thing, language) for each in words]
        for marker, words in cast("dict[str, list[Any]]", document.get("markers") or {}).items():
            markers.setdefault(marker, []).extend(_word(each, file.name) for each in words)
    return Lexicon(
        phrases=tuple(dict.fromkeys(phrases)),
        markers=tuple((marker, tuple(dict.fromkeys(words))) for marker, words in sorted(markers.items())),
    )


def _load(text: str) -> dict[str, Any]:
    import yaml

    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506


def _word(value: object, file: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{file}: {value!r} is not text to YAML; put it in quotes.")
    return value
