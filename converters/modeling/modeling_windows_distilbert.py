"""DistilBERT in windows: transformers' own, run on windows of inputs longer than it reads."""

from transformers.models.distilbert import modeling_distilbert as distilbert
from transformers.models.distilbert.configuration_distilbert import DistilBertConfig

from .dense_parts import DistilBertParts
from .windows_config import WindowsConfig
from .windows_merge import WindowsHead
from .windows_model import WindowsModel


class WindowsDistilBertConfig(WindowsConfig, DistilBertConfig):
    model_type = "distilbert"


class WindowsDistilBertModel(DistilBertParts, WindowsModel, distilbert.DistilBertModel):
    config_class = WindowsDistilBertConfig


class WindowsDistilBertHead(WindowsHead):
    config_class = WindowsDistilBertConfig
    windows_model = WindowsDistilBertModel


class WindowsDistilBertForMaskedLM(WindowsDistilBertHead, distilbert.DistilBertForMaskedLM):
    pass


class WindowsDistilBertForSequenceClassification(
    WindowsDistilBertHead, distilbert.DistilBertForSequenceClassification
):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsDistilBertForMultipleChoice(WindowsDistilBertHead, distilbert.DistilBertForMultipleChoice):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsDistilBertForTokenClassification(
    WindowsDistilBertHead, distilbert.DistilBertForTokenClassification
):
    pass


class WindowsDistilBertForQuestionAnswering(WindowsDistilBertHead, distilbert.DistilBertForQuestionAnswering):
    first_token_use = "answers"
    merging_module = "qa_outputs"
