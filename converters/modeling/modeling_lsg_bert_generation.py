"""LSG BERT-generation: transformers' BertGeneration with local, sparse and global attention."""

from transformers.models.bert_generation import modeling_bert_generation as bert_generation
from transformers.models.bert_generation.configuration_bert_generation import BertGenerationConfig

# All of our files are named here: transformers 4 copies what this one imports, not what those do.
from .lsg_attention import LSGSelfAttention  # noqa: F401
from .lsg_base import LSGHead
from .lsg_blocks import attend_blocks  # noqa: F401
from .lsg_config import LSGConfig
from .lsg_cpu import attend_by_views  # noqa: F401
from .lsg_generation import Generation
from .lsg_layer import bert_layer  # noqa: F401
from .lsg_layout import Layout  # noqa: F401
from .lsg_model import LSGModel
from .lsg_seq2seq import LSGSeq2SeqModel  # noqa: F401
from .lsg_sparsity import sparse_keys  # noqa: F401


class LSGBertGenerationConfig(LSGConfig, BertGenerationConfig):
    model_type = "bert-generation"


class LSGBertGenerationEncoder(LSGModel, bert_generation.BertGenerationEncoder):
    config_class = LSGBertGenerationConfig


class LSGBertGenerationDecoder(Generation, LSGHead, bert_generation.BertGenerationDecoder):
    config_class = LSGBertGenerationConfig
    lsg_model = LSGBertGenerationEncoder
