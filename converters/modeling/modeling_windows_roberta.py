"""RoBERTa in windows: transformers' own, run on windows of inputs longer than it reads."""

from transformers.models.roberta import modeling_roberta as roberta
from transformers.models.roberta.configuration_roberta import RobertaConfig

from .windows_config import WindowsConfig
from .windows_merge import WindowsHead
from .windows_model import WindowsModel


class WindowsRobertaConfig(WindowsConfig, RobertaConfig):
    model_type = "roberta"


class WindowsRobertaModel(WindowsModel, roberta.RobertaModel):
    config_class = WindowsRobertaConfig


class WindowsRobertaPreTrainedModel(roberta.RobertaPreTrainedModel):
    """The ColBERT library puts its class over this one, and finds it by its name."""

    config_class = WindowsRobertaConfig


class WindowsRobertaHead(WindowsHead):
    config_class = WindowsRobertaConfig
    windows_model = WindowsRobertaModel


class WindowsRobertaForMaskedLM(WindowsRobertaHead, roberta.RobertaForMaskedLM):
    pass


class WindowsRobertaForSequenceClassification(WindowsRobertaHead, roberta.RobertaForSequenceClassification):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsRobertaForMultipleChoice(WindowsRobertaHead, roberta.RobertaForMultipleChoice):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsRobertaForTokenClassification(WindowsRobertaHead, roberta.RobertaForTokenClassification):
    pass


class WindowsRobertaForQuestionAnswering(WindowsRobertaHead, roberta.RobertaForQuestionAnswering):
    first_token_use = "answers"
    merging_module = "qa_outputs"
