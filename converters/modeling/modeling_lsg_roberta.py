"""LSG RoBERTa: transformers' RoBERTa with local, sparse and global attention."""

from transformers.models.roberta import modeling_roberta as roberta
from transformers.models.roberta.configuration_roberta import RobertaConfig

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


class LSGRobertaConfig(LSGConfig, RobertaConfig):
    model_type = "roberta"


class LSGRobertaModel(RobertaPositions, LSGModel, roberta.RobertaModel):
    config_class = LSGRobertaConfig


class LSGRobertaPreTrainedModel(roberta.RobertaPreTrainedModel):
    """The ColBERT library puts its class over this one, and finds it by its name."""

    config_class = LSGRobertaConfig


class LSGRobertaHead(LSGHead):
    config_class = LSGRobertaConfig
    lsg_model = LSGRobertaModel


class LSGRobertaForCausalLM(Generation, LSGRobertaHead, roberta.RobertaForCausalLM):
    pass


class LSGRobertaForMaskedLM(LSGRobertaHead, roberta.RobertaForMaskedLM):
    pass


class LSGRobertaForSequenceClassification(LSGRobertaHead, roberta.RobertaForSequenceClassification):
    pass


class LSGRobertaForMultipleChoice(LSGRobertaHead, roberta.RobertaForMultipleChoice):
    pass


class LSGRobertaForTokenClassification(LSGRobertaHead, roberta.RobertaForTokenClassification):
    pass


class LSGRobertaForQuestionAnswering(LSGRobertaHead, roberta.RobertaForQuestionAnswering):
    pass
