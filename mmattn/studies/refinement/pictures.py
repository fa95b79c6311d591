"""How refinements went: misfit, error and salt against iterations."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from mmattn.studies.refinement.study import Outcome, curve_file

_ROWS = dict(misfit='relative misfit', gain='MAE / MAE of the start', salt_iou='salt IoU')


def mean_curves(folder: Path, outcomes: Sequence[Outcome]) -> dict[str, np.ndarray]:
    """Means over the refinements of one set from one start, line by line of their tables.

    Args:
        folder: with ``curves/``.
        outcomes: at least one; all with the same options, so that their tables are equally long.

    Returns:
        The table's columns, of the misfit the geometric mean, of the salt IoU that of the models with salt; and
        ``gain``, the MAE as a share of that of the start.
    """
    tables = []
    for outcome in outcomes:
        with curve_file(folder, outcome).open(newline='', encoding='utf-8') as file:
            tables.append(list(csv.DictReader(file)))
    columns = {name: np.array([[float(row[name]) for row in table] for table in tables]) for name in tables[0][0]}
    means = {name: column.mean(axis=0) for name, column in columns.items()}
    means['misfit'] = np.exp(np.log(columns['misfit']).mean(axis=0))
    means['gain'] = (columns['mae'] / columns['mae'][:, :1]).mean(axis=0)
    known = np.isfinite(columns['salt_iou']).all(axis=1)
    means['salt_iou'] = columns['salt_iou'][known].mean(axis=0) if known.any() else np.full(len(tables[0]), np.nan)
    return means


def save_curves(folder: Path, outcomes: Sequence[Outcome]) -> Path:
    """Draws ``curves.png``: a column for each set, a line for each start and damage of the gathers."""
    groups = list(dict.fromkeys(outcome.group for outcome in outcomes))
    figure = Figure(figsize=(1 + 3.2 * len(groups), 7.5), layout='constrained')
    axes = figure.subplots(len(_ROWS), len(groups), squeeze=False, sharex=True, sharey='row')
    hows = list(dict.fromkeys((outcome.start, outcome.noise, outcome.high_pass) for outcome in outcomes))
    for column, group in enumerate(groups):
        for number, how in enumerate(hows):
            some = [one for one in outcomes if (one.group, one.start, one.noise, one.high_pass) == (group, *how)]
            if not some:
                continue
            means = mean_curves(folder, some)
            text = f'from {how[0]}' + (f', noise {how[1]:g}' if how[1] else '')
            text += (f', without {how[2]:g} Hz' if how[2] else '') + f' ({means["seconds"][-1]:.0f} s)'
            for row, name in enumerate(_ROWS):
                axes[row, column].plot(means['iteration'], means[name], f'C{number}', lw=1.2, label=text)
        axes[0, column].set_title(f'{group}, {len({one.name for one in outcomes if one.group == group})} models')
        axes[0, column].set_yscale('log')
        axes[0, column].legend(fontsize=6)
        axes[-1, column].set_xlabel('iteration')
    for row, title in enumerate(_ROWS.values()):
        axes[row, 0].set_ylabel(title)
    figure.savefig(folder / 'curves.png', dpi=120)
    return folder / 'curves.png'
