"""Running the web process: the database, the application with the dashboard in it, and the server around them."""

import sys

import uvicorn

from leads_pipeline.api import passwords
from leads_pipeline.api.app import create_app
from leads_pipeline.settings import Settings
from leads_pipeline.store import migrations, quotas
from leads_pipeline.store.database import SYSTEM, open_database
from leads_pipeline.vault import vault_of


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises `SetupProblem` when the database is away or not migrated."""
    with open_database(settings) as database:
        migrations.require_current(database)
        vault_of(settings).warn()
        with database.transaction(SYSTEM) as transaction:
            quotas.forget_full_buckets(transaction)
        password = passwords.first_password(settings, database)
        if password is not None:
            # The only place where a person sees it: whoever runs `leads up` has seen it there already.
            print(f"Log in at /login with the password {password}; it is not shown again.", file=sys.stderr, flush=True)
        uvicorn.run(
            create_app(settings, database, dashboard=True),
            host=settings.host,
            port=settings.port,
            # Our own line for each request says more, and never a query.
            access_log=False,
            log_level="warning",
            proxy_headers=True,
            forwarded_allow_ips="*" if settings.behind_proxy else "127.0.0.1",
            timeout_graceful_shutdown=10,
            server_header=False,
        )
