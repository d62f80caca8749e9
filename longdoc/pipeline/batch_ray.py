"""Workers of a batch on a Ray cluster that is there already (the extra `longdoc[ray]`).

Each worker is an actor that loads the model once; longdoc, the model and the documents' paths must be there on every
node. Results come back to this process, which alone writes them and the manifest, so that the guarantees are those of
a batch on one machine. An actor that died is started again where Ray has room, and given its document once more; a
document that takes its worker with it each time fails. Nothing here schedules.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, redirect_stdout, suppress
from pathlib import Path
from typing import Any

from longdoc import __version__
from longdoc.core.batch import BatchTask, Item, Made
from longdoc.core.errors import InputNotFound, LongdocError, ModelUnavailable
from longdoc.core.events import ignore
from longdoc.pipeline.batch_crew import Lost
from longdoc.pipeline.batch_process import Began, Finished, Message, Place, Ready, Refused, open_worker, work_on

_RETRIES = 3  # of a document whose worker died, and of loading a model


class RayWorker:
    """The actor. Its errors are values: an exception would reach the driver wrapped in one of Ray's."""

    def __init__(self, task: BatchTask, folder: str) -> None:
        self.task = task
        self.folder = folder
        self.session: Any = None

    def open(self) -> str | Exception:
        """Load the model. -> longdoc's version, or why it cannot work."""
        try:
            self._load()
        except OSError as error:
            return InputNotFound(
                f"A node of the cluster does not see the folder {self.folder}.",
                why=error.strerror,
                fix="start it in a folder that every node has under the same name",
            )
        except LongdocError as error:
            return error
        return __version__

    def _load(self) -> None:
        if self.session is None:  # also in an actor that was started again
            os.chdir(self.folder)  # results name documents as they were typed
            self.session, _ = open_worker(self.task, Place(0, 1))  # Ray gives it its own GPU and threads

    def work(self, item: Item) -> Made:
        """The results on one document."""
        self._load()
        return work_on(item, self.task, self.session, ignore)


class RayCrew:
    """Actors on a cluster, by default one for each GPU, or for each node where there are none."""

    def __init__(self, task: BatchTask, num_workers: int | None, address: str) -> None:
        self.where = f"on {address}"
        self._ray = _connected(address)
        self._quiet = ExitStack()  # Ray prints what happens to its workers to standard output, from a thread of its own
        nowhere = self._quiet.enter_context(Path(os.devnull).open("w"))  # noqa: SIM115 - the stack closes it
        self._quiet.enter_context(redirect_stdout(nowhere))
        resources = self._ray.cluster_resources()
        num_gpus = int(resources.get("GPU", 0))
        wants_gpu = num_gpus > 0 and task.model.device != "cpu"
        self.num_workers = num_workers or (num_gpus if wants_gpu else len(self._ray.nodes()))
        self._task = task
        # Ray's own retries are used up while an actor that died is starting again
        self._options: dict[str, Any] = {"max_restarts": 0, "max_task_retries": 0}
        self._options |= {"num_gpus": min(1.0, num_gpus / self.num_workers)} if wants_gpu else {}
        self._options |= {"num_cpus": 1, "scheduling_strategy": "SPREAD"}
        self._actors: list[Any] = []
        self._deaths: Counter[str | None] = Counter()  # by document; None while a model was loaded
        self._calls: dict[Any, tuple[int, Item | None]] = {}  # what is awaited -> worker, document

    def start(self) -> None:
        self._actors = [self._started() for _ in range(self.num_workers)]
        for number in range(self.num_workers):
            self._open(number)

    def _open(self, number: int) -> None:
        self._calls[self._actors[number].open.remote()] = number, None

    def _started(self) -> Any:
        return self._ray.remote(RayWorker).options(**self._options).remote(self._task, str(Path.cwd()))

    def _free(self) -> list[int]:
        busy = {number for number, _ in self._calls.values()}
        return [number for number in range(len(self._actors)) if number not in busy]

    def has_room(self) -> bool:
        return bool(self._free())

    def is_idle(self) -> bool:
        return not any(item is not None for _, item in self._calls.values())

    def give(self, item: Item) -> None:
        self._work(self._free()[0], item)

    def _work(self, number: int, item: Item) -> None:
        self._calls[self._actors[number].work.remote(item)] = number, item

    def wait(self, seconds: float) -> Iterator[tuple[int, Message | Lost]]:
        if not self._calls:
            return
        done, _ = self._ray.wait([*self._calls], num_returns=1, timeout=seconds)
        for call in done:
            number, item = self._calls.pop(call)
            yield from self._heard(call, number, item)

    def _heard(self, call: Any, number: int, item: Item | None) -> Iterator[tuple[int, Message | Lost]]:
        try:
            answer = self._ray.get(call)
        except self._ray.exceptions.RayError as error:
            yield from self._died(number, item, error)
            return
        if item is not None:
            yield number, Began(item)
            yield number, Finished(item, answer)
        elif isinstance(answer, Exception):
            yield number, Refused(answer)
        elif answer != __version__:
            yield number, Refused(ModelUnavailable(
                f"A node of the cluster has longdoc {answer}.", why=f"here it is {__version__}",
                fix="install the same version on every node"))  # fmt: skip
        else:
            yield number, Ready(0)

    def _died(self, number: int, item: Item | None, error: Any) -> Iterator[tuple[int, Message | Lost]]:
        """Another actor in its place, with the same document, unless that has failed too often."""
        task = item.name if item is not None else None
        self._deaths[task] += 1
        why = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
        if self._deaths[task] > _RETRIES and item is None:
            yield number, Refused(LongdocError("Workers on the cluster do not start.", why=why, fix="ray status"))
            return
        with suppress(Exception):  # it may only have been out of reach
            self._ray.kill(self._actors[number])
        self._actors[number] = self._started()
        if item is None:
            self._open(number)
        elif self._deaths[task] <= _RETRIES:
            self._work(number, item)
        else:
            is_memory = isinstance(error, self._ray.exceptions.OutOfMemoryError)
            yield number, Lost(item, f"it died {_RETRIES + 1} times over this document; {why}", is_memory)

    def stop(self) -> Iterator[tuple[int, Message | Lost]]:
        """What is finished meanwhile; documents under way are left, and their readings begin anew."""
        return self.wait(0.0)

    def close(self) -> None:
        for actor in self._actors:
            with suppress(Exception):  # it may be dead
                self._ray.kill(actor)
        self._actors = []
        self._calls = {}
        self._ray.shutdown()
        self._quiet.close()


def _connected(address: str) -> Any:
    """The module `ray`, connected. Raises ModelUnavailable when it is not there."""
    try:
        import ray
    except ImportError as error:
        raise ModelUnavailable(
            "Ray is not installed.", why=str(error), fix="pip install 'longdoc[ray]', here and on every node"
        ) from error
    try:
        ray.init(address="auto" if address == "ray" else address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, OSError, ValueError) as error:
        raise ModelUnavailable(
            f"There is no Ray cluster at {address}.",
            why=str(error).strip().splitlines()[0],
            fix="ray start --head, or the cluster's own address with --on ray://HOST:10001",
        ) from error
    return ray
