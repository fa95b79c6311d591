"""As many samples an iteration as before where a training is resumed by another number of processes."""

import os

from mmengine.config import Config
from mmengine.logging import print_log

from mmattn.common.errors import InputError
from mmattn.engine.hooks.exact_resume import SHARE
from mmattn.engine.processes import number_of_processes


def keep_total_batch(config: Config, content: dict, path: str) -> None:
    """Shares the samples of an iteration among the processes of a resumed training, in place.

    Args:
        config: the experiment, with ``launcher``.
        content: of the checkpoint that is resumed; older ones do not tell, and leave the config as it is.
        path: of the checkpoint, named in the message.

    Raises:
        InputError: if the processes are others than before and cannot share the samples evenly, or the config asks for
            another number of them.
    """
    meta = content.get('meta') or {}
    before, batch = (meta.get(name) for name in SHARE)
    loader = config.get('train_dataloader') or {}
    now = int(os.environ['SLURM_NTASKS']) if config.get('launcher') == 'slurm' else number_of_processes()
    if not all(type(number) is int and number > 0 for number in (before, batch)) or 'batch_size' not in loader:
        return
    total = before * batch
    if now == before or now * loader['batch_size'] == total:
        return
    said = f'--resume: an iteration of {path!r} had {total} samples, {batch} in each of {before} processes; now '
    if loader['batch_size'] != batch:
        raise InputError(
            f'{said}there are {now}, and train_dataloader.batch_size is {loader["batch_size"]}: leave it out'
        )
    if total % now:
        fit = ', '.join(str(number) for number in range(1, total + 1) if total % number == 0)
        raise InputError(
            f'{said}there are {now}, which cannot share them evenly: take {fit} processes, or start from its weights '
            '(load_from without --resume)'
        )
    loader['batch_size'] = total // now
    print_log(f'{now} processes in place of {before}: {total // now} samples in each, {total} an iteration as before',
              logger='current')  # fmt: skip
