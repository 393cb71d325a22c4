"""XLM-RoBERTa in windows: transformers' own, run on windows of inputs longer than it reads."""

from transformers.models.xlm_roberta import modeling_xlm_roberta as xlm_roberta
from transformers.models.xlm_roberta.configuration_xlm_roberta import XLMRobertaConfig

from .windows_config import WindowsConfig
from .windows_merge import WindowsHead
from .windows_model import WindowsModel


class WindowsXLMRobertaConfig(WindowsConfig, XLMRobertaConfig):
    model_type = "xlm-roberta"


class WindowsXLMRobertaModel(WindowsModel, xlm_roberta.XLMRobertaModel):
    config_class = WindowsXLMRobertaConfig


class WindowsXLMRobertaPreTrainedModel(xlm_roberta.XLMRobertaPreTrainedModel):
    """The ColBERT library puts its class over this one, and finds it by its name."""

    config_class = WindowsXLMRobertaConfig


class WindowsXLMRobertaHead(WindowsHead):
    config_class = WindowsXLMRobertaConfig
    windows_model = WindowsXLMRobertaModel


class WindowsXLMRobertaForMaskedLM(WindowsXLMRobertaHead, xlm_roberta.XLMRobertaForMaskedLM):
    pass


class WindowsXLMRobertaForSequenceClassification(
    WindowsXLMRobertaHead, xlm_roberta.XLMRobertaForSequenceClassification
):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsXLMRobertaForMultipleChoice(WindowsXLMRobertaHead, xlm_roberta.XLMRobertaForMultipleChoice):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsXLMRobertaForTokenClassification(
    WindowsXLMRobertaHead, xlm_roberta.XLMRobertaForTokenClassification
):
    pass


class WindowsXLMRobertaForQuestionAnswering(
    WindowsXLMRobertaHead, xlm_roberta.XLMRobertaForQuestionAnswering
):
    first_token_use = "answers"
    merging_module = "qa_outputs"
