"""LSG RoBERTa-PreLayerNorm: transformers' RoBERTa-PreLayerNorm with local, sparse and global attention."""

from transformers.models.roberta_prelayernorm import modeling_roberta_prelayernorm as roberta_prelayernorm
from transformers.models.roberta_prelayernorm.configuration_roberta_prelayernorm import (
    RobertaPreLayerNormConfig,
)

from .dense_parts import RobertaPreLayerNormParts
from .lsg_base import LSGHead
from .lsg_config import LSGConfig
from .lsg_generation import Generation
from .lsg_model import LSGModel, RobertaPositions


class LSGRobertaPreLayerNormConfig(LSGConfig, RobertaPreLayerNormConfig):
    model_type = "roberta-prelayernorm"


class LSGRobertaPreLayerNormModel(
    RobertaPreLayerNormParts, RobertaPositions, LSGModel, roberta_prelayernorm.RobertaPreLayerNormModel
):
    config_class = LSGRobertaPreLayerNormConfig


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
