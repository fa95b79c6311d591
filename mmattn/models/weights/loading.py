"""Modules whose ``init_cfg`` reads published files and says what did not match."""

import logging

from mmengine.logging import print_log
from mmengine.model.weight_init import PretrainedInit

from mmattn.models.weights.pretrained import Pretrained


class LoadsPretrained:
    """Before MMEngine's ``BaseModule``: ``init_cfg=dict(type='Pretrained', …)`` loads as ``Pretrained`` does.

    A subclass calls ``split_init_cfg`` in its constructor, so that a wrong config is said there.
    """

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
        """Returns MMEngine's part of ``init_cfg``, and ours.

        Raises:
            TypeError: if ``init_cfg`` holds anything but dicts with a type.
            ValueError: for an unknown ``source``.
        """
        configs = [self.init_cfg] if isinstance(self.init_cfg, dict) else list(self.init_cfg or [])
        if not all(isinstance(config, dict) and 'type' in config for config in configs):
            raise TypeError(f'{type(self).__name__}: init_cfg must be dicts with a type, got {self.init_cfg!r}')
        types = ('Pretrained', PretrainedInit)
        pretrained = [{k: v for k, v in config.items() if k != 'type'} for config in configs if config['type'] in types]
        others = [config for config in configs if config['type'] not in types]
        return others, [Pretrained(**config) for config in pretrained]
