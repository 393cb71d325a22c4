"""The reader: a row of its own beside the windows of each row of a batch, which no window sees and which sees
them all. It stands for the row's first token.

Shapes: b rows, s windows of all rows, l places of a window, h heads, d head_dim.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from .windows_plan import Windows


class Reader:
    """Attention of the readers of a batch, one for each row.

    Args:
        bias: (h, l), what the layers add to scores of a window's first token, by place; None for nothing.
        dropout: of the attention weights.
    """

    def __init__(self, windows: Windows, size: int, bias: Tensor | None, dropout: float):
        self.row, self.dropout = windows.row, dropout
        # As the logarithm of how many tokens there are, so that more of them don't flatten the softmax.
        self.sharper = windows.length.float().log() / math.log(size)
        # Each token counts once: in its owner; what is fixed by its share in every window.
        share = -windows.count.float().log()[windows.row, None]
        weight = torch.where(windows.is_fixed, share, torch.where(windows.is_owner, 0.0, -math.inf))
        place = torch.arange(size, device=weight.device)
        weight = weight.masked_fill(~windows.visible | (place == 0), -math.inf)[:, None]
        self.bias = weight if bias is None else weight + bias.float()
        self.own_bias = 0.0 if bias is None else bias[:, 0].float()

    def attend(self, own: list[Tensor], key: Tensor, value: Tensor) -> Tensor:
        """own: query, key and value of the readers, (b, h, 1, d) each; key, value: (s, h, l, d), of the
        windows.
        Returns: (b, h, 1, d)."""
        query, own_key, own_value = (x[:, :, 0] for x in own)
        factor = (self.sharper / math.sqrt(query.shape[-1]))[:, None]
        of_window = query[self.row]
        scores = torch.einsum("shd,shld->shl", of_window, key).float() * factor[self.row, :, None] + self.bias
        own_score = (query * own_key).sum(-1).float() * factor + self.own_bias
        # One softmax over all of a row's windows, whose sums are those of each window.
        greatest = own_score.detach()
        rows = self.row[:, None].expand(-1, scores.shape[1])
        greatest = greatest.scatter_reduce(0, rows, scores.detach().amax(-1), "amax")
        weights, own_weight = (scores - greatest[self.row, :, None]).exp(), (own_score - greatest).exp()
        total = own_weight.index_add(0, self.row, weights.sum(-1))
        weights, own_weight = (
            F.dropout(x, self.dropout).to(value.dtype)
            for x in (weights / total[self.row, :, None], own_weight / total)
        )
        context = torch.einsum("shl,shld->shd", weights, value)
        return (own_weight[..., None] * own_value).index_add(0, self.row, context)[:, :, None]
