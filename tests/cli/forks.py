"""`longdoc` in processes that are forks of one which has imported torch and the pipeline already.

Each is a process of its own, with its own streams, signals and exit code, as a shell would start it, but for the import
that takes most of a start. What depends on the import itself (closed streams, say) needs a real start. None of them
uses the network.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import traceback
from pathlib import Path
from typing import IO, Any

_MOST_BYTES = 1 << 16  # of a request


class Started:
    """A process. stdout, stderr: to read from.   returncode: as in `subprocess`, known after `wait`."""

    def __init__(self, pid: int, stdout: IO[bytes], stderr: IO[bytes], ended: IO[bytes]) -> None:
        self.pid = pid
        self.stdout = stdout
        self.stderr = stderr
        self.returncode: int | None = None
        self._ended = ended

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self) -> int:
        """Its exit code, or minus the signal that ended it. What was not read is lost."""
        if self.returncode is None:
            self.returncode = int(self._ended.readline())
            for stream in (self._ended, self.stdout, self.stderr):
                stream.close()
        return self.returncode


class Forks:
    """The process that is forked, from its making to `close`."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._socket, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())],
            # a fork keeps no threads; huggingface_hub asks once whether it is offline, when it is imported
            env={**environment, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
            pass_fds=[theirs.fileno()],
        )
        theirs.close()

    def start(self, arguments: list[str], environment: dict[str, str], program: Path | None = None) -> Started:
        """Start `longdoc`, or the program that stands in a file, in the current folder."""
        pipes = [os.pipe() for _ in range(3)]
        request = {"program": str(program or ""), "arguments": arguments, "folder": str(Path.cwd()), "env": environment}
        socket.send_fds(self._socket, [json.dumps(request).encode()], [write for _, write in pipes])
        for _, write in pipes:
            os.close(write)
        stdout, stderr, ended = (os.fdopen(read, "rb") for read, _ in pipes)
        return Started(int(ended.readline()), stdout, stderr, ended)

    def close(self) -> None:
        """No more are started."""
        self._socket.close()
        self._process.wait()


def _serve(ours: socket.socket) -> None:
    """Fork for each request, until nobody is there to ask."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who waits for a program is forked too
    while True:
        message, descriptors, _, _ = socket.recv_fds(ours, _MOST_BYTES, 3)
        if not message:
            return
        if os.fork() == 0:
            ours.close()
            _watch(json.loads(message), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _watch(request: dict[str, Any], descriptors: list[int]) -> None:
    """Fork once more, and tell the process and how it ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    stdout, stderr, ended = descriptors
    pid = os.fork()
    if pid == 0:
        os.close(ended)
        for descriptor, number in ((os.open(os.devnull, os.O_RDONLY), 0), (stdout, 1), (stderr, 2)):
            os.dup2(descriptor, number)
            os.close(descriptor)
        _become(request)
    os.close(stdout)
    os.close(stderr)
    os.write(ended, f"{pid}\n".encode())
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.write(ended, f"{code}\n".encode())
    os._exit(0)


def _become(request: dict[str, Any]) -> None:
    """Run the program, and end with its exit code."""
    from longdoc.cli import main

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background may have it ignored
    sys.stdin = os.fdopen(0, closefd=False)  # Python remembers of the old streams what they were
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = [request["program"] or "longdoc", *request["arguments"]]
    code: object = 1
    try:
        runpy.run_path(request["program"], run_name="__main__") if request["program"] else main()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    import transformers  # noqa: F401

    import longdoc.cli
    import longdoc.pipeline.ask
    import longdoc.pipeline.plan
    import longdoc.pipeline.summarize  # noqa: F401

    _serve(socket.socket(fileno=int(sys.argv[1])))
