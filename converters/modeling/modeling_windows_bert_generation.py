"""Windows of BERT-generation: transformers' BertGeneration that reads in windows."""

from transformers.models.bert_generation import modeling_bert_generation as bert_generation
from transformers.models.bert_generation.configuration_bert_generation import BertGenerationConfig

from .windows_config import WindowsConfig
from .windows_merge import WindowsHead
from .windows_model import WindowsModel


class WindowsBertGenerationConfig(WindowsConfig, BertGenerationConfig):
    model_type = "bert-generation"


class WindowsBertGenerationEncoder(WindowsModel, bert_generation.BertGenerationEncoder):
    config_class = WindowsBertGenerationConfig
