"""data2vec-text in windows: transformers' own, run on windows of inputs longer than it reads."""

from transformers.models.data2vec import modeling_data2vec_text as data2vec_text
from transformers.models.data2vec.configuration_data2vec_text import Data2VecTextConfig

from .windows_config import WindowsConfig
from .windows_merge import WindowsHead
from .windows_model import WindowsModel


class WindowsData2VecTextConfig(WindowsConfig, Data2VecTextConfig):
    model_type = "data2vec-text"


class WindowsData2VecTextModel(WindowsModel, data2vec_text.Data2VecTextModel):
    config_class = WindowsData2VecTextConfig


class WindowsData2VecTextHead(WindowsHead):
    config_class = WindowsData2VecTextConfig
    windows_model = WindowsData2VecTextModel


class WindowsData2VecTextForMaskedLM(WindowsData2VecTextHead, data2vec_text.Data2VecTextForMaskedLM):
    pass


class WindowsData2VecTextForSequenceClassification(
    WindowsData2VecTextHead, data2vec_text.Data2VecTextForSequenceClassification
):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsData2VecTextForMultipleChoice(
    WindowsData2VecTextHead, data2vec_text.Data2VecTextForMultipleChoice
):
    first_token_use = "logits"
    merging_module = "classifier"


class WindowsData2VecTextForTokenClassification(
    WindowsData2VecTextHead, data2vec_text.Data2VecTextForTokenClassification
):
    pass


class WindowsData2VecTextForQuestionAnswering(
    WindowsData2VecTextHead, data2vec_text.Data2VecTextForQuestionAnswering
):
    first_token_use = "answers"
    merging_module = "qa_outputs"
