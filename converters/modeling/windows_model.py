"""What the models of windows of one stack of layers share. As long as a batch has no more columns than a
window, they are transformers' own; beyond, all windows of all rows go through the same modules as one batch.

Shapes: b rows, n columns, s windows of all rows, l places of a window.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from .dense_layer import Layer
from .dense_parts import FARTHEST, DenseParts
from .windows_config import MERGES
from .windows_encoder import WindowsEncoder
from .windows_merge import ASKING, Asking
from .windows_plan import Windows
from .windows_reader import Reader

State = tuple[Tensor, "Tensor | None"]
"""Of the windows' tokens, (s, l, hidden), and of the readers, (b, 1, hidden), if there are any."""


class WindowsModel(DenseParts, WindowsEncoder):
    """Put before a type's dense model among the bases of its model of windows, it gives it its forward
    pass."""

    first_token_use = "state"
    gradient_checkpointing = False
    types_tell_texts = False
    """Whether types are an input of the model, and tell a pair's texts."""

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        **kwargs: Any,
    ) -> Any:
        """What transformers' model takes and returns, up to window_size columns without any change. Beyond, a
        row is what stands from its first to its last column with attention_mask ≠ 0.

        Args:
            input_ids, token_type_ids: (b, n).
            attention_mask: (b, n); 0 hides a token.
            inputs_embeds: (b, n, width of the embeddings), in place of input_ids.

        Returns: last_hidden_state and each of hidden_states: (b, n, hidden), each token's from the window in
            whose middle it stands. What stands for a row's first token, where windows repeat it, says MERGES.

        Raises ValueError for position_ids, attention_mask of more axes and attentions, beyond window_size.
        """
        inputs = dict(token_type_ids=token_type_ids, task_type_ids=kwargs.pop("task_type_ids", None))
        outputs = dict(output_hidden_states=output_hidden_states, return_dict=return_dict)
        if not self._is_beyond(input_ids, inputs_embeds):
            given = dict(
                input_ids=input_ids,
                attention_mask=attention_mask,
                position_ids=position_ids,
                inputs_embeds=inputs_embeds,
                **inputs,
                **outputs,
                **kwargs,
            )
            return super().forward(**{name: value for name, value in given.items() if value is not None})

        self._refuse_beyond(position_ids=position_ids, **kwargs)
        types = token_type_ids if self.types_tell_texts else None
        # Types that are not given are all of one.
        ids = None if self.types_tell_texts else input_ids
        windows = self._plan(input_ids, attention_mask, inputs_embeds, ids, types)
        inputs.update(input_ids=input_ids, inputs_embeds=inputs_embeds)
        inputs = {name: windows.gather(x) for name, x in inputs.items() if x is not None}
        if output_hidden_states is None:
            output_hidden_states = self.config.output_hidden_states
        if return_dict is None:
            return_dict = self.config.return_dict

        asking = ASKING.get() or Asking("state", self._merge_of_state())
        has_reader = asking.merge == "reader" and bool(windows.repeats_first.any())
        states = self._run(windows, inputs, has_reader, output_hidden_states)
        last, pooled = self._answer(windows, states[-1], asking)
        every_hidden = None
        if output_hidden_states:
            every_hidden = (*(self._columns(windows, state, asking) for state in states[:-1]), last)
        return self._output(last, pooled, every_hidden, return_dict)

    def _merge_of_state(self) -> str:
        """Below a head that merges otherwise, and called without it, the default."""
        known = MERGES["state"]
        return self.config.window_merge if self.config.window_merge in known else known[0]

    def _run(
        self, windows: Windows, inputs: dict[str, Tensor], has_reader: bool, keeps_all: bool
    ) -> list[State]:
        """What goes into each layer, if keeps_all, and what comes out of the last."""
        hidden = self._project(self._embed_inputs(**inputs))
        size, dropout = hidden.shape[1], self._attention_dropout_prob() if self.training else 0.0
        hidden_score = torch.finfo(hidden.dtype).min
        mask = torch.zeros_like(windows.visible, dtype=hidden.dtype)
        mask = mask.masked_fill(~windows.visible, hidden_score)[:, None, None]
        bias = self._bias_of_places(size)
        if bias is not None:
            mask = mask + bias
        reader = None
        if has_reader:
            reader = Reader(windows, size, None if bias is None else bias[:, 0], dropout)
        state = (hidden, hidden[windows.begin, :1] if has_reader else None)
        states = []
        for layer in self._layers():
            if keeps_all:
                states.append(state)
            if self.gradient_checkpointing and self.training:
                state = self._gradient_checkpointing_func(
                    self._run_layer, layer, *state, mask, reader, dropout
                )
            else:
                state = self._run_layer(layer, *state, mask, reader, dropout)
        hidden, own = state
        return [*states, (self._final_norm(hidden), None if own is None else self._final_norm(own))]

    def _run_layer(
        self,
        layer: Layer,
        hidden: Tensor,
        own: Tensor | None,
        mask: Tensor,
        reader: Reader | None,
        dropout: float,
    ) -> State:
        heads = self.config.num_attention_heads
        query, key, value = layer.heads(hidden, heads)
        context = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout)
        if reader is not None:
            own = layer.complete(own, reader.attend(layer.heads(own, heads), key, value))
        return layer.complete(hidden, context), own

    def _bias_of_places(self, size: int) -> Tensor | None:
        """(heads, l, l), from each place to each."""
        by_distance = self._relative_bias()
        if by_distance is None:
            return None
        place = torch.arange(size, device=by_distance.device)
        return by_distance[:, (place - place[:, None]).clamp(-FARTHEST, FARTHEST) + FARTHEST]

    def _columns(self, windows: Windows, state: State, asking: Asking) -> Tensor:
        """(b, n, hidden)."""
        hidden, own = state
        if own is None or asking.reads_tokens:
            first = windows.merge(hidden[:, 0], "mean")
        else:
            first = own[:, 0]
        return windows.with_first(windows.stitch(hidden), first)

    def _answer(self, windows: Windows, state: State, asking: Asking) -> tuple[Tensor, Tensor | None]:
        """What the running class gets: the tokens' last states, and what the pooler makes of the first's.
        Where its own outputs are merged, both, or the second, are of the first tokens of all windows."""
        hidden, own = state
        each = hidden[:, 0]
        last = self._columns(windows, state, asking)
        if own is not None:
            first = windows.or_first(own[:, 0], each)
        elif asking.use == "logits" and asking.merge != "reader":
            first = each
            asking.merged = lambda module, output: windows.merge_first(output, asking.merge)
            if not asking.reads_tokens:
                last = each[:, None]
        else:
            first = windows.merge_first(each, "mean")
        if asking.use == "answers":
            asking.merged = lambda module, output: windows.with_first(
                output, windows.merge(module.forward(each), "least")
            )
        return last, self._pool(first[:, None]) if self._has_pooler() else None
