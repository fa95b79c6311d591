"""What many refinements say together."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from mmattn.common.files import write_whole
from mmattn.studies.refinement.pictures import save_curves
from mmattn.studies.refinement.study import Outcome

_HEADS = (
    'set', 'noise', 'high-pass', 'start', 'models', 'MAE of the start', 'refined', 'with the guard',
    'salt IoU of the start', 'refined', 'lowered', 'let run, lowered', 'let run, raised', 'stopped, would have raised',
    'stopped, would have lowered',
)  # fmt: skip


@dataclass(frozen=True)
class Group:
    """Refinements of one set with one noise from one start.

    Attributes:
        group, noise, high_pass, start, models: what they are, and how many.
        mae_before, mae_after, mae_guarded: m/s, means over models: start, refined, and what ``refine`` returns.
        iou_before, iou_after: of salt, over the set; NaN where there is none.
        lowered: models whose MAE refinement lowered.
        let_lowered, let_raised: those that the guard lets run, by what became of their MAE.
        stopped_raised, stopped_lowered: those that it stops, by what would have become of it.
    """

    group: str
    noise: float
    high_pass: float
    start: str
    models: int
    mae_before: float
    mae_after: float
    mae_guarded: float
    iou_before: float
    iou_after: float
    lowered: int
    let_lowered: int
    let_raised: int
    stopped_raised: int
    stopped_lowered: int


def summary(outcomes: Sequence[Outcome], guard: float) -> list[Group]:
    """Adds up the lines of a table.

    Args:
        outcomes: of any sets.
        guard: misfit above which the guard stops.
    """
    groups = {}
    for outcome in outcomes:
        groups.setdefault((outcome.group, outcome.noise, outcome.high_pass, outcome.start), []).append(outcome)
    return [_add_up(key, rows, guard) for key, rows in groups.items()]


def _add_up(key: tuple[str, float, float, str], rows: list[Outcome], guard: float) -> Group:
    runs = np.array([row.runs(guard) for row in rows])
    before, after = (np.array([getattr(row, f'mae_{when}') for row in rows]) for when in ('before', 'after'))
    lowered = after < before
    return Group(
        *key,
        len(rows),
        float(before.mean()),
        float(after.mean()),
        float(np.where(runs, after, before).mean()),
        *(_iou(rows, when) for when in ('before', 'after')),
        *(int(which.sum()) for which in (lowered, runs & lowered, runs & ~lowered, ~runs & ~lowered, ~runs & lowered)),
    )


def _iou(rows: Sequence[Outcome], when: str) -> float:
    both = sum(getattr(row, f'both_{when}') for row in rows)
    union = sum(row.salt + getattr(row, f'found_{when}') for row in rows) - both
    return both / union if union else float('nan')


def write_report(out: Path, outcomes: Sequence[Outcome], guard: float) -> str:
    """Writes ``summary.csv``, ``summary.md`` and ``curves.png`` into a study's folder; returns the second's text."""
    groups = summary(outcomes, guard)
    names = [field.name for field in fields(Group)]
    rows = [[_text(value) for value in asdict(group).values()] for group in groups]
    write_whole(out / 'summary.csv', '\n'.join([','.join(names), *map(','.join, rows)]) + '\n')
    lines = [_HEADS, ['---'] * len(_HEADS), *rows]
    text = '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines) + '\n'
    write_whole(out / 'summary.md', f'Guard at {guard:g}.\n\n{text}')
    save_curves(out, outcomes)
    return text


def _text(value: float | str) -> str:
    if isinstance(value, float):
        return f'{value:.3f}' if value < 1 or np.isnan(value) else f'{value:.1f}'
    return str(value)
