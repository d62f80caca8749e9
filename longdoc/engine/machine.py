"""What this machine is: processor, memory, GPUs. Loads no model and decides nothing."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from longdoc.core.process import peak_resident_bytes as peak_resident_bytes  # who measures needs both

_PACKAGES = ("torch", "transformers", "tokenizers", "bitsandbytes")


def describe() -> dict[str, Any]:
    """The machine as it stands in JSON results. memory_bytes is None where the system does not tell."""
    return {
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_bytes": memory_bytes(),
        "gpus": gpus(),
        "packages": {name: found for name in _PACKAGES if (found := package_version(name))},
    }


def package_version(name: str) -> str | None:
    """The installed version, without importing the package."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def processor() -> str:
    """The name of the processor as its maker gives it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    return platform.processor() or platform.machine()


def instructions() -> str:
    """What torch uses of the processor: `AVX512, bfloat16 multiplied, AMX`."""
    from longdoc.engine.products import processor_multiplies_bfloat16

    found = [torch.backends.cpu.get_cpu_capability()]
    found += ["bfloat16 multiplied" if processor_multiplies_bfloat16() else "no bfloat16, weights in float32"]
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file() and " amx_bf16" in cpuinfo.read_text(encoding="utf-8", errors="replace"):
        found.append("AMX")
    return ", ".join(found)


def fused_attention() -> str:
    """Where fused attention works: tried on a few numbers. Raises RuntimeError where it does not on the processor."""
    from longdoc.engine.kernels import attend_band, flash_cuda

    shape = 1, 2, 8, 64
    query = torch.ones(shape)
    attend_band(query, query, query, 4, 0.125)
    worked = ["cpu (bfloat16 as plain products)" if "bfloat16 multiplied" in instructions() else "cpu"]
    if torch.cuda.is_available():
        query = query.to("cuda", torch.bfloat16)
        try:
            flash_cuda(query, query, query, 0.125, causal=True, window=4)
            worked.append("cuda (flash attention)")
        except (RuntimeError, AttributeError) as error:
            worked.append(f"not on cuda: {str(error).splitlines()[0]}")
    return ", ".join(worked)


def memory_bytes() -> int | None:
    """All the memory there is."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None


def gpus() -> list[dict[str, Any]]:
    """Name, memory and free memory of each CUDA device."""
    if not torch.cuda.is_available():
        return []
    found = []
    for index in range(torch.cuda.device_count()):
        free_bytes, total_bytes = torch.cuda.mem_get_info(index)
        name = torch.cuda.get_device_name(index)
        found.append({"name": name, "memory_bytes": total_bytes, "free_bytes": free_bytes})
    return found


def running_s() -> float | None:
    """Seconds since this program began, before Python had read its first line; None where the system does not tell."""
    try:
        since_boot_s = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
        fields = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return max(0.0, since_boot_s - int(fields[19]) / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError):
        return None


def peak_gpu_bytes(device: torch.device) -> int | None:
    """The most that was allocated on a GPU, None on the CPU."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None
