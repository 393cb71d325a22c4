"""LSG CamemBERT: transformers' CamemBERT with local, sparse and global attention."""

from transformers.models.camembert import modeling_camembert as camembert
from transformers.models.camembert.configuration_camembert import CamembertConfig

# All of our files are named here: transformers 4 copies what this one imports, not what those do.
from .lsg_attention import LSGSelfAttention  # noqa: F401
from .lsg_base import LSGHead
from .lsg_blocks import attend_blocks  # noqa: F401
from .lsg_config import LSGConfig
from .lsg_cpu import attend_by_views  # noqa: F401
from .lsg_generation import Generation
from .lsg_layer import bert_layer  # noqa: F401
from .lsg_layout import Layout  # noqa: F401
from .lsg_model import LSGModel, RobertaPositions
from .lsg_seq2seq import LSGSeq2SeqModel  # noqa: F401
from .lsg_sparsity import sparse_keys  # noqa: F401


class LSGCamembertConfig(LSGConfig, CamembertConfig):
    model_type = "camembert"


class LSGCamembertModel(RobertaPositions, LSGModel, camembert.CamembertModel):
    config_class = LSGCamembertConfig


class LSGCamembertHead(LSGHead):
    config_class = LSGCamembertConfig
    lsg_model = LSGCamembertModel


class LSGCamembertForCausalLM(Generation, LSGCamembertHead, camembert.CamembertForCausalLM):
    pass


class LSGCamembertForMaskedLM(LSGCamembertHead, camembert.CamembertForMaskedLM):
    pass


class LSGCamembertForSequenceClassification(LSGCamembertHead, camembert.CamembertForSequenceClassification):
    pass


class LSGCamembertForMultipleChoice(LSGCamembertHead, camembert.CamembertForMultipleChoice):
    pass


class LSGCamembertForTokenClassification(LSGCamembertHead, camembert.CamembertForTokenClassification):
    pass


class LSGCamembertForQuestionAnswering(LSGCamembertHead, camembert.CamembertForQuestionAnswering):
    pass
