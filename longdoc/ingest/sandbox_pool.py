"""Many jobs of one kind in several worker processes: their outcomes in the order of the jobs.

    with Pool("longdoc.ingest.pdf_pages:open_pages", setup, num_workers=2, limits=Limits(seconds=20)) as pool:
        for outcome in pool.map(jobs, on_event):
            lines = outcome.value       # or outcome.failure: JobFailed | LongdocError

Targets, setup and limits are those of `sandbox.Worker`; `Limits.seconds` is of one job. A job that runs into a limit
takes its process with it, and the other jobs go on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from longdoc.core.events import Listener, ignore
from longdoc.ingest.sandbox import Limits, Outcome, Worker, wait_for

_LIMITS = Limits()
_BACKLOG = 4  # jobs that may be finished before their turn, for each worker


@dataclass(slots=True)
class _Place:
    """Where the outcome of a job will be."""

    outcome: Outcome | None = None


class Pool:
    """Several workers for many jobs of one kind. The arguments are those of `Worker`; one process for each."""

    def __init__(
        self,
        target: str,
        setup: Any = None,
        *,
        num_workers: int,
        limits: Limits = _LIMITS,
        descriptors: Sequence[int] = (),
    ) -> None:
        self.workers = [Worker(target, setup, limits=limits, descriptors=descriptors) for _ in range(num_workers)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End all processes."""
        for worker in self.workers:
            worker.close()

    def map(self, jobs: Iterable[Any], on_event: Listener = ignore) -> Iterator[Outcome]:
        """The outcome of each job, in their order; a job that fails does not stop the others.

        Jobs are taken when there is room for their outcomes, so neither they nor the results need fit into memory.
        """
        coming = iter(jobs)
        waiting: deque[_Place] = deque()  # in the order of the jobs
        under_way: dict[Worker, _Place] = {}
        has_more = True
        try:
            while True:
                for worker in self.workers:
                    if has_more and not worker.is_busy and len(waiting) < _BACKLOG * len(self.workers):
                        try:
                            job = next(coming)
                        except StopIteration:
                            has_more = False
                            break
                        worker.begin(job, on_event)
                        under_way[worker] = _Place()
                        waiting.append(under_way[worker])
                while waiting and waiting[0].outcome is not None:
                    yield waiting.popleft().outcome  # type: ignore[misc]
                busy = [worker for worker in self.workers if worker.is_busy]
                if not busy and not waiting and not has_more:
                    return
                if busy and (outcome := wait_for(busy)) is not None:
                    done = next(worker for worker in busy if not worker.is_busy)
                    under_way.pop(done).outcome = outcome
        finally:
            if any(worker.is_busy for worker in self.workers):  # the caller has stopped, or Ctrl-C
                self.close()
