"""LSG MPNet: transformers' MPNet with local, sparse and global attention."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers.models.mpnet import modeling_mpnet as mpnet
from transformers.models.mpnet.configuration_mpnet import MPNetConfig

from .lsg_base import LSGHead
from .lsg_config import LSGConfig
from .lsg_layer import Layer
from .lsg_model import LSGModel, RobertaPositions

FARTHEST = 128
"""Tokens that far away, and all beyond, have the same bias (max_distance of transformers' MPNet)."""


class LSGMPNetConfig(LSGConfig, MPNetConfig):
    model_type = "mpnet"


class LSGMPNetModel(RobertaPositions, LSGModel, mpnet.MPNetModel):
    config_class = LSGMPNetConfig

    def _layers(self) -> list[Layer]:
        return [_layer(layer) for layer in self.encoder.layer]

    def _open_cache(self, past_key_values: Any, use_cache: bool | None) -> None:
        """MPNet generates nothing."""

    def _relative_bias(self) -> Tensor:
        table = self.encoder.relative_attention_bias.weight
        offsets = torch.arange(-FARTHEST, FARTHEST + 1, device=table.device)
        return table[self.encoder.relative_position_bucket(offsets)].T


def _layer(layer: nn.Module) -> Layer:
    attention = layer.attention.attn
    return Layer(
        query=attention.q,
        key=attention.k,
        value=attention.v,
        attention_output=attention.o,
        attention_dropout=layer.attention.dropout,
        attention_norm=layer.attention.LayerNorm,
        intermediate=layer.intermediate.dense,
        activation=layer.intermediate.intermediate_act_fn,
        output=layer.output.dense,
        output_dropout=layer.output.dropout,
        output_norm=layer.output.LayerNorm,
    )


class LSGMPNetHead(LSGHead):
    config_class = LSGMPNetConfig
    lsg_model = LSGMPNetModel


class LSGMPNetForMaskedLM(LSGMPNetHead, mpnet.MPNetForMaskedLM):
    pass


class LSGMPNetForSequenceClassification(LSGMPNetHead, mpnet.MPNetForSequenceClassification):
    pass


class LSGMPNetForMultipleChoice(LSGMPNetHead, mpnet.MPNetForMultipleChoice):
    pass


class LSGMPNetForTokenClassification(LSGMPNetHead, mpnet.MPNetForTokenClassification):
    pass


class LSGMPNetForQuestionAnswering(LSGMPNetHead, mpnet.MPNetForQuestionAnswering):
    pass
