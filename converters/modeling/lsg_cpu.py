"""LSG attention on a CPU: a block of queries at a time, with the keys that it sees.

So scores stay in the cache, keys are not copied side by side for all blocks, and training keeps no scores:
the backward pass computes them again, with dropout too, for which PyTorch has no fused kernel on a CPU.

Shapes: b batch, h heads, q queries, m keys of a pool, r and k queries and keys of a view, d head_dim.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from .lsg_layout import Layout, Pool, bias_at, causal_bias, concat_columns


class View(NamedTuple):
    """Queries, and the keys that they see: each a pool's number and rows of it."""

    queries: slice
    keys: list[tuple[int, slice]]
    is_causal: bool = False
    """The last keys are the queries' own; a query doesn't see later ones."""


def block_views(layout: Layout, rows: int, sparse_keys: int) -> list[View]:
    """Views of pool 0, a key for each of so many rows, and pool 1, the sparse keys. If causal, prepended rows
    have none."""
    count, block = layout.num_global_tokens, layout.block_size
    views = [] if layout.is_causal or count == 0 else [View(slice(0, count), [(0, slice(0, rows))])]
    for number, begin in enumerate(range(layout.num_prepended_tokens, rows, block)):
        end = min(begin + block, rows)
        windows = [(0, 0, count)]
        for start in layout.sparse_starts if sparse_keys > 0 else []:
            start += number * layout.sparse_step
            windows.append((1, max(start, 0), min(start + layout.sparse_size, sparse_keys)))
        windows.append((0, max(begin - block, count), min(begin - block + layout.local_size, rows)))
        keys = [(pool, slice(first, last)) for pool, first, last in windows if first < last]
        queries = slice(begin if layout.is_causal else max(begin, count), end)
        views.append(View(queries, keys, layout.is_causal))
    return views


def attend_by_views(
    query: Tensor,
    pools: list[Pool],
    views: list[View],
    dropout: float = 0.0,
    relative_bias: Tensor | None = None,
) -> Tensor:
    """
    Args:
        query: (b, h, q, d).
        pools: their biases get no gradient.
        views: together they have all queries, in order, but for first ones, whose context is then 0.
        dropout: the part of the attention weights that becomes 0.
        relative_bias: as for bias_at; pool 0 then has a key for each query. It gets no gradient.

    Returns: (b, h, q, d), laid out in memory as (b, q, h, d), so that merging the heads copies nothing.
    """
    tensors = (tensor for pool in pools for tensor in pool)
    return _Attention.apply(views, dropout, relative_bias, query, *tensors)


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        views: list[View],
        dropout: float,
        relative_bias: Tensor | None,
        query: Tensor,
        *pooled: Tensor,
    ) -> Tensor:
        pools, kept = _pools(pooled), []
        context = [_zeros(query[:, :, : views[0].queries.start])]
        with torch.autocast("cpu", enabled=False):
            for view in views:
                queries, (key, value, bias) = query[:, :, view.queries], _seen(view, pools, relative_bias)
                if dropout > 0:
                    weights = _weights(queries, key, bias)
                    kept.append(_bernoulli(weights.shape, 1 - dropout))
                    part = weights.mul_(kept[-1]) @ value / (1 - dropout)
                else:
                    part = F.scaled_dot_product_attention(queries, key, value, attn_mask=bias)
                context.append(part)
        context = torch.cat([part.transpose(1, 2) for part in context], dim=1).transpose(1, 2)
        ctx.save_for_backward(relative_bias, query, context, *pooled, *kept)
        ctx.views, ctx.dropout = views, dropout
        return context

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, of_context: Tensor) -> tuple[Tensor | None, ...]:
        # Read once: gradient checkpointing computes them anew for each reading.
        relative_bias, query, context, *saved = ctx.saved_tensors
        count = len(saved) - (len(ctx.views) if ctx.dropout > 0 else 0)
        pools, kept = _pools(saved[:count]), saved[count:]
        of_query = _zeros(query)
        of_pools = [[_zeros(x) for x in (pool.key, pool.value)] for pool in pools]
        scale = query.shape[-1] ** -0.5
        for number, view in enumerate(ctx.views):
            queries, (key, value, bias) = query[:, :, view.queries], _seen(view, pools, relative_bias)
            weights, of_view = _weights(queries, key, bias), of_context[:, :, view.queries]
            # The softmax's own gradient: weights · (of_weights - Σ weights · of_weights), a sum that is also
            # Σ context · of_context.
            sums = (context[:, :, view.queries] * of_view).sum(dim=-1, keepdim=True)
            if ctx.dropout > 0:
                of_view = of_view / (1 - ctx.dropout)
                of_weights = (of_view @ value.transpose(-1, -2)).mul_(kept[number])
                of_value = (weights * kept[number]).transpose(-1, -2) @ of_view
            else:
                of_weights = of_view @ value.transpose(-1, -2)
                of_value = weights.transpose(-1, -2) @ of_view
            of_scores = of_weights.sub_(sums).mul_(weights)
            of_query[:, :, view.queries] = (of_scores @ key).mul_(scale)
            of_key = of_scores.transpose(-1, -2) @ (queries * scale)
            begin = 0
            for pool, columns in view.keys:
                end = begin + columns.stop - columns.start
                for of_all, of_seen in zip(of_pools[pool], (of_key, of_value)):
                    of_all[:, :, columns].add_(of_seen[:, :, begin:end])
                begin = end
        return None, None, None, of_query, *(x for of_pool in of_pools for x in (*of_pool, None, None))


def _pools(pooled: tuple[Tensor, ...] | list[Tensor]) -> list[Pool]:
    return [Pool(*pooled[start : start + 4]) for start in range(0, len(pooled), 4)]


def _zeros(like: Tensor) -> Tensor:
    """Of like's shape (b, h, q, d), laid out in memory as (b, q, h, d)."""
    return like.new_zeros(like.transpose(1, 2).shape).transpose(1, 2)


def _seen(view: View, pools: list[Pool], relative_bias: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """What a view's queries see, key, value and bias: (b, h, k, d) twice and (b, 1 or h, 1 or r, k)."""
    parts = [(pools[number], rows) for number, rows in view.keys]
    key, value = (torch.cat([pool[i][:, :, rows] for pool, rows in parts], dim=2) for i in (0, 1))
    biases = [pool.bias if pool.bias.shape[2] == 1 else pool.bias[:, :, view.queries] for pool, _ in parts]
    bias = concat_columns([bias[..., rows] for bias, (_, rows) in zip(biases, parts)])
    if view.is_causal:
        queries = view.queries.stop - view.queries.start
        bias = torch.minimum(bias, causal_bias(queries, bias.shape[-1], bias))
    if relative_bias is not None:
        place = concat_columns([pool.position[..., rows] for pool, rows in parts])
        offsets = place[:, :, None] - pools[0].position[0, 0, view.queries, None]
        bias = bias + bias_at(relative_bias, offsets)
    return key, value, bias


def _weights(query: Tensor, key: Tensor, bias: Tensor) -> Tensor:
    """(b, h, r, d), (b, h, k, d) and (b, 1 or h, 1 or r, k) → (b, h, r, k)."""
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    return scores.add_(bias).softmax(dim=-1)


def _bernoulli(shape: torch.Size, probability: float) -> Tensor:
    """True with a probability, to 1 / 65536: by 16 random bits each, as a draw of PyTorch's for each would
    take longer than all the rest."""
    count = shape.numel()
    bits = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None).view(torch.int16)
    return (bits[:count] < round(probability * 65536) - 32768).view(shape)
