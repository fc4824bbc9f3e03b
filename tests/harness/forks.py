"""Starts `punnet` processes from one that has everything imported, since importing takes seconds.

Run as a program it reads lines of JSON, `{"arguments": […], "environment": {…}, "log": path}`,
and answers each with the id of a process that runs that command. It ends with its input, and
kills what still runs.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from typing import Any, NoReturn


def run(asked: dict[str, Any]) -> NoReturn:
    """Be that command, with its standard error in a file."""
    from app.__main__ import command

    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number, target in ((nothing, 0), (nothing, 1), (log, 2)):
        os.dup2(number, target)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.update(asked["environment"])
    code = 1
    try:
        command(asked["arguments"], standalone_mode=False)
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Fork for each line."""
    import app.process
    import app.server  # noqa: F401 - so that no fork needs to
    from graphql_schema.schema import graphql_core_schema

    graphql_core_schema()
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the killed
    started: list[int] = []
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            run(json.loads(line))
        started.append(pid)
        print(pid, flush=True)  # noqa: T201 - the answer
    for pid in started:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    main()
