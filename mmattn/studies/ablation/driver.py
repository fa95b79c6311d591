"""Runs an ablation: prepares its cells, trains what is not finished, reports after each."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from mmengine.config import Config

from mmattn.cli.launch import load_config
from mmattn.costs.complexity import Complexity, input_size, segmentor_complexity
from mmattn.studies import FINISHED, Cell, Result, cells_progress, outcome, read_result, run_cell
from mmattn.studies.ablation.cells import make_cells, place_attention, resolve_attention, write_config
from mmattn.studies.ablation.report import write_report


@dataclass(frozen=True)
class Ablation:
    """What is compared.

    Args:
        config_path: the experiment.
        config: the same, with the options.
        options: ``key=value``, on top of the config.
        where: 'neck', 'head', 'backbone' or 'skip'.
        metrics: names of validation metrics to report.
        size: height and width at which networks are counted.
        out: folder of everything.
        cells: the trainings.
    """

    config_path: Path
    config: Config
    options: tuple[str, ...]
    where: str
    metrics: tuple[str, ...]
    size: tuple[int, int]
    out: Path
    cells: tuple[Cell, ...]

    @property
    def title(self) -> str:
        """Heading of the report."""
        return f'{self.config_path.stem}: attention in the {self.where}'


def plan(
    config_path: Path,
    config: Config,
    *,
    options: Sequence[str],
    attention: Sequence[str],
    seeds: Sequence[int],
    where: str,
    metrics: Sequence[str],
    size: tuple[int, int] | None,
    out: Path,
) -> Ablation:
    """Checks what is asked for; nothing is written.

    Raises:
        ValueError: if a layer is unknown, its place does not fit the config, a number is too small, or the options
            set a seed.
    """
    if any(option.startswith(('randomness', 'work_dir')) for option in options):
        raise ValueError(f'seeds and work directories are set for each cell, not by options: {" ".join(options)}')
    if min(seeds) < 0:
        raise ValueError(f'seeds must be at least 0, got {min(seeds)}')
    if size is not None and min(size) < 1:
        raise ValueError(f'size must be at least 1 x 1, got {size[0]} x {size[1]}')
    names = resolve_attention(attention)
    place_attention(config, names[-1], where)
    size = input_size(config) if size is None else size
    cells = tuple(make_cells(out, names, seeds))
    return Ablation(config_path, config, tuple(options), where, tuple(metrics), size, out, cells)


def prepare(ablation: Ablation) -> None:
    """Writes the cells' configs.

    Raises:
        ValueError: if the folder has cells of another experiment, whose results must not mix with these.
    """
    fingerprint = hashlib.sha256(json.dumps(ablation.config.to_dict(), sort_keys=True, default=str).encode())
    own = dict(where=ablation.where, config=str(ablation.config_path), fingerprint=fingerprint.hexdigest())
    path = ablation.out / 'ablation.json'
    if path.is_file():
        there = json.loads(path.read_text(encoding='utf-8'))
        if (there['where'], there['fingerprint']) != (own['where'], own['fingerprint']):
            raise ValueError(
                f'{str(ablation.out)!r} holds another ablation (where={there["where"]} of {there["config"]}, or with '
                'other options or data): take another folder'
            )
    else:
        path.write_text(json.dumps(own), encoding='utf-8')
    for cell in ablation.cells:
        changes = place_attention(ablation.config, cell.variant, ablation.where)
        write_config(cell, ablation.config_path, changes)


def run(ablation: Ablation, script: Path, parsed_options: dict | None, *, lock: int) -> list[Result]:
    """Trains what is not finished, with a report after each cell.

    Args:
        ablation: prepared.
        script: tools/train.py.
        parsed_options: ``ablation.options`` as mmengine reads them.
        lock: as ``locked`` gives it.

    Returns:
        The results of the ablation's cells; the failed ones among them.

    Raises:
        ValueError: if the metrics to report are none that the trainings have.
    """
    todo = [cell for cell in ablation.cells if read_result(cell).status != FINISHED]
    with cells_progress() as progress:
        say = partial(progress.console.print, markup=False, highlight=False, soft_wrap=True)
        say(f'{len(ablation.cells) - len(todo)} of {len(ablation.cells)} cells are finished')

        @cache
        def cost(attention: str) -> Complexity | None:
            cell = next(cell for cell in ablation.cells if cell.variant == attention)
            try:
                return segmentor_complexity(load_config(str(cell.config), parsed_options), ablation.size)
            except Exception as error:  # the training will show what is wrong; without a cost it is still worth having
                say(f'{attention}: not counted, {type(error).__name__}: {error}')
                return None

        task = progress.add_task('', total=len(todo))
        for index, cell in enumerate(todo):
            progress.update(task, description=cell.name)
            result = run_cell(
                cell,
                script,
                ablation.options,
                watch=lambda share, index=index: progress.update(task, completed=index + share),
                max_epochs=ablation.config.get('train_cfg', {}).get('max_epochs'),
                lock=lock,
                cost=cost(cell.variant),
            )
            progress.update(task, completed=index + 1)
            say(f'{cell.name}: {outcome(result, ablation.metrics)}')
            write_report(ablation.out, ablation.metrics, ablation.title)
    return [read_result(cell) for cell in ablation.cells]
