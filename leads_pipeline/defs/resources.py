"""The resources that assets and sensors are given: the database and the settings, opened once a process."""

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg
from dagster import InitResourceContext
from pydantic import PrivateAttr

from leads_pipeline.logs import configure
from leads_pipeline.settings import Settings
from leads_pipeline.store.database import Database, open_database
from leads_pipeline.types import Actor


class Leads(dg.ConfigurableResource):
    """The database and the settings of this deployment."""

    _settings: Settings = PrivateAttr()
    _database: Database = PrivateAttr()

    @contextmanager
    def yield_for_execution(self, context: InitResourceContext) -> Generator["Leads"]:
        self._settings = Settings()  # pyright: ignore[reportCallIssue] - it reads the environment
        configure(self._settings.log_level)
        with open_database(self._settings) as database:
            self._database = database.acting(Actor("dagster", "" if context.run is None else context.run.run_id))
            yield self

    @property
    def settings(self) -> Settings:
        return self._settings

    @property
    def database(self) -> Database:
        return self._database
