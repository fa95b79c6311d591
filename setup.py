"""Packaging of mmattn; tool settings are in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
VERSION: dict[str, str] = {}
exec((HERE / 'mmattn' / 'version.py').read_text(encoding='utf-8'), VERSION)

MIM = 'tools', 'configs', 'model-index.yml'  # what a wheel carries in mmattn/.mim, where `mim` looks for it
ONEDL = ['onedl-mmengine>=0.10.12', 'onedl-mmcv>=2.3.6', 'onedl-mmsegmentation>=1.4.2']
OPENMMLAB = ['mmengine>=0.10.7', 'mmcv>=2.1,<2.2', 'mmsegmentation>=1.2.2', 'setuptools<81']
UNREQUIRED = ['ftfy', 'regex']  # mmseg imports these two without requiring them


class BuildWithTools(build_py):
    """Puts tools and configs beside the modules: copies in a wheel, links in an editable installation."""

    def run(self) -> None:
        """Builds the modules, then adds the rest."""
        super().run()
        target = Path('mmattn' if self.editable_mode else Path(self.build_lib) / 'mmattn') / '.mim'
        if not self.editable_mode and target.exists():
            shutil.rmtree(target)
        target.mkdir(parents=True, exist_ok=True)
        for name in MIM:
            source, copy = HERE / name, target / name
            if self.editable_mode:
                copy.unlink(missing_ok=True)
                copy.symlink_to(Path('..', '..', name))
            elif source.is_dir():
                shutil.copytree(source, copy, ignore=shutil.ignore_patterns('__pycache__', '*.pyc'))
            else:
                shutil.copy(source, copy)


setup(
    name='mmattn',
    version=VERSION['__version__'],
    description='Attention mechanisms and seismic salt segmentation for MMSegmentation 1.x',
    long_description=(HERE / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    author='The mmattn authors',
    license='Apache-2.0',
    license_files=['LICENSE'],
    keywords='attention, semantic segmentation, seismic, salt, SEG-Y, MMSegmentation, PyTorch',
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Science/Research',
        'Operating System :: POSIX',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Programming Language :: Python :: 3.13',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
        'Topic :: Scientific/Engineering :: Image Recognition',
        'Typing :: Typed',
    ],
    python_requires='>=3.10',
    packages=find_packages(include=['mmattn', 'mmattn.*']),
    package_data={'mmattn': ['py.typed', 'networks/*/*']},
    cmdclass={'build_py': BuildWithTools},
    entry_points={'console_scripts': ['mmattn = mmattn.cli.main:main']},
    # MMSegmentation comes by an extra, since its packages have two names each: neither is put over the other.
    # OpenCV comes with it, plain or headless.
    install_requires=[
        'torch>=2.6',  # before, reading a checkpoint as weights alone could still run code (CVE-2025-32434)
        'numpy',
        'scipy',
        'scikit-image',
        'matplotlib',
        'pillow',
        'prettytable',
        'jinja2',  # BSD-3; torch requires it, too
        'rich',
        'segyio',
        'safetensors',
    ],
    extras_require={
        'onedl': [*ONEDL, *UNREQUIRED],
        'openmmlab': [*OPENMMLAB, *UNREQUIRED],
        'zarr': ['zarr>=3'],
        'fwi': ['deepwave>=0.1.0'],  # MIT; a wheel of 100 MB
        'view': ['panel>=1.9', 'bokeh>=3.9'],  # BSD-3
        'timm': ['timm>=1.0.9'],  # with a torchvision of the same build as torch
        'onnx': ['onnx', 'onnxscript', 'onnxruntime'],
        # These compute predictions in place of PyTorch (--backend); both read ONNX.
        'onnxruntime': ['onnx', 'onnxscript', 'onnxruntime'],  # MIT
        'openvino': ['onnx', 'onnxscript', 'openvino>=2024.4'],  # Apache-2.0
        'hub': ['huggingface_hub'],
        'docs': ['mkdocs-material', 'mkdocstrings[python]'],
        'test': [
            'pytest',
            'pytest-timeout',
            'pytest-xdist',
            'hypothesis',
            'ruff',
            'onnx',
            'onnxscript',
            'onnxruntime',
            'zarr>=3; python_version >= "3.11"',  # none for Python 3.10
            'deepwave>=0.1.0',
            'nbclient',
            'meshio',  # MIT; it and trimesh (MIT) read what export-salt writes
            'trimesh',
            'ipykernel',
            'model-index',
            'triton; platform_system == "Linux"',  # its interpreter runs the fused kernels without a GPU
        ],
    },
)
