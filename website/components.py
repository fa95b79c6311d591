"""The registered components, found in the source: which page of the reference each belongs to.

Nothing is imported, so that the site is built without MMSegmentation; a test compares with the registries themselves.
"""

import ast
from dataclasses import dataclass
from pathlib import Path

# Page of the reference -> title, packages of ours (or single modules, by their longer name) whose components it shows
PAGES = {
    'attention': ('Attention layers', ('mmattn.attention',)),
    'backbones': ('Backbones', ('mmattn.models.backbones',)),
    'heads': ('Decode heads', ('mmattn.models.decode_heads',)),
    'necks': ('Necks', ('mmattn.models.necks',)),
    'losses': ('Losses', ('mmattn.models.losses',)),
    'models': ('Segmentors, preprocessors and initial weights', ('mmattn.models',)),
    'datasets': ('Datasets', ('mmattn.datasets',)),
    'transforms': ('Transforms', ('mmattn.datasets',)),
    'metrics': ('Metrics', ('mmattn.evaluation',)),
    'hooks': ('Hooks and optimiser wrappers', ('mmattn.engine',)),
}
# Functions and classes for Python that no config names
API = {
    'mmattn.load': ('mmattn.inference.loading.load', 'mmattn.inference.loading.SaltPredictor'),
    'mmattn.inference': (
        'mmattn.inference.sections.predict_section',
        'mmattn.inference.volume.predict_volume',
        'mmattn.inference.plan.VolumeOptions',
        'mmattn.inference.outputs.Outputs',
        'mmattn.inference.onnx_export.export_onnx',
        'mmattn.inference.onnx_export.compare_onnx',
    ),
    'mmattn.attention': (
        'mmattn.attention.registry.build_attention',
        'mmattn.attention.registry.list_attention',
        'mmattn.attention.maps.core.attention_maps',
        'mmattn.attention.maps.core.maps_of',
        'mmattn.attention.maps.core.AttentionMap',
        'mmattn.attention.maps.watching.AttentionWatch',
        'mmattn.kernels.context.use_engine',
    ),
    'mmattn.seismic': (
        'mmattn.seismic.opening.open_volume',
        'mmattn.seismic.volumes.amplitude.estimate_clip',
        'mmattn.seismic.volumes.amplitude.scale_amplitude',
        'mmattn.seismic.volumes.amplitude.to_grey',
        'mmattn.seismic.synthetic.SyntheticSurvey',
    ),
    'mmattn.checkpoints': (
        'mmattn.checkpoints.sources.convert_state_dict',
        'mmattn.checkpoints.sources.convert_checkpoint',
        'mmattn.checkpoints.sources.list_sources',
    ),
}


@dataclass(frozen=True)
class Component:
    """A registered class.

    Args:
        name: that configs name.
        path: as Python imports it.
        registry: its name, or MECHANISMS for attention layers.
    """

    name: str
    path: str
    registry: str

    @property
    def page(self) -> str:
        """Of the reference.

        Raises:
            ValueError: if there is none for it.
        """
        if self.registry == 'TRANSFORMS':
            return 'transforms'
        fitting = [
            (len(package), page)
            for page, (_, packages) in PAGES.items()
            for package in packages
            if self.path.startswith(f'{package}.') and page != 'transforms'
        ]
        if not fitting:
            raise ValueError(f'{self.path} has no page in website/components.py')
        return max(fitting)[1]


def find_components(root: Path) -> list[Component]:
    """Returns the classes that a decorator registers, in the order of their names.

    Args:
        root: of the repository.
    """
    found = []
    for path in sorted((root / 'mmattn').rglob('*.py')):
        if '.mim' in path.parts:
            continue
        module = '.'.join(path.relative_to(root).with_suffix('').parts)
        for node in ast.parse(path.read_text(encoding='utf-8')).body:
            if isinstance(node, ast.ClassDef) and (registration := _registration(node)):
                name, registry = registration
                found.append(Component(name, f'{module}.{node.name}', registry))
    return sorted(found, key=lambda component: component.name)


def _registration(node: ast.ClassDef) -> tuple[str, str] | None:
    """The name that a class is registered by, and the registry."""
    for decorator in node.decorator_list:
        if not isinstance(decorator, ast.Call):
            continue
        function = decorator.func
        if isinstance(function, ast.Name) and function.id == 'mechanism':
            return node.name, 'MECHANISMS'
        if isinstance(function, ast.Attribute) and function.attr == 'register_module':
            names = [keyword.value.value for keyword in decorator.keywords if keyword.arg == 'name']
            return (names or [node.name])[0], function.value.id
    return None


def _module(root: Path, component: Component) -> ast.Module:
    module = component.path.rpartition('.')[0]
    return ast.parse((root / Path(*module.split('.')).with_suffix('.py')).read_text(encoding='utf-8'))


def module_text(root: Path, component: Component) -> str:
    """Returns what a component's module says after its first line: the paper, and what differs from published code."""
    return (ast.get_docstring(_module(root, component)) or '').partition('\n')[2].strip()


def summary(root: Path, component: Component) -> str:
    """Returns the first line of a component's docstring."""
    name = component.path.rpartition('.')[2]
    tree = _module(root, component)
    node = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    return (ast.get_docstring(node) or '').split('\n')[0]
