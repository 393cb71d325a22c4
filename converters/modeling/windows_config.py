"""The keys that a config of windows adds, which values of a config a model of windows takes, and how a class
may put together what it reads of windows."""

from __future__ import annotations

from typing import Any

SMALLEST = 8
"""Fewer tokens leave no room between those that every window repeats."""

MERGES = {
    "logits": ("reader", "mean", "max", "logsumexp"),
    "state": ("reader", "mean"),
    "none": ("mean",),
    "answers": ("least",),
    "logits of a decoder": ("mean", "max", "logsumexp"),
}
"""What stands for a row's first token, of which every window has one, by what a class makes of it: logits;
nothing, but it is read; nothing, and it is not; where an answer begins and ends; logits of a decoder that
runs on each window. The first is the default."""


class WindowsConfig:
    """The keys that a config of windows adds to its type's; a checkpoint that lacks one means what stands
    here."""

    window_head = 1
    window_merge = None
    window_overlap = 128
    window_separator = ()
    window_size = None
    window_tail = 1


def check_config(config: Any) -> None:
    """Raises ValueError for what a model of windows can't be built of."""
    size = config.window_size
    if not isinstance(size, int) or size < SMALLEST:
        raise ValueError(f"window_size is {size}, expected {SMALLEST} or more")
    for key in ("window_head", "window_tail", "window_overlap"):
        if getattr(config, key) < 0:
            raise ValueError(f"{key} is {getattr(config, key)}, expected 0 or more")
    if config.window_head + config.window_tail > size // 2:
        raise ValueError(
            f"window_head + window_tail is {config.window_head + config.window_tail}, expected at most "
            f"{size // 2}, half of window_size"
        )
    if getattr(config, "is_decoder", False) and not config.is_encoder_decoder:
        raise ValueError("is_decoder is true: a causal model does not read in windows")
    if getattr(config, "add_cross_attention", False):
        raise ValueError("add_cross_attention is true: models of windows have no cross-attention")
    if getattr(config, "position_embedding_type", "absolute") not in (None, "absolute"):
        raise ValueError(
            f"position_embedding_type is {config.position_embedding_type!r}, expected 'absolute'"
        )


def merge_of(config: Any, use: str, owner: str) -> str:
    """How a class, the owner, whose use of a row's first token is a key of MERGES merges it.

    Raises ValueError for a window_merge that is none of its own."""
    known, merge = MERGES[use], config.window_merge
    if merge is None:
        return known[0]
    if merge not in known:
        raise ValueError(f"window_merge is {merge!r}, expected of {owner}: {' or '.join(known)}, or none")
    return merge
