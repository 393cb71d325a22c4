"""Which windows a batch is cut into, and from which of them each token is read. Integers throughout.

Shapes: b rows, n columns, s windows of all rows, l places of a window.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor


class Windows(NamedTuple):
    """
    Attributes:
        row: (s,), of each window.
        columns: (s, l), what stands at each place; behind a row's last token, any.
        is_real: (s, l), whether the place is not behind it.
        visible: (s, l), whether the token there may be seen. None is hidden in whole.
        is_fixed: (s, l), of the tokens that every window of the row repeats.
        is_owner: (s, l), whether the token there is read from this window.
        owner, place: (b, n), the window that each token is read from, and its place there; of columns that
            are no row's, any.
        begin, count: (b,), a row's first window and how many it has.
        first: (b,), column of a row's first token.
        length: (b,), from a row's first to its last visible token.
        repeats_first: (b,), whether a row has several windows, each with the row's first token.
    """

    row: Tensor
    columns: Tensor
    is_real: Tensor
    visible: Tensor
    is_fixed: Tensor
    is_owner: Tensor
    owner: Tensor
    place: Tensor
    begin: Tensor
    count: Tensor
    first: Tensor
    length: Tensor
    repeats_first: Tensor

    def gather(self, columns: Tensor) -> Tensor:
        """(b, n, …) → (s, l, …)."""
        return columns[self.row[:, None], self.columns]

    def stitch(self, places: Tensor) -> Tensor:
        """(s, l, …) → (b, n, …)."""
        return places[self.owner, self.place]

    def with_first(self, columns: Tensor, first: Tensor) -> Tensor:
        """(b, n, …) with (b, …) in the first token's column, where windows repeat it; in those before it too,
        as heads look for it in the batch's first column, padding or not."""
        at = torch.arange(columns.shape[1], device=columns.device) <= self.first[:, None]
        at = at & self.repeats_first[:, None]
        return torch.where(at.reshape(*at.shape, *[1] * (columns.dim() - 2)), first[:, None], columns)

    def merge(self, each: Tensor, how: str) -> Tensor:
        """Of all windows (s, …) → of the rows (b, …): the mean, max, least or logsumexp of a row's windows,
        the last less the log of their number; what the only window has."""
        index = torch.arange(int(self.count.max()), device=each.device)
        exists = index < self.count[:, None]
        of_row = each[(self.begin[:, None] + index).clamp(max=len(each) - 1)]
        exists, count = (x.reshape(*x.shape, *[1] * (each.dim() - 1)) for x in (exists, self.count))
        if how == "mean":
            return of_row.masked_fill(~exists, 0.0).sum(1) / count
        if how == "max":
            return of_row.masked_fill(~exists, float("-inf")).amax(1)
        if how == "least":
            return of_row.masked_fill(~exists, float("inf")).amin(1)
        return of_row.masked_fill(~exists, float("-inf")).logsumexp(1) - count.to(each.dtype).log()

    def merge_first(self, each: Tensor, how: str) -> Tensor:
        """The same of what windows have at their first place; where that is not the row's first token in all
        of them, what the first window has."""
        return self.or_first(self.merge(each, how), each)

    def or_first(self, merged: Tensor, each: Tensor) -> Tensor:
        """merged (b, …), or what the first window has of each (s, …) where windows don't repeat the first
        token."""
        repeats = self.repeats_first.reshape(-1, *[1] * (each.dim() - 1))
        return torch.where(repeats, merged, each[self.begin])


def plan_windows(config: Any, visible: Tensor, ids: Tensor | None, types: Tensor | None) -> Windows:
    """
    Args:
        visible: (b, n), of tokens that the mask does not hide; n is more than window_size.
        ids, types: (b, n). In a pair the type tells the second text, else the ids before it; None where there
            are none to tell it.
    """
    size, columns = config.window_size, visible.shape[1]
    column = torch.arange(columns, device=visible.device)
    # A row without a token is one hidden token.
    first = torch.where(visible, column, columns - 1).amin(1)
    length = (torch.where(visible, column, -1).amax(1) - first + 1).clamp(min=1)
    head, tail = _fixed_tokens(config, column - first[:, None], first, length, ids, types)

    room = size - head - tail
    step = room - (room // 2).clamp(max=config.window_overlap)
    beyond = (length - size).clamp(min=0)
    gaps = (beyond + step - 1) // step
    index = torch.arange(int(gaps.max()) + 1, device=visible.device)
    start = (2 * index * beyond[:, None] + gaps[:, None]) // (2 * gaps[:, None]).clamp(min=1)
    row, index = (index <= gaps[:, None]).nonzero(as_tuple=True)
    of_window = _Row(head, tail, room, beyond, gaps).take(row)

    place = torch.arange(size, device=visible.device)
    end = length.clamp(max=size)[row, None]
    is_head, is_tail = place < of_window.head, place >= end - of_window.tail
    moved = torch.where(is_head, 0, torch.where(is_tail, of_window.beyond, start[row, index][:, None]))
    at = (first[row, None] + place + moved).clamp(max=columns - 1)
    is_real = place < end
    seen = visible[row[:, None], at] & is_real
    # Attention to nothing is not a number in every kernel.
    seen = seen | (~seen.any(1, keepdim=True) & (place == 0))

    token = column - first[:, None]
    owner = _Row(head, tail, room, beyond, gaps).take(slice(None)).owner(token)
    count = gaps + 1
    begin = count.cumsum(0) - count
    return Windows(
        row=row,
        columns=at,
        is_real=is_real,
        visible=seen,
        is_fixed=is_head | is_tail,
        is_owner=of_window.owner(place + moved) == index[:, None],
        owner=begin[:, None] + owner,
        place=(token - start.gather(1, owner)).clamp(0, size - 1),
        begin=begin,
        count=count,
        first=first,
        length=length,
        repeats_first=(gaps > 0) & (head > 0),
    )


class _Row(NamedTuple):
    """What decides a row's windows: (b,), or for each of some rows (., 1)."""

    head: Tensor
    tail: Tensor
    room: Tensor
    beyond: Tensor
    gaps: Tensor

    def take(self, rows: Any) -> _Row:
        return _Row(*(x[rows].unsqueeze(1) for x in self))

    def owner(self, token: Tensor) -> Tensor:
        """The window in whose content each token (., ·) stands nearest the middle, of two as near the later
        one."""
        nearest = (2 * (token - self.head) - self.room + 1) * self.gaps + self.beyond
        return (nearest.clamp(min=0) // (2 * self.beyond).clamp(min=1)).minimum(self.gaps)


def _fixed_tokens(
    config: Any, token: Tensor, first: Tensor, length: Tensor, ids: Tensor | None, types: Tensor | None
) -> tuple[Tensor, Tensor]:
    """How many of a row's first and of its last tokens, (b,) both, every window repeats: those of the
    template; of a pair also the shorter text, if it leaves half of a window. token (b, n) is each column's
    place in its row."""
    separator, columns = config.window_separator, token.shape[1]
    head, tail = (torch.full_like(length, x) for x in (config.window_head, config.window_tail))
    if types is not None:
        is_second = types != types.gather(1, first[:, None])
    elif ids is not None and len(separator) > 0:
        # Behind all of the separators, and those behind the head.
        is_second = token >= config.window_head + len(separator)
        for back, separating in enumerate(reversed(separator), start=1):
            is_second = is_second & (ids.roll(back, dims=1) == separating)
    else:
        return head, tail
    is_second = is_second & (token >= 1) & (token < (length - tail)[:, None])
    begin = torch.where(is_second, token, columns).amin(1)
    is_first_short = begin <= length - begin
    pair_head = torch.where(is_first_short, begin, head)
    pair_tail = torch.where(is_first_short, tail, length - begin + len(separator))
    is_pair = (begin < columns) & (pair_head + pair_tail <= config.window_size // 2)
    return torch.where(is_pair, pair_head, head), torch.where(is_pair, pair_tail, tail)
