"""BERT in windows: transformers' own, run on windows of inputs longer than it reads."""

from transformers.models.bert import modeling_bert as bert
from transformers.models.bert.configuration_bert import BertConfig

from .windows_config import WindowsConfig
from .windows_merge import WindowsHead
from .windows_model import WindowsModel


class WindowsBertConfig(WindowsConfig, BertConfig):
    model_type = "bert"


class WindowsBertModel(WindowsModel, bert.BertModel):
    config_class = WindowsBertConfig
    types_tell_texts = True


class WindowsBertPreTrainedModel(bert.BertPreTrainedModel):
    """The ColBERT library puts its class over this one, and finds it by its name."""

    config_class = WindowsBertConfig


class WindowsBertHead(WindowsHead):
    config_class = WindowsBertConfig
    windows_model = WindowsBertModel


class WindowsBertForPreTraining(WindowsBertHead, bert.BertForPreTraining):
    first_token_use = "logits"
    merging_module = "cls.seq_relationship"
    reads_tokens = True


class WindowsBertForMaskedLM(WindowsBertHead, bert.BertForMaskedLM):
    pass


class WindowsBertForNextSentencePrediction(WindowsBertHead, bert.BertForNextSentencePrediction):
    first_token_use = "logits"
    merging_module = "cls.seq_relationship"


class WindowsBertForSequenceClassification(WindowsBertHead, bert.BertForSequenceClassification):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsBertForMultipleChoice(WindowsBertHead, bert.BertForMultipleChoice):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsBertForTokenClassification(WindowsBertHead, bert.BertForTokenClassification):
    pass


class WindowsBertForQuestionAnswering(WindowsBertHead, bert.BertForQuestionAnswering):
    first_token_use = "answers"
    merging_module = "qa_outputs"
