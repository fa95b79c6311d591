"""The zoo: every config has its place, the metafiles keep OpenMMLab's schema, results are those of their sources."""

import csv
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from mmengine import load

from mmattn.common.resources import config_names
from mmattn.studies.zoo import best_result, find_collection, metafiles, read_zoo, zoo_table


@pytest.fixture(scope='module')
def entries():
    root = Path(__file__).resolve().parents[2]
    return read_zoo(root / 'results', config_names())


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline='', encoding='utf-8') as file:
        return list(csv.DictReader(file))


def test_every_config_has_its_place_and_cost(entries, root: Path):
    assert {entry.name for entry in entries} == set(config_names())
    for entry in entries:
        assert entry.cost, f'python tools/zoo.py --count {entry.name}'
    with pytest.raises(ValueError, match="config 'lenet' belongs to no collection"):
        find_collection('lenet')


def test_results_are_those_of_the_tables(entries, root: Path):
    benchmarks = {
        name: {row['network']: row for row in read(root / 'results' / name)}
        for name in ('salt_benchmark_cpu.csv', 'salt_benchmark_25530_cpu.csv')
    }
    recipe = read(root / 'results' / 'salt_recipe_cpu.csv')
    document = (root / 'results' / 'README.md').read_text(encoding='utf-8')
    keys = 'mean_precision', 'salt_iou', 'boundary_f1'
    compared = 0
    for row in (row for entry in entries for row in entry.results):
        name = row['config'].split('/')[-1]
        found = [row[key] for key in keys]
        if benchmark := benchmarks.get(row['source']):
            assert found == [f'{float(benchmark[name][f"{key}_mean"]):.4f}' for key in keys], name
        elif row['source'] == 'salt_recipe_cpu.csv':
            same = ('images', 'epochs', 'precision')
            rows = [one for one in recipe if one['row'] == name and all(one[key] == row[key] for key in same)]
            of_seeds = [[one for one in rows if one['seed'] == seed] for seed in row['seed'].split()]
            means = [[np.mean([float(one[key]) for one in each]) for key in keys] for each in product(*of_seeds)]
            assert any(np.allclose([float(score) for score in found], mean, rtol=0, atol=6e-5) for mean in means), name
        elif row['boundary_f1']:
            assert f'| `{name}` | {" | ".join(found)} |' in document
        compared += bool(row['boundary_f1'])
    assert compared > 30


def test_a_result_of_no_config_is_an_error(tmp_path: Path):
    for name in ('zoo', 'costs'):
        (tmp_path / f'{name}.csv').write_text('config\ngone\n')
    with pytest.raises(ValueError, match="there is no config 'gone'"):
        read_zoo(tmp_path, {})


def test_metafiles(entries, root: Path):
    """What OpenMMLab's own tools read of them."""
    files = metafiles(entries)
    models, collections = [], {}
    for name in load_text(files['model-index.yml'])['Import']:
        content = load_text(files[name])
        models += content['Models']
        for collection in content['Collections']:
            assert {'Name', 'License', 'Metadata', 'Paper'} <= set(collection)
            collections[collection['Name']] = collection
    assert len({model['Name'] for model in models}) == len(models) == len(config_names())
    for model in models:
        assert (root / model['Config']).is_file()
        assert model['In Collection'] in collections
        for result in model.get('Results', ()):
            assert set(result) == {'Task', 'Dataset', 'Metrics'}
            assert all(isinstance(value, float) for value in result['Metrics'].values())
    best = next(model for model in models if model['Name'] == 'salt_best')
    assert best['Results'][0]['Metrics'] == {'salt IoU': 0.8492, 'mean precision': 0.816, 'boundary F1': 0.6132}
    assert best['Metadata']['Parameters'] == 2662226


def load_text(text: str) -> dict:
    import yaml

    return yaml.safe_load(text)


def test_the_schema_of_model_index(root: Path):
    """By the package that defines it."""
    modelindex = pytest.importorskip('modelindex')
    index = modelindex.load(str(root / 'model-index.yml'))
    assert index.check(silent=True) is None or not index.check_errors
    assert len(list(index.models)) == len(config_names())
    assert all(not model.check_errors for model in index.models)


def test_files_on_disk_load(root: Path):
    for name in load(root / 'model-index.yml')['Import']:
        assert load(root / name)['Models']


def test_the_table_has_a_row_for_each_result(entries):
    table = zoo_table(entries)
    for entry in entries:
        assert table.count(f'[`{entry.name}`]') == 1
        if (best := best_result(entry)) and best['mean_precision']:
            assert f'| {best["mean_precision"]} |' in table
