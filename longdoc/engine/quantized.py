"""Whether bitsandbytes multiplies by 4-bit weights here. Its CPU part is young, and its GPU part is built per CUDA.

Tried in a process of its own (`python -m longdoc.engine.quantized`): its import takes as long as all others, and a
library for another CUDA may crash. Nothing heavy is imported before that process has begun.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from importlib.metadata import version

from longdoc.core.collecting import loading
from longdoc.core.errors import LongdocError

_MOST_SECONDS = 60
_MOST_WRONG = 0.2  # NF4 keeps about four bits of each weight: a tenth of the norm is lost


def start_trial() -> subprocess.Popen[str]:
    """Begin `try_four_bit` in another process."""
    command = [sys.executable, "-m", "longdoc.engine.quantized"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", errors="replace")


def end_trial(trial: subprocess.Popen[str]) -> str:
    """What the process found. Raises LongdocError when it failed, crashed or did not end."""
    try:
        said, complaint = trial.communicate(timeout=_MOST_SECONDS)
    except subprocess.TimeoutExpired:
        trial.kill()
        trial.communicate()
        raise LongdocError("4-bit weights cannot be tried.", why=f"it took more than {_MOST_SECONDS} s") from None
    if trial.returncode == 0:
        return said.strip()
    last = (complaint.strip() or f"the process ended with {trial.returncode}").split("\n")[-1]
    raise LongdocError("4-bit weights do not work here.", why=last)


def try_four_bit() -> str:
    """Multiply a small matrix in NF4 on every kind of device; -> what worked. Raises when nothing or wrongly."""
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # at its import it tells of kernels to download
    import bitsandbytes as bnb
    import torch

    worked = []
    for device in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
        torch_device = torch.device(device)
        generator = torch.Generator().manual_seed(0)
        exact = torch.nn.Linear(128, 64, bias=False)
        torch.nn.init.normal_(exact.weight, generator=generator)
        rows = torch.randn(3, 128, generator=generator)
        layer = bnb.nn.Linear4bit(128, 64, bias=False, compute_dtype=torch.float32, quant_type="nf4")
        layer.load_state_dict(exact.state_dict())
        with torch.inference_mode():
            wanted, given = exact(rows), layer.to(torch_device)(rows.to(torch_device)).float().cpu()
        wrong = float((given - wanted).norm() / wanted.norm())
        if not wrong < _MOST_WRONG:
            raise LongdocError(f"4-bit weights give wrong results on {device}.", why=f"they differ by {wrong:.2g}")
        worked.append(f"{device} (differs by {wrong:.2g})")
    return f"bitsandbytes {version('bitsandbytes')}, NF4 on {', '.join(worked)}"


def main() -> int:
    """The process that tries it."""
    loading()
    try:
        sys.stdout.write(try_four_bit() + "\n")
    except LongdocError as error:
        sys.stderr.write(f"{error.what} {error.why or ''}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
