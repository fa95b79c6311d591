"""Programs that compute a network's predictions in place of PyTorch: onnxruntime and OpenVINO, on CPUs.

A network is translated to ONNX once, which takes up to a minute, and kept in the user's cache folder under a hash of
what it consists of. Before it is used its probabilities are compared with PyTorch's, on noise and on made-up geology;
whoever has windows of a real survey compares those, too.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmattn.common.cache import keep_recent, user_cache
from mmattn.common.errors import one_line
from mmattn.common.names import BACKENDS, did_you_mean
from mmattn.seismic.synthetic import SyntheticSurvey
from mmattn.version import __version__

AGREEMENT = 1e-4
"""Largest difference of a probability from PyTorch's with which a backend is used."""
MOST = 2**31
"""Bytes of translated networks that are kept; what was used longest ago goes first."""
_NEEDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    dict(openvino=('openvino', 'onnx', 'onnxscript'), onnxruntime=('onnxruntime', 'onnx', 'onnxscript'))
)  # in the order in which 'auto' tries them, the faster first
Run = Callable[[np.ndarray], np.ndarray]


class BackendError(ValueError):
    """A backend cannot compute a network, or computes something else than PyTorch."""


class ExportedNetwork:
    """What ``encode_decode`` of a segmentor gives, computed by another program.

    Args:
        name: of the backend and its version, for people and for what a resumed run must have in common.
        run: from (N, C, H, W) float32 to (N, K, H, W).
    """

    def __init__(self, name: str, run: Run) -> None:
        self.name = name
        self._run = run

    def __call__(self, inputs: Tensor) -> Tensor:
        """Returns the logits, (N, K, H, W), of normalised and padded sections (N, C, H, W)."""
        return torch.from_numpy(np.array(self._run(inputs.detach().float().contiguous().numpy())))


def check_backend(backend: str, device: str | torch.device = 'cpu', *, amp: bool = False) -> None:
    """Checks what can be known before there is a network.

    Args:
        backend: one of ``BACKENDS``.
        device: of the network.
        amp: whether it is to compute in mixed precision.

    Raises:
        BackendError: if there is no such backend, its packages are missing, or it goes without that device or amp.
    """
    if backend not in BACKENDS:
        raise BackendError(f'backend must be {", ".join(BACKENDS)}, got {backend!r}{did_you_mean(backend, BACKENDS)}')
    if backend in ('auto', 'torch'):
        return
    device = torch.device(device)
    if device.type != 'cpu':
        raise BackendError(f'backend {backend} computes on CPUs, the network is on {device}: torch does both')
    if amp:
        raise BackendError(f'backend {backend} computes in float32: amp goes with torch alone')
    missing = [package for package in _NEEDS[backend] if find_spec(package) is None]
    if missing:
        raise BackendError(f"backend {backend} needs {', '.join(missing)}: pip install 'mmattn[{backend}]'")


def export_network(segmentor: nn.Module, backend: str, *, amp: bool = False) -> ExportedNetwork | None:
    """Lets a backend compute a segmentor.

    Args:
        segmentor: an encoder-decoder of MMSegmentation in evaluation, maybe wrapped; it stays as it is.
        backend: 'onnxruntime' or 'openvino'; 'auto' takes the first of OpenVINO and onnxruntime that is installed and
            agrees with PyTorch, and else says why not; 'torch' is PyTorch.
        amp: whether PyTorch would compute in mixed precision, which others do not.

    Returns:
        What computes the logits, or None where PyTorch does.

    Raises:
        BackendError: if a backend that was named cannot compute it, or differs by more than ``AGREEMENT``.
    """
    while is_model_wrapper(segmentor):
        segmentor = segmentor.module
    device = next(segmentor.parameters()).device
    if backend != 'auto':
        check_backend(backend, device, amp=amp)
        return None if backend == 'torch' else _exported(segmentor, backend)
    reasons = []
    for name in _NEEDS:
        try:
            check_backend(name, device, amp=amp)
            return _exported(segmentor, name)
        except BackendError as error:
            reasons.append(str(error))
    print_log(f'backend auto: torch, since {"; ".join(reasons)}', logger='current')
    return None


def run_by_backend(segmentor: nn.Module, backend: str) -> None:
    """Lets a backend compute ``encode_decode`` of a segmentor from its first call on, in place.

    The network is translated when it is first called, with the weights it then has; the sections of that call are
    computed both ways and compared.

    Args:
        segmentor: an encoder-decoder of MMSegmentation, maybe wrapped or of test-time augmentation.
        backend: as ``export_network`` takes it.
    """
    if backend == 'torch':
        return
    while is_model_wrapper(segmentor) or not hasattr(segmentor, 'encode_decode'):
        segmentor = segmentor.module
    segmentor.encode_decode = _FirstCall(segmentor, backend)


def agree(given: Tensor, expected: Tensor) -> float:
    """The largest difference of probabilities that belong to logits (N, K, H, W); infinity where one is not finite."""
    given, expected = (one.detach() for one in (given, expected))
    given, expected = (one.sigmoid() if one.shape[1] == 1 else one.softmax(dim=1) for one in (given, expected))
    difference = float((given - expected).abs().max())
    return difference if np.isfinite(difference) else float('inf')


def check_agreement(name: str, difference: float, what: str) -> None:
    """Raises BackendError where a probability differs by more than ``AGREEMENT``; ``what`` names the windows."""
    if difference > AGREEMENT:
        raise BackendError(
            f'{name} differs from PyTorch by {difference:.1g} in probability on {what}, more than {AGREEMENT:g}: '
            'it is not used'
        )


class _FirstCall:
    """Stands for ``encode_decode`` of a segmentor and chooses at the first call."""

    def __init__(self, segmentor: nn.Module, backend: str) -> None:
        self.segmentor, self.backend = segmentor, backend
        self.network: ExportedNetwork | None = None

    def __call__(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        original = type(self.segmentor).encode_decode
        if self.network is not None and _output_size(batch_img_metas) == tuple(inputs.shape[2:]):
            return self.network(inputs)
        expected = original(self.segmentor, inputs, batch_img_metas)
        if self.network is None:
            del self.segmentor.encode_decode  # it stays PyTorch's unless all below goes well
            network = export_network(self.segmentor, self.backend)
            if network is not None and _agrees_on(network, inputs, expected, self.backend):
                self.network = network
                self.segmentor.encode_decode = self
        return expected


def _agrees_on(network: ExportedNetwork, inputs: Tensor, expected: Tensor, backend: str) -> bool:
    if tuple(expected.shape[2:]) != tuple(inputs.shape[2:]):
        return True  # nothing to compare: such calls are PyTorch's
    try:
        check_agreement(network.name, agree(network(inputs), expected), 'the first images')
    except BackendError as error:
        if backend != 'auto':
            raise
        print_log(f'backend auto: torch, since {error}', logger='current')
        return False
    return True


def _output_size(metas: list[dict]) -> tuple[int, ...]:
    """The size that MMSegmentation's heads enlarge their logits to."""
    meta = metas[0]
    size = meta['img_shape'] if isinstance(meta['img_shape'], torch.Size) else meta.get('pad_shape', meta['img_shape'])
    return tuple(size[:2])


def _exported(segmentor: nn.Module, backend: str) -> ExportedNetwork:
    """Reads the translated network, or makes it, and checks it."""
    channels, multiple = _input_channels(segmentor), _multiple(segmentor)
    path = user_cache('networks') / f'{_hash(segmentor, channels)}.onnx'
    name = f'{backend} {_version(backend)}'
    windows = _windows(segmentor, channels, multiple)
    if path.is_file():
        try:
            os.utime(path)
            run = _OPEN[backend](path)
        except Exception as error:  # damaged, or of another version: it is made again
            print_log(f'{path} cannot be used and is written again: {one_line(error)}', logger='current')
        else:
            return _checked(segmentor, name, run, windows)
    from mmattn.inference.onnx_export import export_logits

    print_log(f'translating the network for {backend}, once: it is kept as {path}', logger='current')
    try:
        export_logits(segmentor, path, channels=channels)
        run = _OPEN[backend](path)
    except Exception as error:  # exporters raise anything
        raise BackendError(f'{name} cannot compute this network: {type(error).__name__}: {one_line(error)}') from error
    keep_recent(path.parent, '*.onnx', MOST)
    return _checked(segmentor, name, run, windows)


def _checked(segmentor: nn.Module, name: str, run: Run, windows: dict[str, Tensor]) -> ExportedNetwork:
    network = ExportedNetwork(name, run)
    for what, inputs in windows.items():
        size = inputs.shape[2:]
        with torch.inference_mode():
            metas = [dict(img_shape=size, pad_shape=size, ori_shape=size)] * len(inputs)
            expected = segmentor.encode_decode(inputs, metas).float()
        try:
            given = network(inputs)
        except Exception as error:
            raise BackendError(f'{name} cannot compute this network: {one_line(error)}') from error
        check_agreement(name, agree(given, expected), what)
    return network


def _windows(segmentor: nn.Module, channels: int, multiple: int) -> dict[str, Tensor]:
    """Network inputs to compare on, of two sizes."""
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal((2, channels, 2 * multiple, 3 * multiple)))
    survey = SyntheticSurvey((max(3 * multiple, 16), max(2 * multiple, 16)), seed=0)
    sections = [torch.from_numpy(survey.section(number).image).float()[None] for number in range(3)]
    sections = [section.expand(channels, -1, -1) for section in sections]
    samples = [SegDataSample(metainfo=dict(ori_shape=one.shape[1:], img_shape=one.shape[1:])) for one in sections]
    data = segmentor.data_preprocessor(dict(inputs=sections, data_samples=samples), False)
    return {'noise': noise.float(), 'made-up geology': data['inputs']}


def _hash(segmentor: nn.Module, channels: int) -> str:
    """Of everything that decides the translation. What it misses is found by the comparison."""
    digest = hashlib.sha256()
    config = getattr(segmentor, 'cfg', None)
    parts = (
        __version__,
        torch.__version__,
        _version('onnxscript'),
        channels,
        segmentor,
        config and config.get('model'),
    )
    digest.update(repr(parts).encode())
    add_weights(digest, segmentor)
    return digest.hexdigest()[:32]


def add_weights(digest, model: nn.Module) -> None:
    """Adds names, kinds and values of all tensors of a model to a digest of hashlib."""
    for name, value in model.state_dict().items():
        value = value.detach().cpu().contiguous()
        digest.update(f'{name} {value.dtype} {tuple(value.shape)}'.encode())
        digest.update(value.view(-1).view(torch.uint8).numpy() if value.numel() else b'')


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return 'unknown'


def _input_channels(segmentor: nn.Module) -> int:
    return next((module.in_channels for module in segmentor.modules() if isinstance(module, nn.Conv2d)), 1)


def _multiple(segmentor: nn.Module) -> int:
    from mmattn.inference.predictor import window_multiple

    return window_multiple(segmentor)


def _open_onnxruntime(path: Path) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
    return lambda inputs: session.run(None, {session.get_inputs()[0].name: inputs})[0]


def _open_openvino(path: Path) -> Run:
    import openvino

    settings = dict(INFERENCE_NUM_THREADS=torch.get_num_threads(), NUM_STREAMS=1, INFERENCE_PRECISION_HINT='f32')
    core = openvino.Core()
    network = core.compile_model(core.read_model(path), 'CPU', settings)
    return lambda inputs: network(inputs)[0]


_OPEN: Mapping[str, Callable[[Path], Run]] = MappingProxyType(
    dict(onnxruntime=_open_onnxruntime, openvino=_open_openvino)
)
