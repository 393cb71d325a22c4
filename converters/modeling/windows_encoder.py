"""What all encoders of windows share: when they read in windows, and what they refuse there."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from .windows_config import check_config
from .windows_merge import WindowsModule
from .windows_plan import Windows, plan_windows


class WindowsEncoder(WindowsModule):
    """A model that reads its input in windows."""

    @classmethod
    def adopt(cls, dense: Any) -> None:
        """Makes a dense model, just built, one of this class; nothing is allocated."""
        # transformers 5 knows what a model gives out of those classes alone that it has begun to build.
        PreTrainedModel.__init__(cls.__new__(cls), dense.config)
        dense.__class__ = cls
        dense._add_windows()

    def _add_windows(self) -> None:
        check_config(self.config)

    def _is_beyond(self, input_ids: Tensor | None, inputs_embeds: Tensor | None) -> bool:
        """Whether an input has more columns than a window."""
        given = input_ids if inputs_embeds is None else inputs_embeds
        return given is not None and given.shape[1] > self.config.window_size

    def _refuse_beyond(self, **others: Any) -> None:
        """Beside what is read in windows."""
        # The Trainer of transformers 5 gives every class num_items_in_batch, which is its head's at most.
        options = ("use_cache", "output_hidden_states", "return_dict", "num_items_in_batch")
        given = [
            name
            for name, value in others.items()
            if name not in options and value is not None and value is not False
        ]
        if getattr(self.config, "output_attentions", False):
            given.append("output_attentions")
        if given:
            raise ValueError(
                f"{type(self).__name__} does not support {', '.join(given)} beyond "
                f"{self.config.window_size} tokens"
            )

    def _plan(
        self,
        input_ids: Tensor | None,
        attention_mask: Tensor | None,
        inputs_embeds: Tensor | None,
        ids: Tensor | None,
        types: Tensor | None,
    ) -> Windows:
        """ids or types tell a pair's texts, where they are not None."""
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("Give either input_ids or inputs_embeds")
        given = input_ids if inputs_embeds is None else inputs_embeds
        shape = given.shape[:2]
        if attention_mask is None:
            attention_mask = torch.ones(shape, device=given.device)
        if attention_mask.shape != shape:
            raise ValueError(
                f"attention_mask has shape {tuple(attention_mask.shape)}, expected {tuple(shape)} beyond "
                f"{self.config.window_size} tokens"
            )
        return plan_windows(self.config, attention_mask != 0, ids, types)
