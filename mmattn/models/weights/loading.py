"""Modules whose ``init_cfg`` reads published checkpoints and says what did not match."""

import logging
from typing import ClassVar

from mmengine.logging import print_log
from mmengine.model import BaseModule
from mmengine.model.weight_init import PretrainedInit

from mmattn.models.weights.pretrained import Pretrained


class LoadsPretrained(BaseModule):
    """A module whose ``init_cfg`` may be ``dict(type='Pretrained', checkpoint=…, prefix=None, source=None)`` of ours.

    A subclass calls ``split_init_cfg`` once when it is built, so that wrong options are known then.

    Attributes:
        sources: sources of which this module takes another part than others do, and their names.
    """

    sources: ClassVar[dict[str, str]] = {}

    def init_weights(self) -> None:
        """Initialises as MMEngine does, then loads the pretrained weights; a second call changes nothing."""
        if self.is_init:
            return
        given, (self.init_cfg, pretrained) = self.init_cfg, self.split_init_cfg()
        super().init_weights()
        self.init_cfg = given
        for weights in pretrained:
            report = weights.load_into(self)
            level = logging.INFO if report.complete else logging.WARNING
            print_log(f'{type(self).__name__}: {report}', logger='current', level=level)

    def split_init_cfg(self) -> tuple[list[dict], list[Pretrained]]:
        """Returns what MMEngine initialises by, and the checkpoints.

        Raises:
            TypeError: if ``init_cfg`` is not made of dicts with a type.
            ValueError: for an unknown ``source``.
        """
        configs = [self.init_cfg] if isinstance(self.init_cfg, dict) else list(self.init_cfg or [])
        if not all(isinstance(config, dict) and 'type' in config for config in configs):
            raise TypeError(f'{type(self).__name__}: init_cfg must be dicts with a type, got {self.init_cfg!r}')
        types = ('Pretrained', PretrainedInit)
        pretrained = [{k: v for k, v in config.items() if k != 'type'} for config in configs if config['type'] in types]
        others = [config for config in configs if config['type'] not in types]
        for config in pretrained:
            if 'source' in config:
                config['source'] = self.sources.get(config['source'], config['source'])
        return others, [Pretrained(**config) for config in pretrained]
