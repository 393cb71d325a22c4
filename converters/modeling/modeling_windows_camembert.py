"""CamemBERT in windows: transformers' own, run on windows of inputs longer than it reads."""

from transformers.models.camembert import modeling_camembert as camembert
from transformers.models.camembert.configuration_camembert import CamembertConfig

from .windows_config import WindowsConfig
from .windows_merge import WindowsHead
from .windows_model import WindowsModel


class WindowsCamembertConfig(WindowsConfig, CamembertConfig):
    model_type = "camembert"


class WindowsCamembertModel(WindowsModel, camembert.CamembertModel):
    config_class = WindowsCamembertConfig


class WindowsCamembertHead(WindowsHead):
    config_class = WindowsCamembertConfig
    windows_model = WindowsCamembertModel


class WindowsCamembertForMaskedLM(WindowsCamembertHead, camembert.CamembertForMaskedLM):
    pass


class WindowsCamembertForSequenceClassification(
    WindowsCamembertHead, camembert.CamembertForSequenceClassification
):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsCamembertForMultipleChoice(WindowsCamembertHead, camembert.CamembertForMultipleChoice):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsCamembertForTokenClassification(WindowsCamembertHead, camembert.CamembertForTokenClassification):
    pass


class WindowsCamembertForQuestionAnswering(WindowsCamembertHead, camembert.CamembertForQuestionAnswering):
    first_token_use = "answers"
    merging_module = "qa_outputs"
