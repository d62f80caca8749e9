"""Questions typed one after the other about a document that was read.

The history is the process's own: what somebody asks about a document is not left on the disk.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from longdoc.core.errors import Left, Terminated
from longdoc.core.types import Answer

if TYPE_CHECKING:
    from longdoc.output.delivery import Delivery

PROMPT = "question> "
HINT = "One question a line; the arrow keys bring earlier ones back. To leave: Ctrl-D, or the word quit."
_LEAVES = frozenset({"quit", "exit", "q"})


def answer_until_end(answer: Callable[[str], Answer], delivery: Delivery) -> None:
    """Answer every line until the end of input. The receipt follows the first answer only."""
    is_first = True
    for question in typed_questions(delivery.pause):
        delivery.put([answer(question)], heading=False, receipt=is_first)
        is_first = False


def typed_questions(clear: Callable[[], None]) -> Iterator[str]:
    """The lines that are not empty, with the arrow keys for editing and history, until somebody leaves.

    What can be typed is said once, before the first.
    clear: called before each prompt, on whose line nothing else may be drawn.
    """
    with suppress(ImportError):  # not in every build of Python
        import readline  # noqa: F401  # importing it is what gives input() its history

    clear()
    sys.stderr.write(f"{HINT}\n")
    while True:
        clear()
        try:
            line = _line().strip()
        except EOFError:
            sys.stderr.write("\n")
            return
        except Terminated:
            raise
        except KeyboardInterrupt as stop:
            sys.stderr.write("\n")
            raise Left from stop
        if line.lower() in _LEAVES:
            return
        if line:
            yield line


def _line() -> str:
    if sys.stdout.isatty():
        return input(PROMPT)
    sys.stderr.write(PROMPT)  # input() would put the prompt among the results
    sys.stderr.flush()
    return input()
