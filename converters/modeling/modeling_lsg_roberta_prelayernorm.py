"""LSG RoBERTa-PreLayerNorm: transformers' RoBERTa-PreLayerNorm with local, sparse and global attention."""

from __future__ import annotations

from torch import Tensor, nn
from transformers.models.roberta_prelayernorm import modeling_roberta_prelayernorm as roberta_prelayernorm
from transformers.models.roberta_prelayernorm.configuration_roberta_prelayernorm import (
    RobertaPreLayerNormConfig,
)

from .lsg_base import LSGHead
from .lsg_config import LSGConfig
from .lsg_generation import Generation
from .lsg_layer import Layer
from .lsg_model import LSGModel, RobertaPositions


class LSGRobertaPreLayerNormConfig(LSGConfig, RobertaPreLayerNormConfig):
    model_type = "roberta-prelayernorm"


class LSGRobertaPreLayerNormModel(RobertaPositions, LSGModel, roberta_prelayernorm.RobertaPreLayerNormModel):
    config_class = LSGRobertaPreLayerNormConfig

    def _layers(self) -> list[Layer]:
        return [_layer(layer) for layer in self.encoder.layer]

    def _final_norm(self, hidden: Tensor) -> Tensor:
        return self.LayerNorm(hidden)


def _layer(layer: nn.Module) -> Layer:
    attention = layer.attention
    return Layer(
        query=attention.self.query,
        key=attention.self.key,
        value=attention.self.value,
        attention_output=attention.output.dense,
        attention_dropout=attention.output.dropout,
        attention_norm=attention.LayerNorm,
        intermediate=layer.intermediate.dense,
        activation=layer.intermediate.intermediate_act_fn,
        output=layer.output.dense,
        output_dropout=layer.output.dropout,
        output_norm=layer.intermediate.LayerNorm,
        norm_first=True,
    )


class LSGRobertaPreLayerNormHead(LSGHead):
    config_class = LSGRobertaPreLayerNormConfig
    lsg_model = LSGRobertaPreLayerNormModel


class LSGRobertaPreLayerNormForCausalLM(
    Generation, LSGRobertaPreLayerNormHead, roberta_prelayernorm.RobertaPreLayerNormForCausalLM
):
    pass


class LSGRobertaPreLayerNormForMaskedLM(
    LSGRobertaPreLayerNormHead, roberta_prelayernorm.RobertaPreLayerNormForMaskedLM
):
    pass


class LSGRobertaPreLayerNormForSequenceClassification(
    LSGRobertaPreLayerNormHead, roberta_prelayernorm.RobertaPreLayerNormForSequenceClassification
):
    pass


class LSGRobertaPreLayerNormForMultipleChoice(
    LSGRobertaPreLayerNormHead, roberta_prelayernorm.RobertaPreLayerNormForMultipleChoice
):
    pass


class LSGRobertaPreLayerNormForTokenClassification(
    LSGRobertaPreLayerNormHead, roberta_prelayernorm.RobertaPreLayerNormForTokenClassification
):
    pass


class LSGRobertaPreLayerNormForQuestionAnswering(
    LSGRobertaPreLayerNormHead, roberta_prelayernorm.RobertaPreLayerNormForQuestionAnswering
):
    pass
