"""Text full of numbers: accounts, timetables, logs, parts lists, results, as many blocks as are wanted.

The hardest haystack for a memory that keeps numbers: nearly every line looks worth keeping, and many hold as many
digits as a code. Made here and nowhere else: the training makes number-heavy text of its own in other forms, so this
kind of text is held out. Knows nothing of tokens, pass keys or codes, and never spells one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

NAME = "numbers"  # of this haystack; a file of the same name is ./numbers

_PLACES = ("Upper Yard", "Quayside", "North Gate", "Long Meadow", "Mill Lane", "Saltpans", "The Heights", "Old Dock")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PAYEES = ("Standing order", "Wages", "Coal merchant", "Direct debit", "Cheque", "Rates", "Insurance", "Interest")
_PARTS = ("hex bolt", "gasket", "ball bearing", "split pin", "drive belt", "washer", "valve seat", "coupling")
_DAEMONS = ("kernel", "crond", "postfix/smtpd", "sshd", "systemd", "named", "dhclient", "smartd")
_SETTINGS = ("max_connections", "timeout_ms", "retry_limit", "cache_bytes", "worker_threads", "listen_port", "quota_kb")


def endless(seed: int = 0) -> Iterator[str]:
    """Blocks of 6 to 14 lines of one kind, without end; the same seed gives the same ones."""
    rng = random.Random(seed)
    while True:
        make = rng.choice(_KINDS)
        yield "\n".join(make(rng, line) for line in range(rng.randint(6, 14)))


def _digits(rng: random.Random, num_digits: int) -> str:
    return "".join(rng.choices("0123456789", k=num_digits))


def _account(rng: random.Random, line: int) -> str:
    day = f"{rng.randint(1, 28):02}/{rng.randint(1, 12):02}/{rng.randint(1978, 2009)}"
    return f"{day} {rng.choice(_PAYEES)} ref {_digits(rng, 5)} £{rng.randint(1, 9999):,}.{_digits(rng, 2)} DR"


def _timetable(rng: random.Random, line: int) -> str:
    times = sorted(rng.sample(range(300, 1430), 6))
    return f"{rng.choice(_PLACES)} dep. " + " ".join(f"{t // 60:02}.{t % 60:02}" for t in times)


def _system_log(rng: random.Random, line: int) -> str:
    clock = f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}"
    return (
        f"{rng.choice(_MONTHS)} {rng.randint(1, 28):>2} {clock} {rng.choice(_DAEMONS)}[{_digits(rng, 5)}]: "
        f"{rng.randint(1, 64000)} bytes from 10.{rng.randint(0, 255)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}"
    )


def _part(rng: random.Random, line: int) -> str:
    number = f"{rng.choice('ABCDEFGH')}{_digits(rng, 3)}-{_digits(rng, 5)}"
    return f"({line + 1}) {rng.choice(_PARTS)}, part {number}, {rng.randint(2, 900)} pcs at {rng.uniform(0.1, 90):.3f}"


def _census(rng: random.Random, line: int) -> str:
    return (
        f"In {rng.randint(1801, 1960)} {rng.choice(_PLACES)} had {rng.randint(100, 99999):,} inhabitants in "
        f"{rng.randint(30, 9000)} houses; {rng.randint(2, 98)} % of {rng.randint(10000, 99999)} acres were tilled."
    )


def _setting(rng: random.Random, line: int) -> str:
    return (
        f"{rng.choice(_SETTINGS)}: {rng.randint(1, 99999)}  # was {rng.randint(1, 99999)} before rev {_digits(rng, 4)}"
    )


def _result(rng: random.Random, line: int) -> str:
    seconds = rng.uniform(3000, 9000)
    clock = f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02}:{seconds % 60:04.1f}"
    return f"{line + 1}. bib {rng.randint(1, 29999)} club {_digits(rng, 3)} {clock} (+{rng.uniform(0, 999):.1f})"


def _reading(rng: random.Random, line: int) -> str:
    return " ".join(f"{rng.uniform(-90, 90):+.4f}" for _ in range(5)) + f" # {_digits(rng, 5)}"


_KINDS: tuple[Callable[[random.Random, int], str], ...] = (
    _account, _timetable, _system_log, _part, _census, _setting, _result, _reading,
)  # fmt: skip
