"""Attention with dropout of its weights on a CPU, where PyTorch has no fused kernel for it.

One batch row at a time, so that its scores stay in the cache; the backward pass computes them again, and
keeps no more than which weights were dropped.

Shapes: n batch, h heads, r queries, k keys, d head_dim.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def attend_with_dropout(query: Tensor, key: Tensor, value: Tensor, bias: Tensor, dropout: float) -> Tensor:
    """
    Args:
        query: (n, h, r, d); key and value: (n, h, k, d).
        bias: (n, 1 or h, 1 or r, k), added to the scores; it gets no gradient.
        dropout: the part of the weights that becomes 0; the others grow by 1 / (1 - dropout).

    Returns: (n, h, r, d).
    """
    return _Attention.apply(query, key, value, bias, dropout)


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, bias: Tensor, dropout: float) -> Tensor:
        shape = (*query.shape[:3], key.shape[2])
        kept = torch.empty(shape, dtype=torch.bool, device=query.device).bernoulli_(1 - dropout)
        context = torch.empty_like(query)
        with torch.autocast("cpu", enabled=False):
            for row in range(shape[0]):
                weights = _weights(query[row], key[row], bias[row])
                torch.matmul(weights.mul_(kept[row]), value[row], out=context[row])
        ctx.save_for_backward(query, key, value, bias, kept)
        ctx.dropout = dropout
        return context.div_(1 - dropout)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, bias, kept = ctx.saved_tensors
        gradient = gradient / (1 - ctx.dropout)
        of_query, of_key, of_value = (torch.empty_like(x) for x in (query, key, value))
        scale = query.shape[-1] ** -0.5
        for row in range(query.shape[0]):
            weights = _weights(query[row], key[row], bias[row])
            of_weights = (gradient[row] @ value[row].transpose(-1, -2)).mul_(kept[row])
            of_value[row] = (weights * kept[row]).transpose(-1, -2) @ gradient[row]
            # The softmax's own gradient: weights · (of_weights - Σ weights · of_weights).
            of_scores = of_weights.mul_(weights)
            of_scores.addcmul_(weights, of_scores.sum(dim=-1, keepdim=True), value=-1)
            of_query[row] = of_scores @ key[row]
            of_key[row] = of_scores.transpose(-1, -2) @ query[row]
        return of_query.mul_(scale), of_key.mul_(scale), of_value, None, None


def _weights(query: Tensor, key: Tensor, bias: Tensor) -> Tensor:
    """(h, r, d), (h, k, d) and (1 or h, 1 or r, k) → (h, r, k)."""
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    return scores.add_(bias).softmax(dim=-1)
