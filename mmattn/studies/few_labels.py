"""How many labelled tiles a network needs, from several starts: short trainings that differ in nothing else."""

import csv
import io
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmattn.cli.device import fit_to_device
from mmattn.cli.launch import build_runner, choose_work_dir, fit_to_loop, load_config
from mmattn.common.checks import check_choice, check_whole
from mmattn.common.files import write_whole
from mmattn.inference import load
from mmattn.studies.summary import mean_of

CONFIG, SHIPPED = 'salt_synthetic', 'salt-synthetic'
STARTS = (SHIPPED, 'imagenet', 'random')
BATCH = 16


@dataclass(frozen=True)
class Outcome:
    """One training.

    Args:
        start: of its weights.
        labels: tiles it saw.
        draw: which of the draws they are.
        images: that it saw, each tile many times.
        salt_iou, mean_precision: of the other fold's tiles.
    """

    start: str
    labels: int
    draw: int
    images: int
    salt_iou: float
    mean_precision: float


@dataclass(frozen=True)
class Study:
    """What is trained.

    Args:
        data: folder of tiles that ``tools/prepare_tgs.py`` wrote.
        out: folder of results.
        labels: numbers of tiles.
        starts: among ``STARTS``.
        draws: how often tiles are drawn anew.
        images: that each training sees.
        fold: that is tested on.
        imagenet: file of the encoder's ImageNet weights.
    """

    data: Path
    out: Path
    labels: Sequence[int] = (16, 64, 256, 1024)
    starts: Sequence[str] = STARTS
    draws: int = 3
    images: int = 4096
    fold: int = 0
    imagenet: str = 'data/pretrained/mobilenet_v2.pth'

    def __post_init__(self) -> None:
        for start in self.starts:
            check_choice('few_labels', 'start', start, STARTS)
        for name, values in dict(labels=self.labels, draws=[self.draws], images=[self.images]).items():
            for value in values:
                check_whole(name, value, least=1)
        if 'imagenet' in self.starts and not Path(self.imagenet).is_file():
            raise ValueError(f'imagenet: no file {self.imagenet!r}; docs/pretrained.md has the commands that make it')

    @property
    def cells(self) -> list[tuple[int, int, str]]:
        """Draw, labels and start of each training, in order: after each draw there is a whole table."""
        return [(draw, n, start) for draw in range(self.draws) for n in self.labels for start in self.starts]


def run(study: Study, progress: Callable[[int, int], None] = lambda done, total: None) -> list[Outcome]:
    """Trains what has not been trained yet; a row is on disk after each training.

    Raises:
        ValueError: if there are fewer tiles than are asked for.
    """
    found = read(study.out / 'few_labels.csv')
    done = {(one.draw, one.labels, one.start) for one in found if one.images == study.images}
    for number, cell in enumerate(study.cells):
        progress(number, len(study.cells))
        if cell not in done:
            found.append(train(study, *cell))
            write(study.out / 'few_labels.csv', found)
    progress(len(study.cells), len(study.cells))
    return found


def train(study: Study, draw: int, labels: int, start: str) -> Outcome:
    """Trains one network."""
    config = load_config(CONFIG)
    init_default_scope('mmseg')
    tiles = dict(type='SaltDataset', data_root=str(study.data), fold=study.fold, num_folds=5)
    steps = [step for step in config.train_dataloader.dataset.pipeline if step.type != 'RandomSurvey']  # one survey
    pool = dict(tiles, split='train', in_memory=True, pipeline=steps)
    size = len(DATASETS.build(deepcopy(pool)))
    if labels > size:
        raise ValueError(f'labels: {labels} of {size} tiles are asked for')
    chosen = np.random.default_rng([draw, 0]).permutation(size)[:labels]  # a larger number holds the smaller one
    repeated = dict(type='RepeatDataset', times=-(-study.images // labels), dataset=dict(pool, indices=chosen.tolist()))
    config.train_dataloader = Config(dict(config.train_dataloader, batch_size=BATCH, dataset=repeated))._cfg_dict
    test = dict(tiles, split='val', test_mode=True, pipeline=config.test_pipeline)
    config.val_dataloader = Config(dict(config.val_dataloader, dataset=test))._cfg_dict
    config.randomness = dict(seed=draw)
    config.model.backbone.init_cfg = dict(type='Pretrained', checkpoint=study.imagenet) if start == 'imagenet' else None
    if start == SHIPPED:
        config.load_from = str(study.out / 'start.pth')
        torch.save(dict(state_dict=load(SHIPPED).segmentor.float().state_dict()), config.load_from)
    name = f'{start}-{labels}-draw{draw}'
    config.experiment_name = f'few_labels_{name}'
    choose_work_dir(config, CONFIG, str(study.out / name))
    fit_to_loop(config, CONFIG)
    fit_to_device(config)
    runner = build_runner(config, CONFIG, 'train_loop', 'val_loop')
    runner.train()
    scores = [float(runner.message_hub.get_scalar(f'val/{key}').current()) for key in ('salt_iou', 'mean_precision')]
    return Outcome(start, labels, draw, study.images, *scores)


def read(path: Path) -> list[Outcome]:
    """Reads what an earlier run left."""
    if not path.is_file():
        return []
    kinds = {field.name: dict(int=int, float=float, str=str)[field.type.__name__] for field in fields(Outcome)}
    with open(path, encoding='utf-8', newline='') as file:
        return [Outcome(**{name: kinds[name](row[name]) for name in kinds}) for row in csv.DictReader(file)]


def write(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Writes all rows, or none."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Outcome)], lineterminator='\n')
    writer.writeheader()
    writer.writerows(asdict(one) for one in outcomes)
    write_whole(path, text.getvalue())


def table(outcomes: Sequence[Outcome]) -> str:
    """Returns Markdown: a row for each number of tiles, mean and spread of each start."""
    starts = [start for start in STARTS if any(one.start == start for one in outcomes)]
    lines = ['| labelled tiles | ' + ' | '.join(f'{start}: salt IoU | mean precision' for start in starts) + ' |']
    lines.append('|---:|' + '---|---|' * len(starts))
    for labels in sorted({one.labels for one in outcomes}):
        cells = []
        for start in starts:
            rows = [one for one in outcomes if (one.start, one.labels) == (start, labels)]
            cells += [mean_of([one.salt_iou for one in rows]), mean_of([one.mean_precision for one in rows])]
        lines.append(f'| {labels} | {" | ".join(cells)} |')
    return '\n'.join(lines)


def save_curves(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Draws salt IoU over labelled tiles: the mean of each start as a line, each draw as a point."""
    figure = Figure(figsize=(5, 3.2), layout='constrained')
    axes = figure.add_subplot()
    for start in STARTS:
        rows = [one for one in outcomes if one.start == start]
        labels = sorted({one.labels for one in rows})
        means = [np.mean([one.salt_iou for one in rows if one.labels == count]) for count in labels]
        (line,) = axes.plot(labels, means, label=f'from {start}')
        axes.plot([one.labels for one in rows], [one.salt_iou for one in rows], 'o', ms=3, color=line.get_color())
    axes.set_xscale('log', base=2)
    axes.set(xlabel='labelled tiles', ylabel='salt IoU', ylim=(0, 1), xticks=sorted({one.labels for one in outcomes}))
    axes.xaxis.set_major_formatter('{x:g}')
    axes.legend(frameon=False)
    figure.savefig(path, dpi=120)
