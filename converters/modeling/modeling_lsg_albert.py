"""LSG ALBERT: transformers' ALBERT with local, sparse and global attention."""

from __future__ import annotations

from torch import Tensor, nn
from transformers.models.albert import modeling_albert as albert
from transformers.models.albert.configuration_albert import AlbertConfig

from .lsg_base import LSGHead
from .lsg_config import LSGConfig
from .lsg_layer import Layer
from .lsg_model import LSGModel


class LSGAlbertConfig(LSGConfig, AlbertConfig):
    model_type = "albert"


class LSGAlbertModel(LSGModel, albert.AlbertModel):
    config_class = LSGAlbertConfig

    def _layers(self) -> list[Layer]:
        groups, count = self.encoder.albert_layer_groups, self.config.num_hidden_layers
        used = [groups[index * len(groups) // count] for index in range(count)]
        return [_layer(layer) for group in used for layer in group.albert_layers]

    def _project(self, embedded: Tensor) -> Tensor:
        return self.encoder.embedding_hidden_mapping_in(embedded)

    def _pool(self, last: Tensor) -> Tensor:
        return self.pooler_activation(self.pooler(last[:, 0]))


def _layer(layer: nn.Module) -> Layer:
    attention = layer.attention
    return Layer(
        query=attention.query,
        key=attention.key,
        value=attention.value,
        attention_output=attention.dense,
        attention_dropout=attention.output_dropout,
        attention_norm=attention.LayerNorm,
        intermediate=layer.ffn,
        activation=layer.activation,
        output=layer.ffn_output,
        output_dropout=None,
        output_norm=layer.full_layer_layer_norm,
    )


class LSGAlbertHead(LSGHead):
    config_class = LSGAlbertConfig
    lsg_model = LSGAlbertModel


class LSGAlbertForPreTraining(LSGAlbertHead, albert.AlbertForPreTraining):
    pass


class LSGAlbertForMaskedLM(LSGAlbertHead, albert.AlbertForMaskedLM):
    pass


class LSGAlbertForSequenceClassification(LSGAlbertHead, albert.AlbertForSequenceClassification):
    pass


class LSGAlbertForMultipleChoice(LSGAlbertHead, albert.AlbertForMultipleChoice):
    pass


class LSGAlbertForTokenClassification(LSGAlbertHead, albert.AlbertForTokenClassification):
    pass


class LSGAlbertForQuestionAnswering(LSGAlbertHead, albert.AlbertForQuestionAnswering):
    pass
