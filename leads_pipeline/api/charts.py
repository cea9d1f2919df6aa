"""The charts at `/admin/charts/*.svg`, drawn from what is stored, and those of the page at `/`.

A chart of all organizations is drawn at most every `FRESH_SECONDS`, however many look at it; a browser that has it asks
whether it is still the same. Who may see the addresses is decided by a `Guard` around `files`.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from fastapi import FastAPI, Request
from fastapi.responses import Response

from leads_pipeline.api import problems
from leads_pipeline.api.headers import hash_source
from leads_pipeline.errors import NotFound
from leads_pipeline.insights import charts, pictures
from leads_pipeline.settings import Settings
from leads_pipeline.store import overview, retention
from leads_pipeline.store.database import SYSTEM, Database, Transaction

FRESH_SECONDS = 10.0
REVIEWED_WITHIN = timedelta(days=90)
RETENTION_DAYS = 30
"""How far ahead is told what goes."""
POLICY = f"default-src 'none'; style-src {hash_source(charts.STYLE)}; frame-ancestors 'none'"


Drawing = Callable[[Transaction, datetime, Settings], str]


def _of_uploads(picture: Callable[[pictures.Rows], str]) -> Drawing:
    def draw(transaction: Transaction, now: datetime, _settings: Settings) -> str:
        return picture(overview.uploads_by_period(transaction, overview.period(transaction, now), now))

    return draw


def _of_jobs(picture: Callable[[pictures.Rows], str]) -> Drawing:
    def draw(transaction: Transaction, now: datetime, _settings: Settings) -> str:
        return picture(overview.jobs_by_period(transaction, overview.period(transaction, now), now))

    return draw


def _of_answers(picture: Callable[[pictures.Rows], str]) -> Drawing:
    def draw(transaction: Transaction, now: datetime, _settings: Settings) -> str:
        return picture(overview.answers_by_field(transaction, (now - REVIEWED_WITHIN).date()))

    return draw


CHARTS: Mapping[str, Drawing] = {
    "uploads": _of_uploads(pictures.uploads),
    "accuracy": _of_uploads(pictures.accuracy),
    "corrections": _of_uploads(pictures.corrections),
    "collection": _of_uploads(pictures.collection),
    "coverage": _of_uploads(pictures.coverage),
    "fields": _of_answers(pictures.fields),
    "confusions": _of_answers(pictures.confusions),
    "reliability": lambda transaction, now, _settings: pictures.reliability(
        overview.answers_by_confidence(transaction, (now - REVIEWED_WITHIN).date())
    ),
    "queue": lambda transaction, _now, _settings: pictures.waiting(overview.queue_age(transaction)),
    "waits": _of_jobs(pictures.waits),
    "llm-calls": _of_jobs(pictures.llm_calls),
    "llm-tokens": _of_jobs(pictures.llm_tokens),
    "llm-cost": _of_jobs(pictures.llm_cost),
    "storage": lambda transaction, _now, _settings: pictures.storage(overview.storage_of_system(transaction)),
    "files": lambda transaction, _now, _settings: pictures.storage(
        overview.kept_files(transaction), title="Kept files by kind"
    ),
    "retention": lambda transaction, _now, settings: pictures.retention(
        retention.coming(transaction, settings.training_data_retention_days, ahead=RETENTION_DAYS)
    ),
}
"""By the name in the address."""


class Gallery:
    """The charts of all organizations together, kept for a moment."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings, self._database = settings, database
        self._kept: dict[str, tuple[float, str]] = {}
        self._drawing = {name: threading.Lock() for name in CHARTS}

    def chart(self, name: str) -> str:
        """Raises `NotFound` for a chart that there is not."""
        if name not in CHARTS:
            raise NotFound(f"There is no chart {name}; there are {', '.join(sorted(CHARTS))}.")
        # Ten people who open the same page have it drawn once.
        with self._drawing[name]:
            drawn_at, chart = self._kept.get(name, (-FRESH_SECONDS, ""))
            if time.monotonic() - drawn_at >= FRESH_SECONDS:
                with self._database.transaction(SYSTEM) as transaction:
                    chart = CHARTS[name](transaction, datetime.now(UTC), self._settings)
                self._kept[name] = (time.monotonic(), chart)
            return chart


def files(gallery: Gallery) -> FastAPI:
    """An application to mount: a chart for each name."""
    app = FastAPI(openapi_url=None)
    problems.install(app)

    @app.get("/{name}.svg")
    def show(name: str, request: Request) -> Response:
        svg = charts.standalone(gallery.chart(name)).encode()
        tag = f'"{hashlib.sha256(svg).hexdigest()[:20]}"'
        headers = {
            "ETag": tag,
            "Cache-Control": f"private, max-age={FRESH_SECONDS:.0f}",
            "Content-Security-Policy": POLICY,
            "Vary": "Cookie, Authorization",
        }
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(svg, headers=headers, media_type="image/svg+xml")

    return app
