"""Registers the attention layers in MMSegmentation's registry, so that configs and plugins can name them."""

from mmseg.registry import MODELS

from mmattn import attention

for _name in attention.list_attention():
    MODELS.register_module(name=_name, module=getattr(attention, _name))
