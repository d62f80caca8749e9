"""Large blocks are mapped by themselves, also after some were freed, which glibc would learn from."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from longdoc.engine.heap import return_large_blocks

MAPPED = """
import ctypes, sys
from longdoc.engine.heap import return_large_blocks

class Mallinfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd usm fsm uord ford keep".split()]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Mallinfo
if sys.argv[1] == "set":
    return_large_blocks()
for _ in range(3):
    block = bytearray(8 << 20)
    del block
before = libc.mallinfo2().hblkhd
block = bytearray(4 << 20)
print(libc.mallinfo2().hblkhd - before)
"""
HAS_GLIBC = sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallinfo2")


@pytest.mark.skipif(not HAS_GLIBC, reason="no glibc of 2.33 or later")
@pytest.mark.parametrize(("how", "is_mapped"), [("set", True), ("not set", False)])
def test_a_large_block_goes_back_to_the_system(how: str, is_mapped: bool) -> None:
    done = subprocess.run([sys.executable, "-c", MAPPED, how], capture_output=True, text=True, check=True)
    assert (int(done.stdout) >= 4 << 20) == is_mapped


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.delattr(ctypes, "CDLL")
    return_large_blocks()
