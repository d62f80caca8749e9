"""Ctrl-C in two steps: the first ends the work where nothing is half done, the second at once.

The work tells where that is by `Step` events. Knows nothing of signals' handlers being installed, nor of what is kept.
"""

from __future__ import annotations

from longdoc.core.errors import Interrupted, StoppedNow, Terminated
from longdoc.core.events import Event, ModelLoading, Opening, Step


class Stopper:
    """A listener that raises at the next step when it was asked to.

    was_asked: whether Ctrl-C or SIGTERM came.
    """

    def __init__(self) -> None:
        self.was_asked = False
        self._asked: type[Interrupted] = Interrupted
        self._is_in_step = False

    def __call__(self, event: Event) -> None:
        """Raises Interrupted or Terminated at a step, when it was asked to; also before another source or model."""
        if isinstance(event, Step):
            self._is_in_step = event.follows
        elif isinstance(event, Opening | ModelLoading):
            self._is_in_step = False
        else:
            return
        follows = not isinstance(event, Step) or event.follows
        if self.was_asked and follows:
            self._is_in_step = False
            raise self._asked

    def ask(self, *, terminated: bool = False) -> None:
        """Stop at the end of this step. Outside of one, or when it was asked before, it raises at once."""
        kind = Terminated if terminated else Interrupted
        if self.was_asked:
            raise kind if terminated else StoppedNow
        self.was_asked = True
        self._asked = kind
        if not self._is_in_step:
            raise kind
