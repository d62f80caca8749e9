"""The C library's heap: large blocks go back to the system as soon as they are freed.

Each segment allocates and frees 240 MiB of activations (embedded model), 20 of them at once. glibc learns to keep
all of them in one heap, which then has holes: 10 to 20 MiB more, by chance, and the more the longer a document is.
Blocks of a mebibyte and more are mapped by themselves instead. Measured for the embedded model: 10 MiB less, and 2,800
page faults a segment instead of 700; the difference in speed is lost in the noise. From half a mebibyte on a tenth is
lost.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # as <malloc.h> numbers them
_LARGE_BYTES = 1 << 20
_KEPT_BYTES = 64 << 20  # free at the end of the heap, before it is cut: what glibc would learn by itself


def return_large_blocks() -> None:
    """Set this for the process. Nothing happens where the C library is not glibc."""
    if sys.platform != "linux":
        return
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
