"""ALBERT in windows: transformers' own, run on windows of inputs longer than it reads."""

from transformers.models.albert import modeling_albert as albert
from transformers.models.albert.configuration_albert import AlbertConfig

from .dense_parts import AlbertParts
from .windows_config import WindowsConfig
from .windows_merge import WindowsHead
from .windows_model import WindowsModel


class WindowsAlbertConfig(WindowsConfig, AlbertConfig):
    model_type = "albert"


class WindowsAlbertModel(AlbertParts, WindowsModel, albert.AlbertModel):
    config_class = WindowsAlbertConfig
    types_tell_texts = True


class WindowsAlbertHead(WindowsHead):
    config_class = WindowsAlbertConfig
    windows_model = WindowsAlbertModel


class WindowsAlbertForPreTraining(WindowsAlbertHead, albert.AlbertForPreTraining):
    first_token_use = "logits"
    merging_module = "sop_classifier"
    reads_tokens = True


class WindowsAlbertForMaskedLM(WindowsAlbertHead, albert.AlbertForMaskedLM):
    pass


class WindowsAlbertForSequenceClassification(WindowsAlbertHead, albert.AlbertForSequenceClassification):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsAlbertForMultipleChoice(WindowsAlbertHead, albert.AlbertForMultipleChoice):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsAlbertForTokenClassification(WindowsAlbertHead, albert.AlbertForTokenClassification):
    pass


class WindowsAlbertForQuestionAnswering(WindowsAlbertHead, albert.AlbertForQuestionAnswering):
    first_token_use = "answers"
    merging_module = "qa_outputs"
