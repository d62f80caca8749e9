"""A worker of a batch: a process that loads the model once and makes the results of one document after the other.

It talks with the process that started it through one connection, and ends when that one does, whatever ends it. Ctrl-C
on the terminal reaches both; the worker leaves it to the other, which asks it to stop. Writes no results.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from longdoc.core.batch import BatchTask, Item, Made
from longdoc.core.errors import Interrupted, LongdocError
from longdoc.core.events import Event, ModelLoading, Opening, SegmentRead, Step

_EVENT_EVERY_S = 0.1
STOP = "stop"


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded. num_gpus: that the process sees."""

    num_gpus: int


@dataclass(frozen=True, slots=True)
class Refused:
    """No document can be done: the model is not there, or the settings make no sense."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Began:
    """A document is begun."""

    item: Item


@dataclass(frozen=True, slots=True)
class Heard:
    """An event of a document."""

    item: Item
    event: Event


@dataclass(frozen=True, slots=True)
class Finished:
    """A document is done."""

    item: Item
    made: Made


@dataclass(frozen=True, slots=True)
class Stopped:
    """The worker was asked to stop, has kept what it could, and ends."""


Message = Ready | Refused | Began | Heard | Finished | Stopped


@dataclass(frozen=True, slots=True)
class Place:
    """number: of a worker, from 0, of num_workers on this machine."""

    number: int
    num_workers: int


class _Mailbox:
    """What comes in, taken by a thread of its own, so that a stop is heard while a document is read."""

    def __init__(self, connection: Connection) -> None:
        self.items: SimpleQueue[Item | None] = SimpleQueue()
        self.stopping = threading.Event()
        self.is_at_work = False
        self._connection = connection
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                said = self._connection.recv()
            except (EOFError, OSError):  # whoever started us has gone: what we make is for nobody
                os._exit(1)
            if said == STOP:
                self.stopping.set()
                if not self.is_at_work:
                    os._exit(0)  # loading, or waiting
                self.items.put(None)
            else:
                self.items.put(said)


def main(connection: Connection, task: BatchTask, place: Place) -> None:
    """The process. Nothing of it reaches standard output, which is for results."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    mailbox = _Mailbox(connection)
    session = _open(connection, task, place)
    if session is None:
        return
    while True:
        item = mailbox.items.get()
        mailbox.is_at_work = True
        if item is None or mailbox.stopping.is_set():
            connection.send(Stopped())
            return
        connection.send(Began(item))
        try:
            made = work_on(item, task, session, _listener(connection, item, mailbox))
        except KeyboardInterrupt:
            connection.send(Stopped())
            return
        connection.send(Finished(item, made))
        mailbox.is_at_work = False
        if mailbox.stopping.is_set():
            connection.send(Stopped())
            return


def _open(connection: Connection, task: BatchTask, place: Place) -> Any:
    """The session with its model; None when there can be none, which is told."""
    try:
        session, num_gpus = open_worker(task, place)
    except LongdocError as error:
        connection.send(Refused(error))
        return None
    connection.send(Ready(num_gpus))
    return session


def open_worker(task: BatchTask, place: Place) -> tuple[Any, int]:
    """A session on the GPU or the threads that are this worker's. -> also how many GPUs there are."""
    import torch

    from longdoc.core.events import ignore
    from longdoc.pipeline.batch_work import check_session
    from longdoc.pipeline.session import Session

    options = task.model
    num_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if options.device == "auto" and num_gpus:
        options = replace(options, device=f"cuda:{place.number % num_gpus}")
    elif options.threads is None and place.num_workers > 1:
        torch.set_num_threads(max(1, torch.get_num_threads() // place.num_workers))
    session = Session(options, task.states)
    check_session(task, session, ignore)
    return session, num_gpus


def work_on(item: Item, task: BatchTask, session: Any, on_event: Any) -> Made:
    """The results on one document."""
    from longdoc.pipeline.batch_work import make

    return make(item, task, session, on_event)


def _listener(connection: Connection, item: Item, mailbox: _Mailbox) -> Any:
    """Sends events, of the many small ones a few, and stops the work at the next step when that is asked for."""
    last_s = 0.0

    def hear(event: Event) -> None:
        nonlocal last_s
        if isinstance(event, Step | Opening):
            if mailbox.stopping.is_set():
                raise Interrupted
            if isinstance(event, Step):
                return
        if isinstance(event, ModelLoading):
            return
        if isinstance(event, SegmentRead) and event.tokens_read < event.num_tokens:
            if time.monotonic() - last_s < _EVENT_EVERY_S:
                return
            last_s = time.monotonic()
        connection.send(Heard(item, event))

    return hear
