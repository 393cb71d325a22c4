"""LSG Pegasus: transformers' Pegasus with local, sparse and global attention in the encoder."""

from torch import Tensor
from transformers.models.pegasus import modeling_pegasus as pegasus
from transformers.models.pegasus.configuration_pegasus import PegasusConfig

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


class LSGPegasusConfig(LSGSeq2SeqConfig, PegasusConfig):
    model_type = "pegasus"


class LSGPegasusEncoder(LSGSeq2SeqEncoder, pegasus.PegasusEncoder):
    def _positions(self, embedded: Tensor) -> Tensor:
        return self.embed_positions(embedded.shape[:2])


class LSGPegasusModel(LSGSeq2SeqModel, pegasus.PegasusModel):
    config_class = LSGPegasusConfig
    lsg_encoder = LSGPegasusEncoder


class LSGPegasusHead(LSGHead):
    config_class = LSGPegasusConfig
    lsg_model = LSGPegasusModel


class LSGPegasusForConditionalGeneration(LSGPegasusHead, pegasus.PegasusForConditionalGeneration):
    pass
