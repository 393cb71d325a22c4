"""LSG BERT: transformers' BERT with local, sparse and global attention."""

from transformers.models.bert import modeling_bert as bert
from transformers.models.bert.configuration_bert import BertConfig

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


class LSGBertConfig(LSGConfig, BertConfig):
    model_type = "bert"


class LSGBertModel(LSGModel, bert.BertModel):
    config_class = LSGBertConfig


class LSGBertPreTrainedModel(bert.BertPreTrainedModel):
    """The ColBERT library puts its class over this one, and finds it by its name."""

    config_class = LSGBertConfig


class LSGBertHead(LSGHead):
    config_class = LSGBertConfig
    lsg_model = LSGBertModel


class LSGBertForPreTraining(LSGBertHead, bert.BertForPreTraining):
    pass


class LSGBertLMHeadModel(Generation, LSGBertHead, bert.BertLMHeadModel):
    pass


class LSGBertForMaskedLM(LSGBertHead, bert.BertForMaskedLM):
    pass


class LSGBertForNextSentencePrediction(LSGBertHead, bert.BertForNextSentencePrediction):
    pass


class LSGBertForSequenceClassification(LSGBertHead, bert.BertForSequenceClassification):
    pass


class LSGBertForMultipleChoice(LSGBertHead, bert.BertForMultipleChoice):
    pass


class LSGBertForTokenClassification(LSGBertHead, bert.BertForTokenClassification):
    pass


class LSGBertForQuestionAnswering(LSGBertHead, bert.BertForQuestionAnswering):
    pass
