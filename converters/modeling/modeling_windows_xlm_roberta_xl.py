"""XLM-RoBERTa-XL in windows: transformers' own, run on windows of inputs longer than it reads."""

from transformers.models.xlm_roberta_xl import modeling_xlm_roberta_xl as xlm_roberta_xl
from transformers.models.xlm_roberta_xl.configuration_xlm_roberta_xl import XLMRobertaXLConfig

from .dense_parts import XLMRobertaXLParts
from .windows_config import WindowsConfig
from .windows_merge import WindowsHead
from .windows_model import WindowsModel


class WindowsXLMRobertaXLConfig(WindowsConfig, XLMRobertaXLConfig):
    model_type = "xlm-roberta-xl"


class WindowsXLMRobertaXLModel(XLMRobertaXLParts, WindowsModel, xlm_roberta_xl.XLMRobertaXLModel):
    config_class = WindowsXLMRobertaXLConfig


class WindowsXLMRobertaXLHead(WindowsHead):
    config_class = WindowsXLMRobertaXLConfig
    windows_model = WindowsXLMRobertaXLModel


class WindowsXLMRobertaXLForMaskedLM(WindowsXLMRobertaXLHead, xlm_roberta_xl.XLMRobertaXLForMaskedLM):
    pass


class WindowsXLMRobertaXLForSequenceClassification(
    WindowsXLMRobertaXLHead, xlm_roberta_xl.XLMRobertaXLForSequenceClassification
):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsXLMRobertaXLForMultipleChoice(
    WindowsXLMRobertaXLHead, xlm_roberta_xl.XLMRobertaXLForMultipleChoice
):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsXLMRobertaXLForTokenClassification(
    WindowsXLMRobertaXLHead, xlm_roberta_xl.XLMRobertaXLForTokenClassification
):
    pass


class WindowsXLMRobertaXLForQuestionAnswering(
    WindowsXLMRobertaXLHead, xlm_roberta_xl.XLMRobertaXLForQuestionAnswering
):
    first_token_use = "answers"
    merging_module = "qa_outputs"
