"""Packaging of mmattn; tool settings are in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION: dict[str, str] = {}
exec((HERE / 'mmattn' / 'version.py').read_text(encoding='utf-8'), VERSION)

setup(
    name='mmattn',
    version=VERSION['__version__'],
    description='Attention mechanisms and seismic salt segmentation for MMSegmentation 1.x',
    long_description=(HERE / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.10',
    packages=find_packages(include=['mmattn', 'mmattn.*']),
    install_requires=[
        'torch>=2.4',
        'onedl-mmengine>=0.10.12',
        'onedl-mmcv>=2.3.6',
        'onedl-mmsegmentation>=1.4.2',
        'ftfy',  # mmseg imports these two without requiring them
        'regex',
        'numpy',
        'opencv-python',
        'scipy',
        'scikit-image',
        'matplotlib',
        'pillow',
        'prettytable',
        'rich',
        'segyio',
    ],
    extras_require={
        'zarr': ['zarr>=3'],
        'fwi': ['deepwave>=0.1.0'],  # MIT; a wheel of 100 MB
        'timm': ['timm>=1.0.9'],  # with a torchvision of the same build as torch
        'test': [
            'pytest',
            'pytest-xdist',
            'hypothesis',
            'ruff',
            'onnx',
            'onnxscript',
            'onnxruntime',
            'zarr>=3',
            'deepwave>=0.1.0',
            'triton; platform_system == "Linux"',  # its interpreter runs the fused kernels without a GPU
        ],
    },
)
