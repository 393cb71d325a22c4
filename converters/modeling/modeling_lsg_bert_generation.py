"""LSG BERT-generation: transformers' BertGeneration with local, sparse and global attention."""

from transformers.models.bert_generation import modeling_bert_generation as bert_generation
from transformers.models.bert_generation.configuration_bert_generation import BertGenerationConfig

from .lsg_base import LSGHead
from .lsg_config import LSGConfig
from .lsg_generation import Generation
from .lsg_model import LSGModel


class LSGBertGenerationConfig(LSGConfig, BertGenerationConfig):
    model_type = "bert-generation"


class LSGBertGenerationEncoder(LSGModel, bert_generation.BertGenerationEncoder):
    config_class = LSGBertGenerationConfig


class LSGBertGenerationDecoder(Generation, LSGHead, bert_generation.BertGenerationDecoder):
    config_class = LSGBertGenerationConfig
    lsg_model = LSGBertGenerationEncoder
