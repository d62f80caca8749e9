"""A Ray cluster of two nodes on this machine, a batch on it, and one worker killed in the middle. Its own program:
Ray opens sockets, and starts processes that must go with it.

    python ray_cluster.py DOCS OUT MODEL
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

MARK = f"LONGDOC_RAY_TEST={os.getpid()}"


def kill_a_worker(manifest: Path) -> None:
    """When the first document is recorded."""
    while not manifest.exists() or not manifest.read_bytes():
        time.sleep(0.05)
    for process in Path("/proc").iterdir():
        try:
            is_ours = MARK.encode() in (process / "environ").read_bytes()
            if is_ours and (process / "cmdline").read_bytes().startswith(b"ray::RayWorker"):
                os.kill(int(process.name), signal.SIGKILL)
                Path(sys.argv[2]).with_name("killed").touch()
                return
        except (OSError, ValueError):
            continue


def main() -> int:
    docs, out, model = sys.argv[1:]
    name, _, value = MARK.partition("=")
    os.environ |= {name: value, "RAY_USAGE_STATS_ENABLED": "0", "RAY_DISABLE_IMPORT_WARNING": "1"}
    from ray.cluster_utils import Cluster

    from longdoc.cli import run

    node = {"num_cpus": 1, "num_gpus": 0, "object_store_memory": 100 << 20}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    try:
        cluster.add_node(**node)
        cluster.wait_for_nodes()
        os.environ["RAY_ADDRESS"] = cluster.address
        threading.Thread(target=kill_a_worker, args=(Path(out) / "manifest.jsonl",), daemon=True).start()
        arguments = ["--on", "ray", "--model", model, "--device", "cpu", "--threads", "1", "--progress", "json"]
        return run(["batch", docs, "-o", out, *arguments])
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    sys.exit(main())
