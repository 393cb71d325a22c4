"""mBART in windows: transformers' own, run on windows of inputs longer than its encoder reads."""

from transformers.models.mbart import modeling_mbart as mbart
from transformers.models.mbart.configuration_mbart import MBartConfig

from .windows_config import WindowsConfig
from .windows_merge import WindowsHead
from .windows_seq2seq import WindowsSeq2SeqEncoder, WindowsSeq2SeqModel


class WindowsMBartConfig(WindowsConfig, MBartConfig):
    model_type = "mbart"


class WindowsMBartEncoder(WindowsSeq2SeqEncoder, mbart.MBartEncoder):
    pass


class WindowsMBartModel(WindowsSeq2SeqModel, mbart.MBartModel):
    config_class = WindowsMBartConfig
    windows_encoder = WindowsMBartEncoder


class WindowsMBartHead(WindowsHead):
    config_class = WindowsMBartConfig
    windows_model = WindowsMBartModel


class WindowsMBartForConditionalGeneration(WindowsMBartHead, mbart.MBartForConditionalGeneration):
    pass


class WindowsMBartForSequenceClassification(WindowsMBartHead, mbart.MBartForSequenceClassification):
    first_token_use = "logits of a decoder"
    merging_module = "classification_head"


class WindowsMBartForQuestionAnswering(WindowsMBartHead, mbart.MBartForQuestionAnswering):
    first_token_use = "answers"
    merging_module = "qa_outputs"
