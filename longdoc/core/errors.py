"""Every error that a user can cause, with what happened, why, and what to do next.

    LongdocError                  1
    ├── UsageError                2   the command line or the settings make no sense
    │   └── NotThere                  pages, sections or times that a document has not
    ├── PartialResult             3   a result is partial, or some documents of a batch failed
    ├── InputError               65   the input cannot be read
    │   ├── EmptyInput
    │   ├── UnknownFormat
    │   ├── DamagedInput
    │   ├── EncryptedInput
    │   ├── NoTextLayer
    │   └── StateRefused
    ├── InputNotFound            66   no such file
    ├── ModelUnavailable         69   the model is not there, or cannot work
    ├── OutOfMemory              71   it does not fit
    ├── OutputError              73   the result cannot be written
    └── RingLost                 75   a process of a ring is gone

A bug is whatever is not a LongdocError: exit code 70. Ctrl-C is 130, SIGTERM 143; whoever reads our standard output and
goes away ends us with 141, as SIGPIPE does with other tools.

    KeyboardInterrupt
    ├── Interrupted             130   between two steps
    │   ├── Terminated          143
    │   └── Left                130   where a question was to be typed: quietly
    └── StoppedNow              130   in the middle of one
"""

from __future__ import annotations

from typing import Any

BUG_EXIT_CODE = 70
INTERRUPTED_EXIT_CODE = 130
CLOSED_PIPE_EXIT_CODE = 141
TERMINATED_EXIT_CODE = 143

EXIT_CODES = {
    0: 'done; "not in the document" is an answer too',
    1: "another error",
    2: "the command line or the settings make no sense",
    3: "a result is partial, or some of several sources failed",
    65: "the input cannot be read: damaged, encrypted, empty, without a text layer",
    66: "there is no such input",
    69: "the model is not available",
    70: "a bug in longdoc",
    71: "it does not fit into memory",
    73: "the result cannot be written",
    75: "a process of a ring was lost",
    130: "interrupted by Ctrl-C; the same command goes on",
    141: "nobody reads the result any more: the pipe was closed",
    143: "ended by SIGTERM; the same command goes on",
}


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, where nothing is half done. results: what there is of a result so far, marked partial."""

    results: tuple[Any, ...] = ()


class Terminated(Interrupted):
    """SIGTERM: it goes the way of Ctrl-C, so that what was read is kept, and what is finished is written."""


class Left(Interrupted):
    """Ctrl-C where a question was to be typed: nothing is interrupted, and nothing is said of it."""


class StoppedNow(KeyboardInterrupt):
    """A second Ctrl-C: nothing more is kept or written."""


class LongdocError(Exception):
    """what: one sentence.   why: the cause.   fix: what the user can do next."""

    exit_code = 1

    def __init__(self, what: str, *, why: str | None = None, fix: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.fix = fix


class UsageError(LongdocError):
    """Exit code 2. The command line or a settings file makes no sense."""

    exit_code = 2


class NotThere(UsageError):
    """Exit code 2. Pages, sections or times were asked for that this document has not; another may have them."""


class PartialResult(LongdocError):
    """Exit code 3. A result was written, but it does not cover everything that was asked for."""

    exit_code = 3


class InputError(LongdocError):
    """Exit code 65. The input is there, and cannot be read."""

    exit_code = 65


class EmptyInput(InputError):
    """Exit code 65. There is nothing in it."""


class UnknownFormat(InputError):
    """Exit code 65. Binary data in no format that a reader knows."""


class DamagedInput(InputError):
    """Exit code 65. The format is known, and the file breaks its rules."""


class EncryptedInput(InputError):
    """Exit code 65. A password or a licence (DRM) is needed."""


class NoTextLayer(InputError):
    """Exit code 65. Pages, but no text in them: scans."""


class StateRefused(InputError):
    """Exit code 65. A saved reading state that is damaged, of another version, or made otherwise."""


class InputNotFound(LongdocError):
    """Exit code 66. No such file, or no permission to read it."""

    exit_code = 66


class ModelUnavailable(LongdocError):
    """Exit code 69. The model is not there, or longdoc cannot run it."""

    exit_code = 69


class OutOfMemory(LongdocError):
    """Exit code 71. Weights, cache and workspace do not fit."""

    exit_code = 71


class OutputError(LongdocError):
    """Exit code 73. The result cannot be written where it should go."""

    exit_code = 73


class RingLost(LongdocError):
    """Exit code 75. A process of a ring was killed, hangs or cannot be reached."""

    exit_code = 75
