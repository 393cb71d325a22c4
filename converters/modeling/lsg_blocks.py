"""LSG attention with all blocks side by side, as one batch: for a GPU, and for torch.compile, where lengths
change.

Shapes: b batch, h heads, n blocks, d head_dim; rows: prepended tokens and sequence.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .lsg_layout import Layout, Pool, bias_at, causal_bias, concat_columns, hidden_score


def attend_blocks(
    query: Tensor,
    tokens: Pool,
    sparse: Pool | None,
    layout: Layout,
    dropout: float = 0.0,
    relative_bias: Tensor | None = None,
) -> Tensor:
    """
    Args:
        query: (b, h, rows, d).
        tokens: a key for each row.
        sparse: layout.sparse_step keys for each block.
        dropout: the part of the attention weights that becomes 0.
        relative_bias: as for bias_at.

    Returns: the context, (b, h, rows, d), laid out in memory as (b, rows, h, d). If causal, that of prepended
    rows means nothing.
    """
    prepended, count, block = layout.num_prepended_tokens, layout.num_global_tokens, layout.block_size
    batch, length = query.shape[0], query.shape[2] - prepended
    blocks = -(-length // block)

    own_first = torch.arange(length, device=query.device) < count - prepended
    local = Pool(
        tokens.key[:, :, prepended:],
        tokens.value[:, :, prepended:],
        tokens.bias[..., prepended:].masked_fill(own_first, hidden_score(query.dtype)),
        tokens.position[..., prepended:],
    )
    seen = [
        Pool(
            *(x[:, None, :, :count].expand(-1, blocks, -1, -1, -1) for x in (tokens.key, tokens.value)),
            _by_block(tokens.bias[..., :count], blocks, layout),
            tokens.position[:, None, :, None, :count],
        )
    ]
    if sparse is not None:
        step, size = layout.sparse_step, layout.sparse_size
        seen += [_windows(sparse, start, size, step, blocks, layout) for start in layout.sparse_starts]
    seen.append(_windows(local, -block, layout.local_size, block, blocks, layout))

    queries = F.pad(query[:, :, prepended:], (0, 0, 0, blocks * block - length))
    key, value = (torch.cat([part[i] for part in seen], dim=3) for i in (0, 1))
    bias = concat_columns([part.bias for part in seen])
    if layout.is_causal:
        bias = torch.minimum(bias, causal_bias(block, bias.shape[-1], bias))
    if relative_bias is not None:
        places = torch.arange(blocks * block, device=query.device).view(blocks, 1, block, 1)
        bias = bias + concat_columns([bias_at(relative_bias, part.position - places) for part in seen])
    parts = queries.unflatten(2, (blocks, block)).transpose(1, 2), key, value, bias
    context = F.scaled_dot_product_attention(*(x.flatten(0, 1) for x in parts), dropout_p=dropout)
    context = context.unflatten(0, (batch, blocks)).transpose(2, 3).flatten(1, 2)[:, :length]

    first = query[:, :, :prepended]
    if not layout.is_causal:
        first_bias = tokens.bias[:, :, :count]
        if relative_bias is not None:
            first_bias = first_bias + bias_at(relative_bias, tokens.position[:, :, None])
        first = F.scaled_dot_product_attention(
            query[:, :, :count], tokens.key, tokens.value, attn_mask=first_bias, dropout_p=dropout
        )
        context = context[:, count - prepended :]
    return torch.cat([first.transpose(1, 2), context], dim=1).transpose(1, 2)


def _windows(pool: Pool, start: int, size: int, step: int, blocks: int, layout: Layout) -> Pool:
    """Of a pool, keys start to start + size for block 0, and step further on for each next one; a key that
    the pool doesn't have is hidden. Keys and values: (b, n, h, size, d); bias: (b, n, 1 or h, 1 or
    block_size, size); positions: (1 or b, n, 1 or h, 1, size)."""
    # Negative margins cut off.
    margins = (-start, start + (blocks - 1) * step + size - pool.key.shape[2])
    key, value = (
        F.pad(x, (0, 0, *margins)).unfold(2, size, step).permute(0, 2, 1, 4, 3)
        for x in (pool.key, pool.value)
    )
    blocks_begin = torch.arange(blocks, device=key.device)[:, None] * step
    columns = blocks_begin + torch.arange(size, device=key.device)

    def windows(x: Tensor, beyond: float) -> Tensor:
        padded = F.pad(x, margins, value=beyond)
        return padded.gather(-1, columns[:, None, None].expand(*x.shape[:-1], size))

    bias = windows(_by_block(pool.bias, blocks, layout), hidden_score(pool.bias.dtype))
    position = windows(pool.position[:, None, :, None].expand(-1, blocks, -1, -1, -1), 0)
    return Pool(key, value, bias, position)


def _by_block(bias: Tensor, blocks: int, layout: Layout) -> Tensor:
    """(b, ., 1 or rows, m) → (b, n, ., 1 or block_size, m): for each block the rows of its queries."""
    if bias.shape[2] == 1:
        return bias[:, None].expand(-1, blocks, -1, -1, -1)
    length = bias.shape[2] - layout.num_prepended_tokens
    bias = F.pad(bias[:, :, layout.num_prepended_tokens :], (0, 0, 0, blocks * layout.block_size - length))
    return bias.unflatten(2, (blocks, layout.block_size)).transpose(1, 2)
