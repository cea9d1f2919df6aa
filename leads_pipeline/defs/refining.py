"""Better definitions of fields for a language model: proposed from its reviewed mistakes, used only if they help.

Proposals come from half of the headers; whether they help is measured on the other half, by asking the model about
reviewed columns with the definitions as they are and as they would be.
"""

from contextlib import closing
from dataclasses import asdict, dataclass
from uuid import UUID

from leads_pipeline.defs.llm_calls import FAILURES, LlmCalls
from leads_pipeline.errors import UnexpectedAnswer
from leads_pipeline.mapping import LeadSchema, default_schema
from leads_pipeline.mapping.definitions import Amendment, Definitions, Gain, Reviewed, amended, propose, seen
from leads_pipeline.mapping.language_model import put_question
from leads_pipeline.settings import Settings
from leads_pipeline.store import llm, organizations
from leads_pipeline.store.database import Database
from leads_pipeline.store.llm import ReviewedAnswer, StoredColumn
from leads_pipeline.types import NO_FIELD, Column, ColumnProfile, Mapping, MemoryKey, Method, Sheet

MOST_SHEETS = 40
"""Most sheets that a gain is measured on: two calls each."""


@dataclass(frozen=True, slots=True)
class Refined:
    """What a refinement came to. Without amendments nothing was asked; without a version nothing was stored."""

    reviewed: int
    mistakes: int
    amendments: tuple[Amendment, ...] = ()
    gain: Gain | None = None
    version: int | None = None

    @property
    def applied(self) -> bool:
        return self.version is not None and self.gain is not None and self.gain.proven


def refine(database: Database, settings: Settings, organization: UUID, *, measure: bool = True) -> Refined:
    """Propose amendments for an organization; with `measure`, ask the model, and use them if they prove to help.

    Raises `UnexpectedAnswer` when the model cannot be asked; nothing is changed then.
    """
    with database.transaction(organization) as transaction:
        settings = organizations.settings_for(transaction, settings)
        stored = organizations.lead_schema(transaction)
        reviewed = llm.reviewed_answers(transaction)
        present = llm.amendments(transaction)
    schema = default_schema() if stored is None else LeadSchema.from_json(stored[1])
    before = Definitions(schema, present)
    proposals = propose((Reviewed(each.header, each.said, each.right) for each in reviewed), before)
    found = Refined(len(reviewed), sum(each.said != each.right for each in reviewed), tuple(proposals))
    if not proposals or not measure:
        return found
    after = amended(before, proposals)
    with closing(LlmCalls(database, settings)) as calls:
        measuring = _Measuring(database, settings, organization, calls)
        gain = Gain.of(measuring.compare(before, after, [each for each in reviewed if not seen(each.header)]))
    with database.transaction(organization) as transaction:
        version = llm.save_definitions(
            transaction,
            applied=gain.proven,
            definitions=after.version,
            amendments=after.amendments,
            evidence={each.field: [asdict(mistake) for mistake in each.evidence] for each in proposals},
            gain={**asdict(gain), "by_chance": gain.by_chance, "from": before.version},
        )
    return Refined(found.reviewed, found.mistakes, found.amendments, gain, version)


class _Measuring:
    """Asks a model about reviewed columns again."""

    def __init__(self, database: Database, settings: Settings, organization: UUID, calls: LlmCalls) -> None:
        self._database, self._settings, self._organization, self._calls = database, settings, organization, calls

    def compare(
        self, before: Definitions, after: Definitions, reviewed: list[ReviewedAnswer]
    ) -> list[tuple[bool, bool]]:
        """Whether each of these columns is answered rightly with the definitions before, and after."""
        sheets: dict[tuple[UUID, int], list[ReviewedAnswer]] = {}
        for each in reviewed:
            sheets.setdefault((each.upload_id, each.sheet_index), []).append(each)
        pairs: list[tuple[bool, bool]] = []
        for (upload, sheet), asked in list(sheets.items())[:MOST_SHEETS]:
            with self._database.transaction(self._organization) as transaction:
                columns = llm.columns_of(transaction, upload, sheet)
            right = {each.column_index: each.right for each in asked}
            pairs += zip(self._right(columns, right, before), self._right(columns, right, after), strict=True)
        return pairs

    def _right(self, columns: list[StoredColumn], right: dict[int, str | None], definitions: Definitions) -> list[bool]:
        """Whether the model answers each column in `right` so."""
        positions = [at for at, each in enumerate(columns) if each.column_index in right]
        # Without what people confirmed: the right answer to these very columns is among it.
        question, asked = put_question(
            [(_sheet(columns), [_settled(each) for each in columns], positions)], definitions.schema, definitions
        )
        call, reply = self._calls.ask(self._organization, question, budget=self._settings.llm_monthly_budget_usd)
        if call.failure is not None:
            raise UnexpectedAnswer(
                f"The language model {FAILURES[call.failure]}; nothing was changed.", code=call.failure
            )
        said = {asked[key].column: answer.choice for key, answer in reply.answers.items()}
        return [said.get(at) == (right[columns[at].column_index] or NO_FIELD) for at in positions]


def _sheet(columns: list[StoredColumn]) -> Sheet:
    """The sheet as the model was told of it. Its profile is stored as JSON, which knows no tuples."""
    told = tuple(
        Column(at, each.header, ColumnProfile(**{**each.profile, "shapes": tuple(each.profile.get("shapes", ()))}))
        for at, each in enumerate(columns)
    )
    return Sheet(0, "", 1, told, rows=max((each.profile.rows for each in told), default=0))


def _settled(column: StoredColumn) -> Mapping:
    return Mapping(column.column_index, column.header, column.target, 100.0, Method.RULE, (), "", MemoryKey("", "", ""))
