"""ELECTRA in windows: transformers' own, run on windows of inputs longer than it reads."""

from transformers.models.electra import modeling_electra as electra
from transformers.models.electra.configuration_electra import ElectraConfig

from .dense_parts import ElectraParts
from .windows_config import WindowsConfig
from .windows_merge import WindowsHead
from .windows_model import WindowsModel


class WindowsElectraConfig(WindowsConfig, ElectraConfig):
    model_type = "electra"


class WindowsElectraModel(ElectraParts, WindowsModel, electra.ElectraModel):
    config_class = WindowsElectraConfig
    types_tell_texts = True


class WindowsElectraPreTrainedModel(electra.ElectraPreTrainedModel):
    """The ColBERT library puts its class over this one, and finds it by its name."""

    config_class = WindowsElectraConfig


class WindowsElectraHead(WindowsHead):
    config_class = WindowsElectraConfig
    windows_model = WindowsElectraModel


class WindowsElectraForPreTraining(WindowsElectraHead, electra.ElectraForPreTraining):
    pass


class WindowsElectraForMaskedLM(WindowsElectraHead, electra.ElectraForMaskedLM):
    pass


class WindowsElectraForSequenceClassification(WindowsElectraHead, electra.ElectraForSequenceClassification):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsElectraForMultipleChoice(WindowsElectraHead, electra.ElectraForMultipleChoice):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsElectraForTokenClassification(WindowsElectraHead, electra.ElectraForTokenClassification):
    pass


class WindowsElectraForQuestionAnswering(WindowsElectraHead, electra.ElectraForQuestionAnswering):
    first_token_use = "answers"
    merging_module = "qa_outputs"
