"""`longdoc` as a program, with a checkpoint after every segment and a moment's rest there.

For tests that stop or kill it in the middle of a reading.
"""

from __future__ import annotations

import sys
import time
from typing import Any

if __name__ == "__main__":
    from longdoc.cli import main
    from longdoc.output.progress import JsonLines
    from longdoc.pipeline import keeping

    keeping.CHECKPOINT_SECONDS = 0.0
    keeping._SAVE_SHARE = 1e9
    show = JsonLines.__call__

    def slowly(self: JsonLines, event: Any) -> None:
        show(self, event)
        if type(event).__name__ == "SegmentRead":
            time.sleep(0.05)

    JsonLines.__call__ = slowly  # type: ignore[method-assign]
    assert "json" in sys.argv, "it is followed by its events"
    main()
