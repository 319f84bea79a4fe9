"""A process of its own that writes into a store: python -m tests.store.writer ADDRESS COMMAND. It answers on stdout.

put COUNT: waits for a line on standard input, then puts analyses 0 to COUNT - 1; prints how many were new.
die STATEMENT: puts one analysis and is killed when the database is about to run a statement that begins so.
fork: puts analyses in a forked child and in its parent, with the store that the parent opened.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from sqlalchemy import Engine, event

from deepfake.store import open_store
from tests.store.samples import sample_analysis


def put(address: str, count: int) -> int:
    print("ready", flush=True)
    sys.stdin.readline()
    with open_store(url=address) as store:
        return sum(
            store.put(sample_analysis(number), name=f"clip {number}.mp4", location=f"/{number}")
            for number in range(count)
        )


def die(address: str, beginning: str) -> None:
    @event.listens_for(Engine, "before_cursor_execute")
    def kill(_: Any, __: Any, statement: str, *___: Any) -> None:
        if " ".join(statement.split()).startswith(beginning):
            os.kill(os.getpid(), signal.SIGKILL)

    with open_store(url=address) as store:
        store.put(sample_analysis(1), name="clip 1.mp4", location="/1")


def fork(address: str) -> int:
    with open_store(url=address) as store:
        store.put(sample_analysis(0), name="clip 0.mp4")
        child = os.fork()
        for number in range(1, 20):
            store.put(sample_analysis(number + (1000 if child else 0)), name="clip.mp4")
        if not child:
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert status == 0
        return store.find().total


if __name__ == "__main__":
    address, command, *rest = sys.argv[1:]
    if command == "put":
        print(put(address, int(rest[0])))
    elif command == "die":
        die(address, rest[0])
    else:
        print(fork(address))
