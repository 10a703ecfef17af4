"""Runs of pytest, one after the other, that do not load libraries anew: most of the time of a short run is that.

    python tools/warm_pytest.py serve ADDRESS ARGUMENT …     a process that has loaded what these tests load
    python tools/warm_pytest.py run ADDRESS                  ends as pytest with these arguments ends

A run is a fork of the serving process, which never loads the tests or what they test: these are read as they stand.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time

OURS = ("age_audit", "analysis_", "tests", "conftest", "__main__")
UNSAFE = ("tensorflow", "keras")  # start threads when loaded, which a fork does not have


def serve(address: str, arguments: list[str]) -> None:
    """Load what a first run loads, say how the second ends and in how many seconds, then run once a connection."""
    reading, writing = os.pipe()
    _forked(arguments, lambda code: os.write(writing, "\n".join(sys.modules).encode()), seconds=600)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        for name in pipe.read().split():
            if not name.startswith(OURS + UNSAFE):
                try:
                    __import__(name)
                except Exception:  # a part that loads within its whole only
                    continue
    began, ends = time.monotonic(), []
    reading, writing = os.pipe()
    _forked(arguments, lambda code: os.write(writing, bytes([code])), seconds=600)
    os.close(writing)
    ends, seconds = os.read(reading, 1), time.monotonic() - began
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen()
    print(ends[0] if ends else 1, f"{seconds:.2f}", flush=True)
    while True:
        connection, _ = listening.accept()
        with connection:
            _forked(arguments, lambda code, to=connection: to.sendall(bytes([code])), seconds=int(10 + 5 * seconds))


def run(address: str) -> int:
    """What pytest returned; 1 where it never ended."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        answer = connection.recv(1)
    return answer[0] if answer else 1


def _forked(arguments: list[str], tell, seconds: int) -> None:
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    signal.alarm(seconds)  # ends the process, whatever it is at
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        import pytest

        code = int(pytest.main(arguments))
        tell(code)
    finally:
        os._exit(code)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2], sys.argv[3:])
    else:
        sys.exit(run(sys.argv[2]))
