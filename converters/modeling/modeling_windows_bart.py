"""BART in windows: transformers' own, run on windows of inputs longer than its encoder reads."""

from transformers.models.bart import modeling_bart as bart
from transformers.models.bart.configuration_bart import BartConfig

from .windows_config import WindowsConfig
from .windows_merge import WindowsHead
from .windows_seq2seq import WindowsSeq2SeqEncoder, WindowsSeq2SeqModel


class WindowsBartConfig(WindowsConfig, BartConfig):
    model_type = "bart"


class WindowsBartEncoder(WindowsSeq2SeqEncoder, bart.BartEncoder):
    pass


class WindowsBartModel(WindowsSeq2SeqModel, bart.BartModel):
    config_class = WindowsBartConfig
    windows_encoder = WindowsBartEncoder


class WindowsBartHead(WindowsHead):
    config_class = WindowsBartConfig
    windows_model = WindowsBartModel


class WindowsBartForConditionalGeneration(WindowsBartHead, bart.BartForConditionalGeneration):
    pass


class WindowsBartForSequenceClassification(WindowsBartHead, bart.BartForSequenceClassification):
    first_token_use = "logits of a decoder"
    merging_module = "classification_head"


class WindowsBartForQuestionAnswering(WindowsBartHead, bart.BartForQuestionAnswering):
    first_token_use = "answers"
    merging_module = "qa_outputs"
