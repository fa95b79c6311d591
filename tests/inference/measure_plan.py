"""What ``predict_segy --plan`` says against what runs take.

python -m tests.inference.measure_plan FOLDER [--processor] [ROW …]

Weights are random, which takes as long. Where the third argument is --processor, all seconds are those that the process
had of its processor, which other work on the machine does not change.
"""

import shutil
import sys
import time
from pathlib import Path
from unittest.mock import patch

import torch

ROWS = {
    'small, both': ('umixformer_salt', (24, 30, 120), ('out.sgy',), {}),
    'small, inlines': ('umixformer_salt', (24, 30, 120), ('out.sgy',), dict(directions=('iline',))),
    'small, both, flip, mask': ('salt_unet_resnet34', (24, 30, 120), ('out.npy', 'mask.npy'), dict(flip=True)),
    'small, both, Zarr': ('ccnet_salt_quick', (24, 30, 120), ('out.zarr',), {}),
    'middle, both': ('umixformer_salt', (50, 60, 240), ('out.sgy',), {}),
    'middle, inlines, Zarr': ('ccnet_salt_quick', (50, 60, 240), ('out.zarr',), dict(directions=('iline',))),
    'traces, both': ('', (300, 500, 250), ('out.sgy', 'mask.sgy'), {}),
    'traces, both, Zarr': ('', (300, 500, 250), ('out.zarr',), {}),
}


def measure(name: str, folder: Path) -> str:
    """A row of the table."""
    from mmseg.apis import init_model

    import mmattn  # noqa: F401  registers
    from mmattn.cli.device import replace_sync_bn
    from mmattn.cli.launch import load_config
    from mmattn.inference import Outputs, VolumeOptions, predict_volume
    from mmattn.inference.estimate import estimate_work
    from mmattn.seismic import ArrayVolume, open_volume
    from tests.inference.models import GreyModel
    from tests.seismic.segy_files import grid_file, make_cube

    config, shape, files, options = ROWS[name]
    path = folder / 'in.sgy'
    grid_file(make_cube(shape)).write(path)
    if config:
        experiment = load_config(config)
        replace_sync_bn(experiment.model)
        model = init_model(experiment, device='cpu')
    else:
        model, options = GreyModel(), dict(options, window=(64, 64))
    options = VolumeOptions(**options)
    outputs = Outputs(folder / files[0], mask=folder / files[1] if files[1:] else None)
    with open_volume(path) as volume:  # what a process does once, such as imports, is no part of it
        slight = VolumeOptions(options.directions, window=options.window, stride=options.window, clip=1.0)
        few = ArrayVolume(volume.slab('iline', 0, 2))
        predict_volume(model, few, folder / f'warm{".zarr" if files[0].endswith(".zarr") else ".npy"}', options=slight)
        work = estimate_work(model, volume, outputs, options)
    begin = time.perf_counter()
    with open_volume(path) as volume:
        result = predict_volume(model, volume, outputs, options=options)
    took = time.perf_counter() - begin
    said = ', '.join(f'{stage} {value:.1f}' for stage, value in work.seconds.items())
    real = ', '.join(f'{stage} {value:.1f}' for stage, value in result.seconds.items())
    print(f'# said {said}; took {real}', flush=True)
    shutil.rmtree(folder)
    folder.mkdir()
    cube = ' x '.join(map(str, shape))
    return f'| {name} | {config or "a constant"} | {cube} | {work.total:.1f} | {took:.1f} | {work.total / took:.2f} |'


def main() -> None:
    """Measures."""
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    rows = [one for one in sys.argv[2:] if one != '--processor']
    clock = time.process_time if '--processor' in sys.argv else time.perf_counter
    print('| survey | config | samples | said, s | took, s | said / took |')
    print('|---|---|---|---:|---:|---:|')
    with patch.object(time, 'perf_counter', clock):
        for name in rows or ROWS:
            print(measure(name, folder), flush=True)


if __name__ == '__main__':
    main()
