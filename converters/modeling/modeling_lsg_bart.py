"""LSG BART: transformers' BART with local, sparse and global attention in the encoder."""

from transformers.models.bart import modeling_bart as bart
from transformers.models.bart.configuration_bart import BartConfig

# All of our files are named here: transformers 4 copies what this one imports, not what those do.
from .lsg_attention import LSGSelfAttention  # noqa: F401
from .lsg_base import LSGHead
from .lsg_blocks import attend_blocks  # noqa: F401
from .lsg_config import LSGSeq2SeqConfig
from .lsg_cpu import attend_by_views  # noqa: F401
from .lsg_generation import LSGCache  # noqa: F401
from .lsg_layer import Layer  # noqa: F401
from .lsg_layout import Layout  # noqa: F401
from .lsg_model import LSGModel  # noqa: F401
from .lsg_seq2seq import LSGSeq2SeqEncoder, LSGSeq2SeqModel
from .lsg_sparsity import sparse_keys  # noqa: F401


class LSGBartConfig(LSGSeq2SeqConfig, BartConfig):
    model_type = "bart"


class LSGBartEncoder(LSGSeq2SeqEncoder, bart.BartEncoder):
    pass


class LSGBartModel(LSGSeq2SeqModel, bart.BartModel):
    config_class = LSGBartConfig
    lsg_encoder = LSGBartEncoder


class LSGBartHead(LSGHead):
    config_class = LSGBartConfig
    lsg_model = LSGBartModel


class LSGBartForConditionalGeneration(LSGBartHead, bart.BartForConditionalGeneration):
    pass


class LSGBartForSequenceClassification(LSGBartHead, bart.BartForSequenceClassification):
    pass


class LSGBartForQuestionAnswering(LSGBartHead, bart.BartForQuestionAnswering):
    pass
