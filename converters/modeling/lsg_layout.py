"""What the ways to compute LSG attention share: pools of keys, and which of them a block sees.

Shapes: b batch, h heads, q queries, m keys of a pool, d head_dim.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Pool(NamedTuple):
    """Keys and values, (b, h, m, d), what is added to their scores, (b, 1 or h, 1 or q, m), and where they
    stand in the sequence, (1 or b, 1 or h, m)."""

    key: Tensor
    value: Tensor
    bias: Tensor
    position: Tensor


class Layout(NamedTuple):
    """Sizes, in rows.

    Rows are the prepended global tokens, then the sequence in blocks of block_size; the first
    num_global_tokens rows are global. A block's local window begins with the block before, and ends with the
    block itself (causal) or the next one. There are sparse_step sparse keys for each block, and a block sees
    sparse_size of them on each side, just beyond its local window.
    """

    block_size: int
    num_prepended_tokens: int
    num_global_tokens: int
    is_causal: bool
    sparse_size: int
    sparse_step: int

    @property
    def local_size(self) -> int:
        """Rows of a local window; it begins block_size rows before its block."""
        return (2 if self.is_causal else 3) * self.block_size

    @property
    def sparse_starts(self) -> list[int]:
        """Where block 0 begins to see sparse keys; each next block does sparse_step further on."""
        before, behind = -self.sparse_step - self.sparse_size, 2 * self.sparse_step
        return [before] if self.is_causal else [before, behind]


def hidden_score(dtype: torch.dtype) -> float:
    """What is added to the score of a hidden key: finite, so that a row with every key hidden has a softmax,
    and far enough from the least number that a score beside it doesn't overflow."""
    return torch.finfo(dtype).min / 2


def causal_bias(queries: int, keys: int, like: Tensor) -> Tensor:
    """(queries, keys), of like's dtype: the last keys are the queries' own, and later ones are hidden."""
    bias = torch.full((queries, keys), hidden_score(like.dtype), dtype=like.dtype, device=like.device)
    return bias.triu(keys - queries + 1)


def bias_at(relative_bias: Tensor, offsets: Tensor) -> Tensor:
    """
    Args:
        relative_bias: (h, 2 n + 1), what is added to the scores of keys at offsets -n to n, seen from their
            query; farther keys have that of the farthest.
        offsets: (..., 1 or h, q, m).

    Returns: (..., h, q, m).
    """
    heads, count = relative_bias.shape
    columns = offsets.clamp(-(count // 2), count // 2) + count // 2
    columns = columns.expand(*columns.shape[:-3], heads, -1, -1)
    return relative_bias[:, None].expand(*columns.shape[:-1], -1).gather(-1, columns)


def concat_columns(parts: list[Tensor]) -> Tensor:
    """Concatenates along the last axis what has the same sizes, or 1, on the others."""
    shape = torch.broadcast_shapes(*(part.shape[:-1] for part in parts))
    return torch.cat([part.expand(*shape, -1) for part in parts], dim=-1)
