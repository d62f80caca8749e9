"""Which document of a batch is to be done next: each once, also where several runs write to one folder at once.

Shards and a run for all of them may work beside each other. A document is claimed before it is given to a worker, and
looked up again in the manifests of all runs then; one that another run has claimed comes later, when it is done or
free. Knows nothing of workers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from pathlib import Path

from longdoc.core.batch import Item
from longdoc.core.errors import InputNotFound
from longdoc.pipeline.batch_keys import document_key, file_hash
from longdoc.pipeline.batch_manifest import Row, Rows
from longdoc.pipeline.claims import Claim, claim

_CLAIM = "document-"


class Found(Enum):
    """What a row of a manifest means for the run that looks at it."""

    DONE = "nothing is to be done"
    FORM = "only another form of the result is wanted"
    NEW = "it is to be done"


class Queue:
    """The documents of one run. begun: the hash of each file when it was taken, until it is recorded.

    look: what a document's row means under its key.
    """

    def __init__(
        self, out: Path, items: Sequence[Item], rows: Rows, settings: str, look: Callable[[Row, str], Found]
    ) -> None:
        self.begun: dict[str, str] = {}
        self._out = out
        self._items = items
        self._rows = rows
        self._settings = settings
        self._look = look
        self._claims: dict[str, Claim] = {}
        _remove_stale(out)

    def steps(self) -> Iterator[tuple[Item, Found | InputNotFound] | None]:
        """Each document once, with what is to be done; None where nothing is, for now: another run has the rest.

        A document that is to be done is claimed until `release`, which comes after its row.
        """
        waiting: list[tuple[Item, str]] = []
        for item in self._items:
            try:
                sha256 = file_hash(item.path)
            except InputNotFound as error:
                yield item, error
                continue
            found = self._taken(item, sha256)
            if found is None:
                waiting.append((item, sha256))
            else:
                yield item, found
        while waiting:
            left = []
            for item, sha256 in waiting:
                found = self._taken(item, sha256)
                if found is None:
                    left.append((item, sha256))
                else:
                    yield item, found
            if len(left) == len(waiting):
                yield None
            waiting = left

    def _taken(self, item: Item, sha256: str) -> Found | None:
        """What is to be done with a document, which is this run's then; None while it is another's."""
        key = document_key(sha256, self._settings)
        if self._found(item, key) is Found.DONE:
            return Found.DONE
        held = claim(self._out, _CLAIM + hashlib.sha256(item.name.encode("utf-8", "surrogatepass")).hexdigest()[:16])
        self._rows.look()  # whoever had it may have done it meanwhile
        found = self._found(item, key)
        if held is None:
            return found if found is Found.DONE else None
        if found is Found.DONE:
            held.release()
        else:
            self._claims[item.name] = held
            self.begun[item.name] = sha256
        return found

    def _found(self, item: Item, key: str) -> Found:
        row = self._rows.latest.get(item.name)
        return self._look(row, key) if row is not None else Found.NEW

    def release(self, name: str) -> None:
        """A document is recorded."""
        held = self._claims.pop(name, None)
        if held is not None:
            held.release()

    def close(self) -> None:
        """Leave what was not recorded to others."""
        for name in [*self._claims]:
            self.release(name)


def _remove_stale(out: Path) -> None:
    """The locks of runs that were killed."""
    for path in out.glob(f".{_CLAIM}*.lock"):
        held = claim(out, path.name[1:].removesuffix(".lock"))
        if held is not None:
            held.release()
