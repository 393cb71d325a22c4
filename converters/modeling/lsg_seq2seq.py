"""What the LSG models with a decoder share: an encoder with a forward pass of our own over transformers'
modules. The decoder, its cache and generate() are transformers'.

Shapes: b batch, p prepended global tokens.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.modeling_outputs import BaseModelOutput

from .dense_layer import Layer
from .lsg_base import LSGEncoder, LSGModule
from .lsg_config import GLOBAL_TABLE_ROWS

FLOAT16_MARGIN = 1000
"""What transformers leaves between the greatest number of float16 and what it clamps a layer's output to."""


class LSGSeq2SeqEncoder(LSGEncoder):
    """Put before a type's dense encoder among the bases of its LSG encoder, it gives it its forward pass."""

    def _add_lsg(self) -> None:
        self.global_embeddings = nn.Embedding(GLOBAL_TABLE_ROWS, self.config.d_model)
        self._add_attention(self.config.attention_dropout)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        **kwargs: Any,
    ) -> Any:
        """
        Args:
            input_ids: (b, length).
            attention_mask: (b, length); 0 hides a token.
            inputs_embeds: (b, length, d_model), in place of input_ids.

        Returns: last_hidden_state and each of hidden_states: (b, p + length, d_model) with
            pass_global_tokens_to_decoder, else (b, length, d_model), without the global tokens.
        """
        self._refuse_unsupported(kwargs)
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("Give either input_ids or inputs_embeds")
        if output_hidden_states is None:
            output_hidden_states = self.config.output_hidden_states
        if return_dict is None:
            return_dict = self.config.return_dict

        hidden = self._embed(input_ids, inputs_embeds)
        length = hidden.shape[1] - self.num_prepended_tokens
        mask = self._additive_mask(attention_mask, hidden, length)
        every_hidden = []
        for layer in self.layers:
            if output_hidden_states:
                every_hidden.append(self._passed_on(hidden, length))
            if self.training and self.layerdrop > 0 and torch.rand([]) < self.layerdrop:
                continue
            if self.gradient_checkpointing and self.training:
                hidden = self._gradient_checkpointing_func(self._run_layer, layer, hidden, mask)
            else:
                hidden = self._run_layer(layer, hidden, mask)
        if self._norm_first():
            hidden = self.layer_norm(hidden)
        hidden = self._passed_on(hidden, length)
        every_hidden = (*every_hidden, hidden) if output_hidden_states else None
        output = BaseModelOutput(last_hidden_state=hidden, hidden_states=every_hidden)
        return output if return_dict else output.to_tuple()

    def _passed_on(self, hidden: Tensor, length: int) -> Tensor:
        """(b, p + length, d_model) → the same, or (b, length, d_model)."""
        passes = self.config.pass_global_tokens_to_decoder
        return hidden if passes else self._without_globals(hidden, length)

    def _embed(self, input_ids: Tensor | None, inputs_embeds: Tensor | None) -> Tensor:
        """(b, length) or (b, length, d_model) → (b, p + length, d_model)."""
        if inputs_embeds is None:
            # Where the encoder has no scale, embed_tokens applies it.
            inputs_embeds = self.embed_tokens(input_ids) * getattr(self, "embed_scale", 1.0)
        offset = getattr(self.embed_positions, "offset", 0)
        self._check_length(inputs_embeds.shape[1], self.embed_positions.num_embeddings - offset)
        hidden = inputs_embeds + self._positions(inputs_embeds)
        hidden = self._with_globals(hidden, self.global_embeddings)
        if hasattr(self, "layernorm_embedding"):
            hidden = self.layernorm_embedding(hidden)
        return F.dropout(hidden, self.dropout, self.training)

    def _positions(self, embedded: Tensor) -> Tensor:
        """(1 or b, length, d_model), for embedded (b, length, d_model)."""
        return self.embed_positions(embedded[..., 0])

    def _norm_first(self) -> bool:
        return hasattr(self, "layer_norm")

    def _run_layer(self, layer: nn.Module, hidden: Tensor, mask: Tensor) -> Tensor:
        """(b, rows, d_model) → the same."""
        parts = _layer(layer, self._norm_first())
        context = self.lsg_attention(*parts.heads(hidden, self.config.encoder_attention_heads), mask)
        hidden = parts.complete(hidden, context)
        if hidden.dtype == torch.float16:
            largest = torch.finfo(torch.float16).max - FLOAT16_MARGIN
            hidden = hidden.clamp(-largest, largest)
        return hidden


def _layer(layer: nn.Module, norm_first: bool) -> Layer:
    attention = layer.self_attn
    dropout, activation_dropout = (
        partial(F.dropout, p=p, training=layer.training) for p in (layer.dropout, layer.activation_dropout)
    )
    return Layer(
        query=attention.q_proj,
        key=attention.k_proj,
        value=attention.v_proj,
        attention_output=attention.out_proj,
        attention_dropout=dropout,
        attention_norm=layer.self_attn_layer_norm,
        intermediate=layer.fc1,
        activation=lambda x: activation_dropout(layer.activation_fn(x)),
        output=layer.fc2,
        output_dropout=dropout,
        output_norm=layer.final_layer_norm,
        norm_first=norm_first,
    )


class LSGSeq2SeqModel(LSGModule):
    """Put before a type's dense model among the bases of its LSG model: its encoder becomes an LSG encoder,
    and its decoder sees the global tokens that the encoder passes on."""

    lsg_encoder: type[LSGSeq2SeqEncoder]

    def _add_lsg(self) -> None:
        self.lsg_encoder.adopt(self.encoder)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        *,
        encoder_outputs: Any = None,
        inputs_embeds: Tensor | None = None,
        **kwargs: Any,
    ) -> Any:
        """What transformers' model takes and returns. With pass_global_tokens_to_decoder encoder_outputs has
        p states more than attention_mask has columns; a mask with a column for each state is taken as
        well."""
        if encoder_outputs is None:
            names = ("head_mask", "output_attentions", "output_hidden_states", "return_dict")
            given = {name: kwargs[name] for name in names if name in kwargs}
            encoder_outputs = self.encoder(
                input_ids=input_ids, attention_mask=attention_mask, inputs_embeds=inputs_embeds, **given
            )
        return super().forward(
            input_ids=input_ids,
            attention_mask=self._mask_of_states(attention_mask, encoder_outputs[0]),
            decoder_input_ids=decoder_input_ids,
            decoder_attention_mask=decoder_attention_mask,
            encoder_outputs=encoder_outputs,
            inputs_embeds=inputs_embeds,
            **kwargs,
        )

    def _mask_of_states(self, attention_mask: Tensor | None, states: Tensor) -> Tensor | None:
        """What cross-attention sees of the encoder's states (b, p + length, d_model) or, if it doesn't pass
        the global tokens on, (b, length, d_model): a mask with a column for each, or None for all of them."""
        if not self.config.pass_global_tokens_to_decoder:
            return attention_mask
        prepended, (batch, count, _) = self.encoder.num_prepended_tokens, states.shape
        if attention_mask is None:
            if not self.config.mask_first_token:
                return None
            attention_mask = torch.ones(batch, count, device=states.device)
        # generate() makes a mask for encoder_outputs that it was given without one: it has all columns.
        if attention_mask.shape == (batch, count - prepended):
            attention_mask = torch.cat([attention_mask.new_ones(batch, prepended), attention_mask], dim=1)
        if attention_mask.shape != (batch, count):
            raise ValueError(
                f"attention_mask has shape {tuple(attention_mask.shape)}, expected "
                f"{(batch, count - prepended)}"
            )
        if self.config.mask_first_token:
            first = torch.arange(count, device=states.device) == prepended
            attention_mask = attention_mask.masked_fill(first, 0)
        return attention_mask
