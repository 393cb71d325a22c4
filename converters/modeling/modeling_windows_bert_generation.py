"""BERT-generation in windows: transformers' own, run on windows of inputs longer than it reads."""

from transformers.models.bert_generation import modeling_bert_generation as bert_generation
from transformers.models.bert_generation.configuration_bert_generation import BertGenerationConfig

from .windows_config import WindowsConfig
from .windows_model import WindowsModel


class WindowsBertGenerationConfig(WindowsConfig, BertGenerationConfig):
    model_type = "bert-generation"


class WindowsBertGenerationEncoder(WindowsModel, bert_generation.BertGenerationEncoder):
    config_class = WindowsBertGenerationConfig
