"""LSG mBART: transformers' mBART with local, sparse and global attention in the encoder."""

from transformers.models.mbart import modeling_mbart as mbart
from transformers.models.mbart.configuration_mbart import MBartConfig

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


class LSGMBartConfig(LSGSeq2SeqConfig, MBartConfig):
    model_type = "mbart"


class LSGMBartEncoder(LSGSeq2SeqEncoder, mbart.MBartEncoder):
    pass


class LSGMBartModel(LSGSeq2SeqModel, mbart.MBartModel):
    config_class = LSGMBartConfig
    lsg_encoder = LSGMBartEncoder


class LSGMBartHead(LSGHead):
    config_class = LSGMBartConfig
    lsg_model = LSGMBartModel


class LSGMBartForConditionalGeneration(LSGMBartHead, mbart.MBartForConditionalGeneration):
    pass


class LSGMBartForSequenceClassification(LSGMBartHead, mbart.MBartForSequenceClassification):
    pass


class LSGMBartForQuestionAnswering(LSGMBartHead, mbart.MBartForQuestionAnswering):
    pass
