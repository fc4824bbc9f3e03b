"""A process that uses the embedded PostgreSQL; run by the tests of it.

Takes a JSON object: `data_dir`, `program` (optional), `uid` (optional: become this user first).
Prints a JSON object with `url` and `pid`, or with `error`; stops at the end of its input.
"""

import json
import os
import sys
from pathlib import Path

from app.postgres import EmbeddedPostgres, PostgresError


def main() -> None:
    """Start, tell, wait, stop."""
    given = json.loads(sys.argv[1])
    if uid := given.get("uid"):
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    program = Path(given["program"]) if "program" in given else None
    server = EmbeddedPostgres(Path(given["data_dir"]), durable=False, program=program)
    try:
        server.start()
    except PostgresError as error:
        sys.stdout.write(json.dumps({"error": str(error)}) + "\n")
        return
    sys.stdout.write(json.dumps({"url": server.url(), "pid": server.pid}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.stop()


main()
