"""MPNet in windows: transformers' own, run on windows of inputs longer than it reads."""

from transformers.models.mpnet import modeling_mpnet as mpnet
from transformers.models.mpnet.configuration_mpnet import MPNetConfig

from .dense_parts import MPNetParts
from .windows_config import WindowsConfig
from .windows_merge import WindowsHead
from .windows_model import WindowsModel


class WindowsMPNetConfig(WindowsConfig, MPNetConfig):
    model_type = "mpnet"


class WindowsMPNetModel(MPNetParts, WindowsModel, mpnet.MPNetModel):
    config_class = WindowsMPNetConfig


class WindowsMPNetHead(WindowsHead):
    config_class = WindowsMPNetConfig
    windows_model = WindowsMPNetModel


class WindowsMPNetForMaskedLM(WindowsMPNetHead, mpnet.MPNetForMaskedLM):
    pass


class WindowsMPNetForSequenceClassification(WindowsMPNetHead, mpnet.MPNetForSequenceClassification):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsMPNetForMultipleChoice(WindowsMPNetHead, mpnet.MPNetForMultipleChoice):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsMPNetForTokenClassification(WindowsMPNetHead, mpnet.MPNetForTokenClassification):
    pass


class WindowsMPNetForQuestionAnswering(WindowsMPNetHead, mpnet.MPNetForQuestionAnswering):
    first_token_use = "answers"
    merging_module = "qa_outputs"
