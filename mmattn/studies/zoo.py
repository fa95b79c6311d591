"""The zoo: every config with its source, cost and measured results, as OpenMMLab's metafiles and as a table.

What was measured stands in ``results/zoo.csv``, what networks cost in ``results/costs.csv``; everything else is made.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mmengine import dump

from mmattn.common.resources import opening_comment

TABLE = 'zoo'  # the part of docs/zoo.md that is made
_ADE, _CITYSCAPES, _TGS = 'ADE20K', 'Cityscapes', 'TGS Salt Identification Challenge'


@dataclass(frozen=True)
class Collection:
    """Networks of one source.

    Args:
        name: of the network.
        title: of the paper.
        url: of the paper.
        prefixes: that the names of its configs begin with, folders aside.
    """

    name: str
    title: str
    url: str
    prefixes: tuple[str, ...]


_ARXIV = 'https://arxiv.org/abs/'
COLLECTIONS = (
    Collection(
        'CCNet',
        'CCNet: Criss-Cross Attention for Semantic Segmentation',
        f'{_ARXIV}1811.11721',
        ('ccnet',),
    ),
    Collection('DANet', 'Dual Attention Network for Scene Segmentation', f'{_ARXIV}1809.02983', ('danet',)),
    Collection('NonLocal', 'Non-local Neural Networks', f'{_ARXIV}1711.07971', ('nonlocal',)),
    Collection(
        'U-MixFormer',
        'U-MixFormer: UNet-like Transformer with Mix-Attention for Efficient Semantic Segmentation',
        f'{_ARXIV}2312.06272',
        ('umixformer',),
    ),
    Collection(
        'FeedFormer',
        'FeedFormer: Revisiting Transformer Decoder for Efficient Semantic Segmentation',
        'https://github.com/jhshim1995/FeedFormer',
        ('feedformer',),
    ),
    Collection('SMT', 'Scale-Aware Modulation Meet Transformer', f'{_ARXIV}2307.08579', ('smt', 'upernet_smt')),
    Collection(
        'Attention U-Net',
        'Attention U-Net: Learning Where to Look for the Pancreas',
        f'{_ARXIV}1804.03999',
        ('attention_unet_salt',),
    ),
    Collection(
        'Axial-DeepLab',
        'Axial-DeepLab: Stand-Alone Axial-Attention for Panoptic Segmentation',
        f'{_ARXIV}2003.07853',
        ('axial',),
    ),
    Collection(
        'TransUNet',
        'TransUNet: Transformers Make Strong Encoders for Medical Image Segmentation',
        f'{_ARXIV}2102.04306',
        ('transunet',),
    ),
    Collection(
        'Swin-Unet',
        'Swin-Unet: Unet-like Pure Transformer for Medical Image Segmentation',
        f'{_ARXIV}2105.05537',
        ('swin_unet',),
    ),
    Collection(
        'Swin Transformer',
        'Swin Transformer: Hierarchical Vision Transformer using Shifted Windows',
        f'{_ARXIV}2103.14030',
        ('swin_salt',),
    ),
    Collection(
        'SegFormer',
        'SegFormer: Simple and Efficient Design for Semantic Segmentation with Transformers',
        f'{_ARXIV}2105.15203',
        ('segformer',),
    ),
    Collection(
        'SegNeXt',
        'SegNeXt: Rethinking Convolutional Attention Design for Semantic Segmentation',
        f'{_ARXIV}2209.08575',
        ('segnext',),
    ),
    Collection(
        'SETR',
        'Rethinking Semantic Segmentation from a Sequence-to-Sequence Perspective with Transformers',
        f'{_ARXIV}2012.15840',
        ('setr',),
    ),
    Collection(
        'Twins',
        'Twins: Revisiting the Design of Spatial Attention in Vision Transformers',
        f'{_ARXIV}2104.13840',
        ('pvt',),
    ),
    Collection(
        'InversionNet',
        'InversionNet: A Real-Time and Accurate Full Waveform Inversion with Convolutional Neural Network',
        f'{_ARXIV}1811.07875',
        ('inversionnet', 'unet_velocity', 'attention_unet_velocity'),
    ),
    Collection(
        'U-Net',
        'U-Net: Convolutional Networks for Biomedical Image Segmentation',
        f'{_ARXIV}1505.04597',
        ('salt_unet', 'salt_best', 'salt_synthetic', 'salt_recipe/'),
    ),
)


@dataclass(frozen=True)
class Entry:
    """A config of the zoo.

    Args:
        name: as ``mmattn train`` takes it.
        collection: where its network comes from.
        about: what its file says of itself.
        cost: its row of ``costs.csv``, or nothing.
        results: its rows of ``zoo.csv``.
    """

    name: str
    collection: Collection
    about: str
    cost: Mapping[str, str]
    results: tuple[Mapping[str, str], ...]

    @property
    def data(self) -> str:
        """What it trains on."""
        folder = self.name.split('/')[0]
        if folder in ('ade20k', 'cityscapes'):
            return dict(ade20k=_ADE, cityscapes=_CITYSCAPES)[folder]
        if self.name == 'salt_synthetic':
            return 'the synthetic survey'
        if 'velocity' in self.name:
            return 'shot gathers'
        return 'SEG-Y volumes' if 'segy' in self.name else _TGS


def find_collection(name: str) -> Collection:
    """Returns the collection of a config.

    Raises:
        ValueError: if none takes it.
    """
    for collection in COLLECTIONS:
        if name.startswith(collection.prefixes) or name.split('/')[-1].startswith(collection.prefixes):
            return collection
    raise ValueError(f'config {name!r} belongs to no collection of the zoo: name one in mmattn/studies/zoo.py')


def read_zoo(results: Path, configs: Mapping[str, Path]) -> list[Entry]:
    """Puts together what is known of the configs.

    Args:
        results: folder of ``zoo.csv`` and ``costs.csv``.
        configs: files by name.

    Raises:
        ValueError: if a result is of no config, or a config of no collection.
    """
    measured = _read(results / 'zoo.csv')
    costs = {row['config']: row for row in _read(results / 'costs.csv')}
    for row in (*measured, *costs.values()):
        if row['config'] not in configs:
            raise ValueError(f'{results}: there is no config {row["config"]!r}')
    entries = []
    for name, path in configs.items():
        own = tuple(row for row in measured if row['config'] == name)
        entries.append(Entry(name, find_collection(name), opening_comment(path), costs.get(name, {}), own))
    return entries


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(newline='', encoding='utf-8') as file:
        return list(csv.DictReader(file))


def metafiles(entries: Iterable[Entry]) -> dict[str, str]:
    """Returns OpenMMLab's metafiles: paths from the repository's root to their text, ``model-index.yml`` among them."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(f'configs/{Path(entry.name).parent.as_posix()}/metafile.yml'.replace('/./', '/'), []).append(
            entry
        )
    files = {}
    for path, own in sorted(groups.items()):
        collections = [collection for collection in COLLECTIONS if any(e.collection is collection for e in own)]
        content = dict(
            Collections=[_collection(collection, own) for collection in collections], Models=[_model(e) for e in own]
        )
        files[path] = dump(content, file_format='yaml', sort_keys=False, width=120, allow_unicode=True)
    index = dict(Import=sorted(files))
    return files | {'model-index.yml': dump(index, file_format='yaml', sort_keys=False)}


def _collection(collection: Collection, entries: list[Entry]) -> dict:
    data = sorted({entry.data for entry in entries if entry.collection is collection})
    return {
        'Name': collection.name,
        'License': 'Apache License 2.0',
        'Metadata': {'Training Data': data},
        'Paper': {'Title': collection.title, 'URL': collection.url},
        'Frameworks': ['PyTorch'],
    }


def _model(entry: Entry) -> dict:
    metadata: dict = {'Training Data': entry.data}
    if entry.cost:
        metadata |= {'Parameters': int(entry.cost['parameters']), 'FLOPs': int(entry.cost['multiply_adds'])}
    best = best_result(entry)
    if best:
        metadata['Epochs'] = int(best['epochs'])
        metadata |= {'Memory (GB)': round(int(best['peak_memory_mib']) / 1024, 2)} if best['peak_memory_mib'] else {}
    model = {
        'Name': entry.name.replace('/', '_'),
        'In Collection': entry.collection.name,
        'Metadata': metadata,
    }
    if best:
        names = dict(salt_iou='salt IoU', mean_precision='mean precision', boundary_f1='boundary F1')
        scores = {title: float(best[name]) for name, title in names.items() if best[name]}
        model['Results'] = [{'Task': 'Semantic Segmentation', 'Dataset': best['data'], 'Metrics': scores}]
    return model | {'Config': f'configs/{entry.name}.py'}


def best_result(entry: Entry) -> Mapping[str, str] | None:
    """Returns the result that a metafile tells: of the longest training; where a row has several seeds, their mean."""
    return max(entry.results, key=lambda row: int(row['images'] or 0), default=None)


def zoo_table(entries: Iterable[Entry], link: str = '../') -> str:
    """Returns the table of the zoo as Markdown, grouped by data; results in their own lines.

    Args:
        entries: of the zoo.
        link: way from the document to the repository's root.
    """
    lines = []
    entries = list(entries)
    for data in dict.fromkeys(entry.data for entry in sorted(entries, key=lambda entry: entry.data != _TGS)):
        lines += [f'### {data}', '']
        own = [entry for entry in entries if entry.data == data]
        scored = any(entry.results for entry in own)
        head = ['config', 'network', 'M parameters', 'G multiply-adds']
        if scored:
            head += ['images', 'precision, seed', 'mean precision', 'salt IoU', 'boundary F1', 'peak MiB', 'minutes']
        lines += [f'| {" | ".join(head)} |', f'|{"---|" * 2}{"---:|" * (len(head) - 2)}']
        for entry in own:
            lines += _rows(entry, link, scored=scored)
        lines.append('')
    return '\n'.join(lines).rstrip()


def _rows(entry: Entry, link: str, *, scored: bool) -> list[str]:
    cost = entry.cost
    start = [
        f'[`{entry.name}`]({link}configs/{entry.name}.py)',
        f'[{entry.collection.name}]({entry.collection.url})',
        f'{int(cost["parameters"]) / 1e6:.2f}' if cost else '',
        f'{int(cost["multiply_adds"]) / 1e9:.2f}' if cost else '',
    ]
    if not scored:
        return [f'| {" | ".join(start)} |']
    lines = []
    for row in entry.results or (None,):
        cells = [''] * 7
        if row is not None:
            images = f'{int(row["images"]):,}' if row['images'] else f'{row["epochs"]} epochs'
            if row['note']:
                images += f' ({row["note"]})'
            names = 'mean_precision', 'salt_iou', 'boundary_f1', 'peak_memory_mib', 'minutes'
            cells = [images, f'{row["precision"]}, {row["seed"]}', *(row[name] for name in names)]
        lines.append(f'| {" | ".join([*start, *cells])} |')
        start = [''] * len(start)
    return lines


def commands(entries: Iterable[Entry]) -> str:
    """Returns the commands of the results, as Markdown."""
    lines = dict.fromkeys(row['command'] for entry in entries for row in entry.results if row['command'])
    return '\n'.join(['```bash', *lines, '```'])
