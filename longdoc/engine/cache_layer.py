"""What transformers asks of a layer of a cache, where ours leave positions and masks to the attention function."""

from __future__ import annotations

from transformers.cache_utils import CacheLayerMixin


class OwnLayer(CacheLayerMixin):  # type: ignore[misc]
    """A layer whose positions and masks the model must not make: longdoc's attention does."""

    is_sliding = False
    is_compileable = False
    is_croppable = False
    supports_early_init = False

    def get_seq_length(self) -> int:
        """Always 0."""
        return 0

    def get_max_length(self) -> int:
        """No maximum."""
        return -1

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Not used: no mask function is registered for longdoc's attention."""
        return query_length, 0
