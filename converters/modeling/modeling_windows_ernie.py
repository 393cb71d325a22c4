"""ERNIE in windows: transformers' own, run on windows of inputs longer than it reads."""

from transformers.models.ernie import modeling_ernie as ernie
from transformers.models.ernie.configuration_ernie import ErnieConfig

from .windows_config import WindowsConfig
from .windows_merge import WindowsHead
from .windows_model import WindowsModel


class WindowsErnieConfig(WindowsConfig, ErnieConfig):
    model_type = "ernie"


class WindowsErnieModel(WindowsModel, ernie.ErnieModel):
    config_class = WindowsErnieConfig
    types_tell_texts = True


class WindowsErnieHead(WindowsHead):
    config_class = WindowsErnieConfig
    windows_model = WindowsErnieModel


class WindowsErnieForPreTraining(WindowsErnieHead, ernie.ErnieForPreTraining):
    first_token_use = "logits"
    merging_module = "cls.seq_relationship"
    reads_tokens = True


class WindowsErnieForMaskedLM(WindowsErnieHead, ernie.ErnieForMaskedLM):
    pass


class WindowsErnieForNextSentencePrediction(WindowsErnieHead, ernie.ErnieForNextSentencePrediction):
    first_token_use = "logits"
    merging_module = "cls.seq_relationship"


class WindowsErnieForSequenceClassification(WindowsErnieHead, ernie.ErnieForSequenceClassification):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsErnieForMultipleChoice(WindowsErnieHead, ernie.ErnieForMultipleChoice):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsErnieForTokenClassification(WindowsErnieHead, ernie.ErnieForTokenClassification):
    pass


class WindowsErnieForQuestionAnswering(WindowsErnieHead, ernie.ErnieForQuestionAnswering):
    first_token_use = "answers"
    merging_module = "qa_outputs"
