"""Bringing a database to the schema this version knows, or refusing it."""

from __future__ import annotations

from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationStep, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from ami_bridge.store.errors import StoreUnavailable
from ami_bridge.store.tables import metadata

VERSION_TABLE = "keepline_schema"
_LOCK = 0x6B656570  # any number of ours: two Keeplines starting at once migrate one after the other


def upgrade(conn: Connection, to: str = "heads") -> None:
    """Run the migrations this database has not had, inside the caller's transaction; `to` names the last one wanted.

    Raises StoreUnavailable for a schema this version does not know (a newer Keepline's), and for a database that
    holds tables of these names which are not ours. There are no downgrades: restore a backup.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(text("SET LOCAL statement_timeout = 0"))  # a long table may take longer than a caller may wait
        conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    scripts = _scripts()
    current = MigrationContext.configure(conn, opts={"version_table": VERSION_TABLE}).get_current_heads()
    _refuse_strangers(conn, scripts, current)
    if set(current) == set(scripts.get_heads()):
        return

    def steps(revision: str | tuple[str, ...], _context: MigrationContext) -> list[RevisionStep]:
        ahead = scripts.iterate_revisions(to, revision or "base")
        return [MigrationStep.upgrade_from_script(scripts.revision_map, script) for script in reversed(list(ahead))]

    context = MigrationContext.configure(conn, opts={"version_table": VERSION_TABLE, "fn": steps})
    # The operations are handed to each migration: alembic's usual module-wide `op` could not serve two databases.
    context.run_migrations(op=Operations(context))


def _scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", "ami_bridge.store:migrations")
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def _refuse_strangers(conn: Connection, scripts: ScriptDirectory, current: tuple[str, ...]) -> None:
    known = {script.revision for script in scripts.walk_revisions()}
    unknown = set(current) - known
    if unknown:
        raise StoreUnavailable(
            f"store.url: the database was written by another version of Keepline (schema {', '.join(sorted(unknown))}, "
            f"this version knows up to {scripts.get_current_head()}); install that version or restore a backup"
        )
    foreign = set() if current else set(inspect(conn).get_table_names()) & set(metadata.tables)
    if foreign:
        raise StoreUnavailable(
            f"store.url: the database holds tables that are not Keepline's ({', '.join(sorted(foreign))}); "
            "name a database of its own"
        )
