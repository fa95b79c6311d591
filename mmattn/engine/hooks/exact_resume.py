"""A training that was stopped and resumed ends with the weights of one that never was, bit for bit.

mmengine starts the generators of random numbers once, when a training begins: one that is resumed draws what the
beginning drew. Here what is drawn follows from the seed and from where the training stands: the augmentation of a
sample from its position in the order of all samples, so that it is the same in whatever process it is loaded, of how
many; what the network draws from the iteration. mmengine also begins an epoch anew that a checkpoint was saved within.
"""

import math
import random
from collections.abc import Iterator

import numpy as np
import torch
from mmengine.dist import get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmseg.registry import HOOKS
from torch.utils.data import BatchSampler

_ITERATION, _SAMPLE = 1, 2
SHARE = 'processes', 'batch_size'
"""What checkpoints tell of an iteration's samples: how many processes, and samples of each."""


def derive_seed(*numbers: int) -> int:
    """Returns a seed of 32 bits that follows from numbers, none of them negative, and no others."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


class Draw(int):
    """The index of a sample that knows its position in the order of all samples that a training sees."""

    seed: int

    def __new__(cls, index: int, seed: int) -> 'Draw':
        """Returns ``index``, with the seed of what is drawn for it."""
        self = super().__new__(cls, index)
        self.seed = seed
        return self

    def __reduce__(self) -> tuple:
        """Reaches the processes that load data whole."""
        return Draw, (int(self), self.seed)


def _seed(seed: int) -> None:
    """Starts a process's generators; where they were is lost, and each iteration of training starts them anew."""
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)  # not torch.manual_seed, which would reach the GPU's too


_kinds: dict[type, type] = {}


def _seeded_kind(kind: type) -> type:
    """A dataset's class that draws for a ``Draw`` from its seed."""
    if kind in _kinds.values():
        return kind
    if kind not in _kinds:

        def getitem(self: object, index: int) -> dict:
            if not isinstance(index, Draw):
                return kind.__getitem__(self, index)
            _seed(index.seed)
            return kind.__getitem__(self, int(index))

        def reduce(self: object, protocol: int) -> tuple:
            return _rebuild, (kind, self.__dict__)

        own = {'__getitem__': getitem, '__reduce_ex__': reduce, '__module__': kind.__module__, '__doc__': kind.__doc__}
        _kinds[kind] = type(kind.__name__, (kind,), own)
    return _kinds[kind]


def _rebuild(kind: type, state: dict) -> object:
    dataset = kind.__new__(kind)
    dataset.__dict__.update(state)
    dataset.__class__ = _seeded_kind(kind)
    return dataset


class _Numbered:
    """A sampler whose indices know their position; it can begin within an epoch.

    Of several processes each takes its turn, as mmengine's samplers deal the samples out: how many there are does not
    change what is drawn for a sample.
    """

    def __init__(self, sampler: object, seed: int, *, rank: int = 0, size: int = 1) -> None:
        self.sampler, self.seed, self.rank, self.size = sampler, seed, rank, size
        self.position = self.skipped = 0

    def __iter__(self) -> Iterator[Draw]:
        skipped, self.skipped = self.skipped, 0
        for number, index in enumerate(self.sampler):
            if number >= skipped:
                position, self.position = self.position, self.position + 1
                yield Draw(index, derive_seed(self.seed, 0, _SAMPLE, position * self.size + self.rank))

    def __len__(self) -> int:
        return len(self.sampler)

    def __getattr__(self, name: str) -> object:  # set_epoch, skip and others
        if name == 'sampler':
            raise AttributeError(name)
        return getattr(self.sampler, name)


@HOOKS.register_module()
class ExactResumeHook(Hook):
    """Makes what is drawn follow from the seed and the position in training, and resumes within an epoch.

    Results do not depend on the number of processes that load data, either. Without a batch sampler of PyTorch's own,
    samples draw as mmengine has it, and a training resumes at the beginning of an epoch; that is logged.

    Checkpoints tell the number of processes and the samples of each. With as many samples an iteration as before,
    another number of processes sees the same samples in each (``tools/train.py`` sees to it); with more or fewer a
    resumed training begins its epoch anew, with a warning.
    """

    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        self._sampler: _Numbered | None = None
        self._share: dict[str, int] = {}
        self._before: dict[str, int] = {}
        self._begins = False

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Keeps how many samples an iteration had."""
        meta = checkpoint.get('meta') or {}
        self._before = {name: meta[name] for name in SHARE if name in meta} if runner._resume else {}

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Adds how many samples an iteration has."""
        checkpoint['meta'].update(self._share)

    def before_train(self, runner: Runner) -> None:
        """Numbers the samples of the training set."""
        loader = runner.train_loop.dataloader
        batches = loader.batch_sampler
        if type(batches) is not BatchSampler:
            runner.logger.warning("ExactResumeHook: the batch sampler is not PyTorch's: a resumed training will differ")
            return
        self._begins = True
        self._share = dict(zip(SHARE, (get_world_size(), loader.batch_size)))
        if getattr(loader.sampler, 'seed', None) is not None:
            loader.sampler.seed = int(runner.seed)  # a resumed training may take it from its checkpoint
        if not isinstance(batches.sampler, _Numbered):
            batches.sampler = _Numbered(batches.sampler, int(runner.seed), rank=get_rank(), size=get_world_size())
        self._sampler = batches.sampler
        loader.dataset.__class__ = _seeded_kind(type(loader.dataset))

    def before_train_epoch(self, runner: Runner) -> None:
        """Finds the position in the order of samples, within the epoch too."""
        if self._sampler is None:
            return
        loop, batch_size = runner.train_loop, runner.train_loop.dataloader.batch_size
        if isinstance(loop, EpochBasedTrainLoop):
            self._sampler.position = loop.iter * batch_size
            done = loop.iter - loop.epoch * len(loop.dataloader) if self._begins else 0
            self._begins = False
            if len(self._before) == len(SHARE) and math.prod(self._before.values()) != math.prod(self._share.values()):
                before, now = ('{processes} x {batch_size}'.format(**one) for one in (self._before, self._share))
                runner.logger.warning(
                    f'ExactResumeHook: an iteration had {before} samples (processes x batch_size), and has {now}: '
                    'epochs are counted on, and this one begins anew; the weights will differ'
                )
                done = 0
            if done > 0:
                runner.logger.info(
                    f'{done} of the {len(loop.dataloader)} iterations of epoch {loop.epoch + 1} are done'
                )
            self._sampler.skipped = max(done, 0) * batch_size
        elif hasattr(loop.dataloader.sampler, 'skip'):  # as mmengine advances it
            self._sampler.position = loop.iter * batch_size

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: object = None) -> None:
        """Seeds the generators for what the network draws."""
        seed = derive_seed(int(runner.seed), get_rank(), _ITERATION, runner.iter)
        _seed(seed)
        torch.manual_seed(seed)  # of all devices
