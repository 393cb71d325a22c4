"""Pegasus in windows: transformers' own, run on windows of inputs longer than its encoder reads."""

from transformers.models.pegasus import modeling_pegasus as pegasus
from transformers.models.pegasus.configuration_pegasus import PegasusConfig

from .windows_config import WindowsConfig
from .windows_merge import WindowsHead
from .windows_seq2seq import WindowsSeq2SeqEncoder, WindowsSeq2SeqModel


class WindowsPegasusConfig(WindowsConfig, PegasusConfig):
    model_type = "pegasus"


class WindowsPegasusEncoder(WindowsSeq2SeqEncoder, pegasus.PegasusEncoder):
    pass


class WindowsPegasusModel(WindowsSeq2SeqModel, pegasus.PegasusModel):
    config_class = WindowsPegasusConfig
    windows_encoder = WindowsPegasusEncoder


class WindowsPegasusHead(WindowsHead):
    config_class = WindowsPegasusConfig
    windows_model = WindowsPegasusModel


class WindowsPegasusForConditionalGeneration(WindowsPegasusHead, pegasus.PegasusForConditionalGeneration):
    pass
