"""RemBERT in windows: transformers' own, run on windows of inputs longer than it reads."""

from transformers.models.rembert import modeling_rembert as rembert
from transformers.models.rembert.configuration_rembert import RemBertConfig

from .dense_parts import RemBertParts
from .windows_config import WindowsConfig
from .windows_merge import WindowsHead
from .windows_model import WindowsModel


class WindowsRemBertConfig(WindowsConfig, RemBertConfig):
    model_type = "rembert"


class WindowsRemBertModel(RemBertParts, WindowsModel, rembert.RemBertModel):
    config_class = WindowsRemBertConfig
    types_tell_texts = True


class WindowsRemBertHead(WindowsHead):
    config_class = WindowsRemBertConfig
    windows_model = WindowsRemBertModel


class WindowsRemBertForMaskedLM(WindowsRemBertHead, rembert.RemBertForMaskedLM):
    pass


class WindowsRemBertForSequenceClassification(WindowsRemBertHead, rembert.RemBertForSequenceClassification):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsRemBertForMultipleChoice(WindowsRemBertHead, rembert.RemBertForMultipleChoice):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsRemBertForTokenClassification(WindowsRemBertHead, rembert.RemBertForTokenClassification):
    pass


class WindowsRemBertForQuestionAnswering(WindowsRemBertHead, rembert.RemBertForQuestionAnswering):
    first_token_use = "answers"
    merging_module = "qa_outputs"
