"""A training dataset as files: JSON lines, Parquet, and chats for fine-tuning services. Rows in, pieces of bytes out.

Deterministic to the byte: the same rows are the same file. Chats are checked against the services' rules as they are
written; a dataset too small for them is refused before the first byte.
"""

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import groupby
from typing import Any, Literal, cast

from leads_pipeline.errors import DatasetRefused
from leads_pipeline.training.examples import canonical

FileFormat = Literal["jsonl", "parquet", "chat", "preference"]
MEDIA_TYPES: Mapping[FileFormat, str] = {
    "jsonl": "application/jsonl",
    "parquet": "application/vnd.apache.parquet",
    "chat": "application/jsonl",
    "preference": "application/jsonl",
}
FEWEST_CHATS = 10
"""Fewer examples than these no fine-tuning service takes."""
LONGEST_CHAT = 32_000
NO_TARGET = "none"
AROUND = 2

_INSTRUCTION = (
    "You map one column of a lead spreadsheet onto one lead field. Answer with the name of the field alone, "
    f"or with {NO_TARGET} where the column has none."
)
_ROWS_PER_GROUP = 10_000


@dataclass(frozen=True, slots=True)
class Row:
    """A column of the dataset. `weight` 0: it only stands beside the others of its sheet."""

    id: str
    organization: str
    sheet: str
    index: int
    language: str
    header: str
    profile: Mapping[str, Any]
    surrogates: Sequence[str]
    value_class: str
    target: str | None
    predicted: str | None
    evidence: str | None
    split: str
    copies: int
    agreement: float
    quality: float
    reasons: Sequence[str]
    weight: float


def write(rows: Iterable[Row], file_format: FileFormat, *, split: str | None = None) -> Iterator[bytes]:
    """The file, piece by piece. `split` keeps one of `train`, `validation`, `test`; chats are of `train` unless told."""
    if file_format == "parquet":
        yield from _parquet(row for row in rows if split in (None, row.split))
    elif file_format == "jsonl":
        yield from _lines(_plain(row) for row in rows if split in (None, row.split))
    else:
        make = _chat if file_format == "chat" else _preference
        yield from _lines(_chats(rows, make, split or "train"))


def require_enough(counts: Mapping[str, Any], file_format: FileFormat, split: str | None) -> None:
    """Raise `DatasetRefused` where fine-tuning services would refuse the file for its size."""
    if file_format not in ("chat", "preference"):
        return
    found = counts["preference_pairs"] if file_format == "preference" else counts["splits"].get(split or "train", 0)
    if found < FEWEST_CHATS:
        what = "corrected columns" if file_format == "preference" else "examples"
        raise DatasetRefused(
            f"Fine-tuning services take no file with fewer than {FEWEST_CHATS} {what}; this one would have {found}. "
            "Review more files, or download it as jsonl."
        )


def _plain(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in Row.__slots__}


def _lines(documents: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    pending: list[str] = []
    for document in documents:
        pending.append(canonical(document))
        if len(pending) == 500:
            yield ("\n".join(pending) + "\n").encode()
            pending = []
    if pending:
        yield ("\n".join(pending) + "\n").encode()


# --- Chats ---------------------------------------------------------------------------------------------------------


def questions(rows: Iterable[Row], split: str) -> Iterator[tuple[Row, list[dict[str, str]]]]:
    """What a fine-tuned model is asked about each column of a split, beside the column: chats that end with the user."""
    for _, group in groupby(rows, key=lambda row: (row.organization, row.sheet)):
        sheet = list(group)
        for at, row in enumerate(sheet):
            if row.weight > 0 and row.split == split:
                yield row, _asked(_question(sheet, at))


_Make = Callable[[Row, list[dict[str, str]]], "dict[str, Any] | None"]


def _chats(rows: Iterable[Row], make: _Make, split: str) -> Iterator[dict[str, Any]]:
    for row, asked in questions(rows, split):
        made = make(row, asked)
        if made is not None:
            if problems := problems_of(made):
                raise DatasetRefused(f"A line of the file would break the rules of services: {problems[0]}.")
            yield made


def _question(sheet: Sequence[Row], at: int) -> str:
    row = sheet[at]
    around = [each.header for each in sheet[max(0, at - AROUND) : at]]
    after = [each.header for each in sheet[at + 1 : at + 1 + AROUND]]
    parts = {
        "header": row.header,
        "columns before": around,
        "columns after": after,
        "values look like": list(row.surrogates),
        "shapes": list(row.profile.get("shapes", ())),
    }
    return canonical({name: value for name, value in parts.items() if value})


def _chat(row: Row, asked: list[dict[str, str]]) -> dict[str, Any] | None:
    return {"messages": [*asked, {"role": "assistant", "content": row.target or NO_TARGET}]}


def _preference(row: Row, asked: list[dict[str, str]]) -> dict[str, Any] | None:
    if row.evidence != "corrected" or row.predicted == row.target:
        return None
    return {
        "input": {"messages": asked},
        "preferred_output": [{"role": "assistant", "content": row.target or NO_TARGET}],
        "non_preferred_output": [{"role": "assistant", "content": row.predicted or NO_TARGET}],
    }


def _asked(question: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": _INSTRUCTION}, {"role": "user", "content": question}]


def problems_of(line: Mapping[str, Any]) -> list[str]:
    """What a fine-tuning service would refuse about one line of a chat or preference file."""
    if "messages" in line:
        return [
            *([] if set(line) == {"messages"} else ["members beside `messages`"]),
            *_problems_of_messages(line["messages"], ends_with="assistant"),
        ]
    wanted = {"input", "preferred_output", "non_preferred_output"}
    if set(line) != wanted:
        return [f"a line has {', '.join(sorted(wanted))}, or `messages`"]
    problems = _problems_of_messages(line["input"].get("messages"), ends_with="user")
    for name in ("preferred_output", "non_preferred_output"):
        problems += _problems_of_messages(line[name], ends_with="assistant")
        if len(line[name]) != 1:
            problems.append(f"`{name}` is one message")
    if line["preferred_output"] == line["non_preferred_output"]:
        problems.append("both outputs are the same")
    return problems


def _problems_of_messages(messages: Any, *, ends_with: str) -> list[str]:
    if not isinstance(messages, list) or not messages:
        return ["there are no messages"]
    problems: list[str] = []
    size = 0
    said = cast("list[dict[str, Any]]", messages)
    for message in said:
        if set(message) != {"role", "content"} or message["role"] not in ("system", "user", "assistant"):
            problems.append("a message has a role (system, user, assistant) and content")
        elif not isinstance(message["content"], str) or not message["content"].strip():
            problems.append("a message is empty")
        else:
            size += len(message["content"])
    if said[-1].get("role") != ends_with:
        problems.append(f"the last message is the {ends_with}'s")
    if size > LONGEST_CHAT:
        problems.append(f"it has more than {LONGEST_CHAT:,} characters")
    return problems


# --- Parquet -------------------------------------------------------------------------------------------------------


def _parquet(rows: Iterable[Row]) -> Iterator[bytes]:
    """One row group for every ten thousand rows. The profile is JSON, since its members vary."""
    pa: Any = import_module("pyarrow")
    pq: Any = import_module("pyarrow.parquet")
    text, texts = pa.string(), pa.list_(pa.string())
    kinds = {"surrogates": texts, "reasons": texts, "index": pa.int32(), "copies": pa.int32(), "agreement": pa.float32(),
             "quality": pa.float32(), "weight": pa.float32()}  # fmt: skip
    schema = pa.schema([(name, kinds.get(name, text)) for name in Row.__slots__])
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        pending: list[dict[str, Any]] = []
        for row in rows:
            pending.append({**_plain(row), "profile": canonical(row.profile)})
            if len(pending) == _ROWS_PER_GROUP:
                writer.write_table(pa.Table.from_pylist(pending, schema=schema))
                pending = []
                yield sink.getvalue()
                sink.seek(0)
                sink.truncate()
        if pending:
            writer.write_table(pa.Table.from_pylist(pending, schema=schema))
    yield sink.getvalue()


def read_lines(content: bytes) -> list[dict[str, Any]]:
    """The documents of a JSON lines file."""
    return [json.loads(line) for line in content.splitlines()]
