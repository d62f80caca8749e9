"""Which process holds which tokens. Knows nothing of tensors: every process computes the same for all of them.

Under a causal mask the last tokens of a text have the most to look at. So a piece of text is cut into 2 N chunks for
N processes, and process r takes chunk r and chunk 2 N - 1 - r: a zigzag. The last token is then always with process 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Run:
    """Tokens that follow one another: first ... first + count - 1 of the text."""

    first: int
    count: int

    @property
    def end(self) -> int:
        """Behind the last one."""
        return self.first + self.count


Shard = tuple[Run, ...]  # what one process holds, in the order of the text


@dataclass(frozen=True, slots=True)
class Layout:
    """Shards of all processes.   num_tokens: that they hold together."""

    shards: tuple[Shard, ...]
    num_tokens: int = 0

    @property
    def counts(self) -> tuple[int, ...]:
        """How many tokens each process holds."""
        return tuple(sum(run.count for run in shard) for shard in self.shards)

    def with_zigzag(self, count: int) -> Layout:
        """With the next `count` tokens shared out in a zigzag; at least two for each process."""
        size = len(self.shards)
        chunks = zigzag(self.num_tokens, count, size)
        return Layout(tuple((*shard, *chunks[rank]) for rank, shard in enumerate(self.shards)), self.num_tokens + count)

    def with_spread(self, count: int) -> Layout:
        """With the next `count` tokens one by one to whoever holds least: a run for each process, in their order."""
        counts = list(self.counts)
        shares = [0] * len(counts)
        for _ in range(count):
            least = min(range(len(counts)), key=lambda rank: (counts[rank], rank))
            counts[least] += 1
            shares[least] += 1
        shards, first = [], self.num_tokens
        for shard, share in zip(self.shards, shares, strict=True):
            shards.append(_extended(shard, Run(first, share)) if share else shard)
            first += share
        return Layout(tuple(shards), first)


def nothing(size: int) -> Layout:
    """Of `size` processes that hold nothing yet."""
    return Layout(((),) * size)


def zigzag(first: int, count: int, size: int) -> list[tuple[Run, Run]]:
    """The two chunks of each of `size` processes, of `count` tokens from `first` on; chunks differ by one at most."""
    assert count >= 2 * size, "each process needs two tokens"
    length, longer = divmod(count, 2 * size)
    chunks = []
    for number in range(2 * size):
        chunk = Run(first, length + (number < longer))
        chunks.append(chunk)
        first = chunk.end
    return [(chunks[rank], chunks[2 * size - 1 - rank]) for rank in range(size)]


def in_turn(count: int, size: int) -> Layout:
    """`count` tokens from the first one on, in one run for each process."""
    shards, first = [], 0
    for rank in range(size):
        run = Run(first, count // size + (rank < count % size))
        shards.append((run,) if run.count else ())
        first = run.end
    return Layout(tuple(shards), count)


def _extended(shard: Shard, run: Run) -> Shard:
    """With another run, joined to the last where it goes on from it."""
    if shard and shard[-1].end == run.first:
        return (*shard[:-1], replace(shard[-1], count=shard[-1].count + run.count))
    return (*shard, run)
