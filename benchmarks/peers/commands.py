"""The loop of a program that `peer_process.PeerProcess` drives. Uses the standard library only."""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from webapp.os_process import die_with_parent

Command = Callable[..., Any]


def serve(forked: Mapping[str, Command], in_process: Mapping[str, Command] | None = None) -> None:
    """Answer commands from standard input, one JSON document a line, until it ends.

    A forked command runs in a fork of the program, which has imported everything and has no connection: like a worker
    that a process manager has just started. Its answer has the CPU time of the fork and of all its children. The
    commands in the process itself keep their connections.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a command prints is no answer
    signal.signal(signal.SIGTERM, _end_group)
    die_with_parent(int(sys.argv[1]), signal.SIGTERM)
    answers.write("ready\n")
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        if in_process and name in in_process:
            answer = _answer(in_process[name], arguments)
        else:
            answer = _answer_of_fork(forked[name], arguments)
        answers.write(json.dumps(answer) + "\n")
    _end_group()


def _end_group(*_: object) -> None:
    """End this process with all that it started; the programs of a peer may ignore other signals."""
    os.killpg(0, signal.SIGKILL)


def _answer(command: Command, arguments: list[Any]) -> dict[str, Any]:
    try:
        return {"result": command(*arguments)}
    except BaseException:  # noqa: BLE001  (also what an interpreter that exits raises)
        return {"error": traceback.format_exc()}


def _answer_of_fork(command: Command, arguments: list[Any]) -> dict[str, Any]:
    reader, writer = os.pipe()
    parent = os.getpid()
    if not (child := os.fork()):
        os.close(reader)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        die_with_parent(parent)
        os.write(writer, json.dumps(_answer(command, arguments)).encode() + b"\n")
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        written = pipe.readline()
    _, status, usage = os.wait4(child, 0)
    if not written:
        return {"error": f"the process ended with status {os.waitstatus_to_exitcode(status)}"}
    return {**json.loads(written), "cpu": usage.ru_utime + usage.ru_stime}
