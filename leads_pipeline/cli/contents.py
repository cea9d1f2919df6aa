"""`leads contents`: the bytes of received files, their keys, and where they lie."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from leads_pipeline.cli.common import AsJson, progress, read_settings, ready
from leads_pipeline.errors import SetupProblem
from leads_pipeline.wording import be, counted

commands = typer.Typer(
    help="The bytes of received files: under which key they are, where they lie, and how to change both.",
    no_args_is_help=True,
)


@commands.command("status")
def contents_status(*, as_json: AsJson = False) -> None:
    """Show how many files lie where, under which key, and what new files get."""
    from leads_pipeline.store import contents
    from leads_pipeline.store.database import SYSTEM
    from leads_pipeline.vault import POSTGRESQL, vault_of

    settings = read_settings()
    vault = vault_of(settings)
    with ready(settings) as database, database.transaction(SYSTEM) as transaction:
        totals = contents.totals(transaction)
        abandoned = contents.abandoned_count(transaction)
    place = POSTGRESQL if vault.writes_to is None else vault.writes_to.place
    if as_json:
        print(
            json.dumps(
                {
                    "place": place,
                    "key": vault.keyring.newest,
                    "kept": [{**asdict(each), "place": each.place or POSTGRESQL} for each in totals],
                    "waiting_to_be_deleted": abandoned,
                }
            )
        )
        return
    print(f"New files go to {place}, {_under(vault.keyring.newest)}.")
    for each in totals:
        unknown = "" if each.key_id is None or each.key_id in vault.keyring.keys else "  (this key is not set!)"
        print(
            f"{each.uploads:>9,} files  {each.bytes:>15,} bytes  {each.place or POSTGRESQL}, {_under(each.key_id)}{unknown}"
        )
    if abandoned:
        print(f"{abandoned:,} objects wait to be deleted; the worker does so every minute.")


@commands.command("new-key")
def contents_new_key(
    name: Annotated[str | None, typer.Argument(help="The key's id; the default is today's date.")] = None,
) -> None:
    """Make a key, and print it as LEADS_CONTENTS_KEYS takes it. It is kept nowhere else.

    Put it first to use it for new files; keep the older ones behind it, separated by commas, until
    `leads contents rotate` has run.
    """
    from leads_pipeline.settings import contents_keys
    from leads_pipeline.store.sealing import new_key

    entry = f"{name or datetime.now(UTC).date().isoformat()}:{new_key()}"
    try:
        contents_keys(entry)
    except ValueError as error:
        raise SetupProblem("A key's id has up to 64 letters, digits, dots, hyphens and underscores.") from error
    print(entry)


@commands.command("rotate")
def contents_rotate(*, as_json: AsJson = False) -> None:
    """Wrap the data keys of all files by the first key; afterwards the others may go from LEADS_CONTENTS_KEYS.

    Takes 500 files a transaction, while everything runs, and may be repeated. The files themselves are not touched.
    """
    from leads_pipeline.vault import vault_of

    settings = read_settings()
    vault = vault_of(settings)
    if vault.keyring.newest is None:
        raise SetupProblem("No key is set. `leads contents new-key` makes one for LEADS_CONTENTS_KEYS.")
    done = 0
    with ready(settings) as database, progress() as step:
        for changed in vault.rewrap(database):
            done += changed
            step(done, None, "wrapping keys")
    if as_json:
        print(json.dumps({"key": vault.keyring.newest, "rewrapped": done}))
        return
    wrapped = f"{counted(done, 'key')} {be(done, 'is', 'are')} wrapped anew"
    print(f"{wrapped}, {_under(vault.keyring.newest)}; none is under another one.")


@commands.command("move")
def contents_move(*, as_json: AsJson = False) -> None:
    """Bring the files that are stored to where new ones go, and encrypt those that are not.

    For a deployment that begins to encrypt, or changes LEADS_CONTENTS_URL. One file at a time, while everything runs; may be
    stopped and repeated. The old place must still be named in LEADS_CONTENTS_URL, after the new one.
    """
    from leads_pipeline.vault import POSTGRESQL, vault_of

    settings = read_settings()
    vault = vault_of(settings)
    moved = 0
    with ready(settings) as database, progress() as step:
        for _ in vault.move(database):
            moved += 1
            step(moved, None, "moving files")
        while vault.sweep(database):
            step(moved, None, "deleting what was moved")
    place = POSTGRESQL if vault.writes_to is None else vault.writes_to.place
    if as_json:
        print(json.dumps({"place": place, "key": vault.keyring.newest, "moved": moved}))
        return
    print(
        f"{counted(moved, 'file')} {be(moved, 'was', 'were')} moved; all are in {place}, {_under(vault.keyring.newest)}."
    )


def _under(key: str | None) -> str:
    return "not encrypted" if key is None else f"under the key {key}"
