"""The garbage collector, kept from counting while libraries are imported.

Importing torch and transformers makes a million objects that stay, and Python's collector looks through them again
and again: a fifth of the time until a model is loaded.
"""

from __future__ import annotations

import gc

_WHILE_LOADING = (20_000, 20, 20)  # new objects before it looks; Python's own: 700, 10, 10
_ordinary = gc.get_threshold()


def loading() -> None:
    """Look rarely, until `loaded`. For the start of a process of ours, never of a program that imports us."""
    gc.set_threshold(*_WHILE_LOADING)


def loaded() -> None:
    """What is there now stays and is not looked at again; then as usual. Nothing happens without `loading`."""
    if gc.get_threshold() == _WHILE_LOADING:
        gc.freeze()
        gc.set_threshold(*_ordinary)
