"""Sizes on the command line: 800M, 8G, 7.5GiB."""

from __future__ import annotations

import re
from typing import Any

import click


class Bytes(click.ParamType[int]):
    """A size in bytes: `8G`, `800M`, `1.5GB`; G and GB are 10^9 bytes, GiB 2^30."""

    name = "size"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> int:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?", str(value).strip(), re.IGNORECASE)
        num_bytes = 0
        if found is not None:
            unit = 1024 if found[3] else 1000
            num_bytes = int(float(found[1]) * unit ** (" KMGT".index(found[2].upper()) if found[2] else 0))
        if num_bytes < 1:
            self.fail(f"{value!r} is no size: give 800M, 8G or 7.5GiB.", parameter, context)
        if num_bytes < 1000:  # who writes 8 means gigabytes
            self.fail(f"{value!r} has no unit: give 800M, 8G or 7.5GiB.", parameter, context)
        return num_bytes
