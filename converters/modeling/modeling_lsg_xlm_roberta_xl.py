"""LSG XLM-RoBERTa-XL: transformers' XLM-RoBERTa-XL with local, sparse and global attention."""

from __future__ import annotations

from torch import Tensor, nn
from transformers.models.xlm_roberta_xl import modeling_xlm_roberta_xl as xlm_roberta_xl
from transformers.models.xlm_roberta_xl.configuration_xlm_roberta_xl import XLMRobertaXLConfig

from .lsg_base import LSGHead
from .lsg_config import LSGConfig
from .lsg_generation import Generation
from .lsg_layer import Layer
from .lsg_model import LSGModel, RobertaPositions


class LSGXLMRobertaXLConfig(LSGConfig, XLMRobertaXLConfig):
    model_type = "xlm-roberta-xl"


class LSGXLMRobertaXLModel(RobertaPositions, LSGModel, xlm_roberta_xl.XLMRobertaXLModel):
    config_class = LSGXLMRobertaXLConfig

    def _layers(self) -> list[Layer]:
        return [_layer(layer) for layer in self.encoder.layer]

    def _final_norm(self, hidden: Tensor) -> Tensor:
        return self.encoder.LayerNorm(hidden)


def _layer(layer: nn.Module) -> Layer:
    attention = layer.attention
    return Layer(
        query=attention.self.query,
        key=attention.self.key,
        value=attention.self.value,
        attention_output=attention.output.dense,
        attention_dropout=attention.output.dropout,
        attention_norm=attention.self_attn_layer_norm,
        intermediate=layer.intermediate.dense,
        activation=layer.intermediate.intermediate_act_fn,
        output=layer.output.dense,
        output_dropout=None,
        output_norm=layer.LayerNorm,
        norm_first=True,
    )


class LSGXLMRobertaXLHead(LSGHead):
    config_class = LSGXLMRobertaXLConfig
    lsg_model = LSGXLMRobertaXLModel


class LSGXLMRobertaXLForCausalLM(Generation, LSGXLMRobertaXLHead, xlm_roberta_xl.XLMRobertaXLForCausalLM):
    pass


class LSGXLMRobertaXLForMaskedLM(LSGXLMRobertaXLHead, xlm_roberta_xl.XLMRobertaXLForMaskedLM):
    pass


class LSGXLMRobertaXLForSequenceClassification(
    LSGXLMRobertaXLHead, xlm_roberta_xl.XLMRobertaXLForSequenceClassification
):
    pass


class LSGXLMRobertaXLForMultipleChoice(LSGXLMRobertaXLHead, xlm_roberta_xl.XLMRobertaXLForMultipleChoice):
    pass


class LSGXLMRobertaXLForTokenClassification(
    LSGXLMRobertaXLHead, xlm_roberta_xl.XLMRobertaXLForTokenClassification
):
    pass


class LSGXLMRobertaXLForQuestionAnswering(
    LSGXLMRobertaXLHead, xlm_roberta_xl.XLMRobertaXLForQuestionAnswering
):
    pass
