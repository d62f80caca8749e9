"""One of the processes that try a ring: `python -m longdoc.engine.ring.trial_process FOLDER DEVICE`.

Ctrl-C ends it at once, also while libraries are imported: there is nothing to keep.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

LINKS, CHECK = "links.json", "check.json"  # in FOLDER


def main() -> int:
    """-> the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from longdoc.engine.ring.trial import take_part

    return take_part(Path(sys.argv[1]), sys.argv[2])


if __name__ == "__main__":
    sys.exit(main())
