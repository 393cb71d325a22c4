"""The keys that an LSG config adds, and which values of a config an LSG model takes."""

from __future__ import annotations

from typing import Any

GLOBAL_TABLE_ROWS = 512

NEEDS_THIS_CODE = "lsg_needs_trust_remote_code"
"""config.json asks for attention of this name, which transformers has not. Opened without this file, with
full attention in the place of LSG's, the model would give other outputs without a word."""


class LSGConfig:
    """The keys that an LSG config adds to its type's; a checkpoint that lacks one means what stands here."""

    adaptive = True
    base_model_prefix = "lsg"
    block_size = 128
    first_token_is_global = False
    global_scaling_length = None
    lsh_num_pre_rounds = 1
    mask_first_token = False
    num_global_tokens = 1
    pool_with_global = True
    sparse_block_size = 128
    sparsity_factor = 2
    sparsity_type = "norm"

    def __setattr__(self, key: str, value: Any) -> None:
        """Here the code is."""
        if (key, value) != ("_attn_implementation", NEEDS_THIS_CODE):
            super().__setattr__(key, value)

    def to_dict(self) -> dict[str, Any]:
        """Where it is saved the code will be asked for again."""
        return {**super().to_dict(), "_attn_implementation": NEEDS_THIS_CODE}


class LSGSeq2SeqConfig(LSGConfig):
    """Those of a model with a decoder."""

    pass_global_tokens_to_decoder = True


def check_config(config: Any) -> None:
    """Raises ValueError for what an LSG model can't be built of."""
    if not 1 <= config.num_global_tokens <= GLOBAL_TABLE_ROWS:
        raise ValueError(
            f"num_global_tokens is {config.num_global_tokens}, expected 1 to {GLOBAL_TABLE_ROWS}"
        )
    scaled_from = config.global_scaling_length
    if scaled_from is not None and scaled_from < 2 * config.block_size:
        raise ValueError(
            f"global_scaling_length is {scaled_from}, expected two blocks, {2 * config.block_size}, or more"
        )
    if config.mask_first_token and config.first_token_is_global:
        raise ValueError("mask_first_token and first_token_is_global exclude each other")
    if getattr(config, "position_embedding_type", "absolute") not in (None, "absolute"):
        raise ValueError(
            f"position_embedding_type is {config.position_embedding_type!r}, expected 'absolute'"
        )
    if getattr(config, "add_cross_attention", False):
        raise ValueError("add_cross_attention is true: LSG models have no cross-attention")
