"""RoBERTa-PreLayerNorm in windows: transformers' own, run on windows of inputs longer than it reads."""

from transformers.models.roberta_prelayernorm import modeling_roberta_prelayernorm as roberta_prelayernorm
from transformers.models.roberta_prelayernorm.configuration_roberta_prelayernorm import (
    RobertaPreLayerNormConfig,
)

from .dense_parts import RobertaPreLayerNormParts
from .windows_config import WindowsConfig
from .windows_merge import WindowsHead
from .windows_model import WindowsModel


class WindowsRobertaPreLayerNormConfig(WindowsConfig, RobertaPreLayerNormConfig):
    model_type = "roberta-prelayernorm"


class WindowsRobertaPreLayerNormModel(
    RobertaPreLayerNormParts, WindowsModel, roberta_prelayernorm.RobertaPreLayerNormModel
):
    config_class = WindowsRobertaPreLayerNormConfig


class WindowsRobertaPreLayerNormHead(WindowsHead):
    config_class = WindowsRobertaPreLayerNormConfig
    windows_model = WindowsRobertaPreLayerNormModel


class WindowsRobertaPreLayerNormForMaskedLM(
    WindowsRobertaPreLayerNormHead, roberta_prelayernorm.RobertaPreLayerNormForMaskedLM
):
    pass


class WindowsRobertaPreLayerNormForSequenceClassification(
    WindowsRobertaPreLayerNormHead, roberta_prelayernorm.RobertaPreLayerNormForSequenceClassification
):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsRobertaPreLayerNormForMultipleChoice(
    WindowsRobertaPreLayerNormHead, roberta_prelayernorm.RobertaPreLayerNormForMultipleChoice
):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsRobertaPreLayerNormForTokenClassification(
    WindowsRobertaPreLayerNormHead, roberta_prelayernorm.RobertaPreLayerNormForTokenClassification
):
    pass


class WindowsRobertaPreLayerNormForQuestionAnswering(
    WindowsRobertaPreLayerNormHead, roberta_prelayernorm.RobertaPreLayerNormForQuestionAnswering
):
    first_token_use = "answers"
    merging_module = "qa_outputs"
