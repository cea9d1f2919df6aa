"""The database by the commands of the earlier deployment guide: `python migrations/init_fine_tuning_db.py --init`.

It does what `leads db` does: `--init` is `leads db upgrade`, `--status` is `leads db status`, `--force` is
`leads db reset`, which deletes everything stored and asks first, unless `--yes` stands beside it.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main() -> None:
    parser = argparse.ArgumentParser(description="Make, show or remake the database; the same as `leads db`.")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--init", action="store_true", help="create or update all tables (leads db upgrade)")
    action.add_argument("--status", action="store_true", help="show the revision and the tables (leads db status)")
    action.add_argument("--force", action="store_true", help="DELETE everything and make empty tables (leads db reset)")
    parser.add_argument("--yes", action="store_true", help="with --force: do not ask")
    arguments = parser.parse_args()

    from leads_pipeline.cli import main as leads

    command = "upgrade" if arguments.init else "status" if arguments.status else "reset"
    sys.argv = ["leads", "db", command, *(["--yes"] if arguments.yes and arguments.force else [])]
    leads()


if __name__ == "__main__":
    main()
