"""LSG DistilBERT: transformers' DistilBERT with local, sparse and global attention."""

from __future__ import annotations

from torch import nn
from transformers.models.distilbert import modeling_distilbert as distilbert
from transformers.models.distilbert.configuration_distilbert import DistilBertConfig

from .lsg_base import LSGHead
from .lsg_config import LSGConfig
from .lsg_layer import Layer
from .lsg_model import LSGModel


class LSGDistilBertConfig(LSGConfig, DistilBertConfig):
    model_type = "distilbert"


class LSGDistilBertModel(LSGModel, distilbert.DistilBertModel):
    config_class = LSGDistilBertConfig

    def _layers(self) -> list[Layer]:
        return [_layer(layer) for layer in self.transformer.layer]

    def _attention_dropout_prob(self) -> float:
        return self.config.attention_dropout


def _layer(layer: nn.Module) -> Layer:
    attention, feed_forward = layer.attention, layer.ffn
    return Layer(
        query=attention.q_lin,
        key=attention.k_lin,
        value=attention.v_lin,
        attention_output=attention.out_lin,
        attention_dropout=None,
        attention_norm=layer.sa_layer_norm,
        intermediate=feed_forward.lin1,
        activation=feed_forward.activation,
        output=feed_forward.lin2,
        output_dropout=feed_forward.dropout,
        output_norm=layer.output_layer_norm,
    )


class LSGDistilBertHead(LSGHead):
    config_class = LSGDistilBertConfig
    lsg_model = LSGDistilBertModel


class LSGDistilBertForMaskedLM(LSGDistilBertHead, distilbert.DistilBertForMaskedLM):
    pass


class LSGDistilBertForSequenceClassification(
    LSGDistilBertHead, distilbert.DistilBertForSequenceClassification
):
    pass


class LSGDistilBertForMultipleChoice(LSGDistilBertHead, distilbert.DistilBertForMultipleChoice):
    pass


class LSGDistilBertForTokenClassification(LSGDistilBertHead, distilbert.DistilBertForTokenClassification):
    pass


class LSGDistilBertForQuestionAnswering(LSGDistilBertHead, distilbert.DistilBertForQuestionAnswering):
    pass
