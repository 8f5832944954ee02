"""Makes the next migration from what changed in `store.tables`: `python -m flowdeck.store.revise "what changed"`.

For engineers. The file it writes is to be read and mended by hand; it also moves `migrations.HEAD` and renews the
whole schema (`python -m flowdeck.store.whole`, to be run again after mending).
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from flowdeck.store.driver import open_database
from flowdeck.store.migrations import HEAD
from flowdeck.store.schema import FOLDER, alembic_config, migrate


def make_revision(message: str) -> Path:
    """Write the migration that leads from the newest revision to the metadata; answers its file."""
    from alembic import command

    number = f"{int(HEAD) + 1:04d}"
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/empty.db")
        migrate(database)
        writer = database.writer()
        writer.begin()
        with writer.engine().connect() as connection:
            command.revision(alembic_config(connection), message, autogenerate=True, rev_id=number)
        writer.rollback()
        writer.close()
        database.close()
    path = next((FOLDER / "versions").glob(f"{number}_*.py"))
    text = path.read_text().replace("sqlmodel.sql.sqltypes.AutoString()", "sa.String()")
    path.write_text(re.sub(r"    # ###.*\n", "", text))
    told = FOLDER / "__init__.py"
    told.write_text(told.read_text().replace(f'HEAD = "{HEAD}"', f'HEAD = "{number}"'))
    # In a process of its own: this one knows the old revision.
    subprocess.run([sys.executable, "-m", "flowdeck.store.whole"], check=True)
    return path


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit('usage: python -m flowdeck.store.revise "what changed"')
    print(make_revision(sys.argv[1]))
