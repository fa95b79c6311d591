"""From windows of a section to the probability of salt: one network, many windows a call."""

import copy
import math

import numpy as np
import torch
from mmcv.cnn import fuse_conv_bn
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmseg.models.utils import resize
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmattn.common.checks import check_positive
from mmattn.evaluation import salt_probability
from mmattn.inference.backends import ExportedNetwork, check_agreement, export_network
from mmattn.models.preprocessing.data_preprocessor import SaltDataPreProcessor

BATCH_SIZE = 16
"""Windows a call unless told otherwise: below it PyTorch's 1 x 1 convolutions take a slow path on one thread."""
_AGREEMENT = 1e-4  # of probabilities, between the prepared network and the one that was given
_DEFAULT_MULTIPLE = 32  # where the data preprocessor does not say what it pads to
_TILE_CHANNELS = 'AddCoordinateChannels', 'AddDepthChannel'  # of tiles; a window of a volume has no such place
_DEFAULT_WINDOW = 256  # where neither the test settings nor the training crop say


class TilePredictor:
    """Predicts salt probability in batches of windows.

    The model itself stays as it is: a copy of it is prepared, with batch normalisation folded into the convolutions
    (where that leaves the output alone, which is tried) and weights laid out channels last.

    Args:
        model: a segmentor as ``mmseg.apis.init_model`` gives it, with one (sigmoid) or two (softmax) output channels.
        batch_size: windows a call of the network.
        flip: also predict each window with its traces reversed.
        amp: mixed precision: float16 on a GPU, bfloat16 on a CPU.
        backend: what computes: 'torch', 'onnxruntime', 'openvino', or 'auto' for the fastest of those that are
            installed and agree with PyTorch (``mmattn.inference.backends``).

    Raises:
        TypeError: if the model is no encoder-decoder segmentor.
        ValueError: if the model takes or gives another number of channels, or takes channels that only tiles have, or
            ``batch_size`` is below 1; if a backend that was named cannot compute it.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        batch_size: int = BATCH_SIZE,
        flip: bool = False,
        amp: bool = False,
        backend: str = 'torch',
    ) -> None:
        if batch_size < 1:
            raise ValueError(f'batch_size must be at least 1, got {batch_size}')
        while is_model_wrapper(model):
            model = model.module
        if not hasattr(model, 'encode_decode') or not hasattr(model, 'data_preprocessor'):
            raise TypeError(f'model must be an EncoderDecoder segmentor of MMSegmentation, got {type(model).__name__}')
        if model.out_channels not in (1, 2):
            raise ValueError(f'model must have 1 or 2 output channels for salt, it has {model.out_channels}')
        _check_channels(model)
        self.batch_size = batch_size
        self.num_views = 2 if flip else 1
        self.in_channels = _input_channels(model)
        self.multiple = window_multiple(model)
        self.temperature = temperature_of(model)
        self.device = next(model.parameters()).device
        self._is_grey = _normalises_alike(model.data_preprocessor)
        self._amp = amp
        self.model = model
        self._network: ExportedNetwork | None = None
        self._model = self._prepare(model)
        self._strict = backend != 'auto'
        self._network = export_network(self._model, backend, amp=amp)

    @property
    def backend(self) -> str:
        """What computes: 'torch', or the name and version of another program."""
        return 'torch' if self._network is None else self._network.name

    @property
    def prepared(self) -> nn.Module:
        """The copy of the model that PyTorch computes with."""
        return self._model

    def check(self, tiles: np.ndarray) -> None:
        """Compares the backend with PyTorch on windows of a survey; where 'auto' chose it, PyTorch takes over.

        Args:
            tiles: as they are predicted.

        Raises:
            ValueError: if they differ and the backend was named.
        """
        network = self._network
        if network is None:
            return
        given = self(tiles)
        self._network = None
        difference = float(np.abs(given - self(tiles)).max())
        try:
            check_agreement(network.name, difference, 'windows of the survey')
        except ValueError as error:
            if self._strict:
                raise
            print_log(f'backend auto: torch, since {error}', logger='current')
            return
        self._network = network

    @torch.inference_mode()
    def __call__(self, tiles: np.ndarray) -> np.ndarray:
        """Predicts up to ``batch_size`` windows of one size.

        Args:
            tiles: (N, num_traces, num_samples) float32 grey values, scaled as the model was trained.

        Returns:
            (num_views, N, num_traces, num_samples) float32 salt probability: as it is and, with ``flip``, flipped.
        """
        images = torch.from_numpy(tiles).to(self.device).transpose(1, 2)[:, None]
        views = [self._probability(images)]
        if self.num_views == 2:
            views.append(self._probability(images.flip(-1)).flip(-1))
        return torch.stack(views).transpose(2, 3).contiguous().cpu().numpy()

    def _probability(self, images: Tensor) -> Tensor:
        """(N, 1, H, W) grey values to (N, H, W) probability."""
        if not self._is_grey:
            images = images.expand(-1, self.in_channels, -1, -1)
        shape = tuple(images.shape[2:])
        samples = [SegDataSample(metainfo=dict(ori_shape=shape, img_shape=shape)) for _ in images]
        data = self._model.data_preprocessor(dict(inputs=list(images), data_samples=samples), False)
        inputs = data['inputs'].expand(-1, self.in_channels, -1, -1)
        metas = [dict(sample.metainfo, img_shape=inputs.shape[2:]) for sample in data['data_samples']]
        dtype = torch.float16 if self.device.type == 'cuda' else torch.bfloat16
        if self._network is not None:
            logits = self._network(inputs)
        else:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
            with torch.autocast(self.device.type, dtype=dtype, enabled=self._amp):
                logits = self._model.encode_decode(inputs, metas)
        logits = logits.float()
        left, right, top, bottom = metas[0].get('img_padding_size', metas[0].get('padding_size', (0, 0, 0, 0)))
        logits = logits[:, :, top : logits.shape[2] - bottom, left : logits.shape[3] - right]
        if tuple(logits.shape[2:]) != shape:
            logits = resize(logits, size=shape, mode='bilinear', align_corners=self._model.align_corners)
        logits = logits / self.temperature
        scores = logits.sigmoid() if logits.shape[1] == 1 else logits
        return torch.stack([salt_probability(score) for score in scores])

    def _prepare(self, model: nn.Module) -> nn.Module:
        """A copy of the model with batch normalisation folded, or a plain copy where that changes what it gives."""
        random = np.random.default_rng(0)
        tiles = random.normal(127.5, 40, (1, self.multiple, 2 * self.multiple)).astype(np.float32)
        original = _copy(model).eval()
        self._model = original
        expected = self(tiles)
        try:
            fused = _fold(original).to(memory_format=torch.channels_last)
            self._model = fused
            difference = float(np.abs(self(tiles) - expected).max())
        except (RuntimeError, ValueError, TypeError, AttributeError) as error:
            difference = math.inf
            print_log(f'batch normalisation cannot be folded: {error}', logger='current')
        if difference <= (1e-2 if self._amp else _AGREEMENT):
            return fused
        print_log(f'batch normalisation stays: folding it changes probabilities by {difference:.1g}', logger='current')
        return original.to(memory_format=torch.channels_last)


def _fold(model: nn.Module) -> nn.Module:
    """Folds batch normalisation, of parts where it fails for the whole: mmcv pairs layers by their order."""
    folded = _copy(model)
    try:
        return fuse_conv_bn(folded)
    except RuntimeError:
        folded = _copy(model)  # without what was folded by then
        for name, part in model.named_children():
            setattr(folded, name, _fold(part))
        return folded


def _normalises_alike(preprocessor: nn.Module) -> bool:
    """Tells whether all channels of a section come out alike, so that one is enough until the network."""
    return isinstance(preprocessor, SaltDataPreProcessor) and preprocessor.mean.numel() == 1


def _copy(model: nn.Module) -> nn.Module:
    """A copy that shares the model's config, which is larger than many networks."""
    config = getattr(model, 'cfg', None)
    return copy.deepcopy(model, {} if config is None else {id(config): config})


def _check_channels(model: nn.Module) -> None:
    """Refuses a model whose further channels say where in a tile a pixel lies."""
    pipeline = getattr(model, 'cfg', None) and model.cfg.get('test_pipeline')
    strange = [step['type'] for step in pipeline or () if step['type'] in _TILE_CHANNELS]
    if strange:
        raise ValueError(f'the model was trained on tiles with {strange[0]}, a channel that windows do not have')


def temperature_of(model: nn.Module) -> float:
    """What logits are divided by before they become probabilities: told in the checkpoint by tools/calibrate.py, or 1.

    Raises:
        ValueError: if it is no positive number.
    """
    meta = getattr(model, 'dataset_meta', None) or {}
    return check_positive('checkpoint', 'temperature', float(meta.get('temperature', 1.0)))


def window_multiple(model: nn.Module) -> int:
    """The multiple that the model's data preprocessor pads height and width to."""
    return int(getattr(model.data_preprocessor, 'size_divisor', 0) or _DEFAULT_MULTIPLE)


def default_window(model: nn.Module) -> tuple[int, int]:
    """The window, (height, width), for a model.

    The ``crop_size`` of its test settings if they slide, else the crop that its config trains on, else 256 x 256;
    rounded up to what the network pads to.
    """
    test_cfg = model.test_cfg or {}
    crop = test_cfg.get('crop_size') if test_cfg.get('mode') == 'slide' else None
    crop = crop or _training_crop(getattr(model, 'cfg', None))
    if crop is None:
        return _DEFAULT_WINDOW, _DEFAULT_WINDOW
    height, width = (crop, crop) if isinstance(crop, int) else crop
    multiple = window_multiple(model)
    return math.ceil(height / multiple) * multiple, math.ceil(width / multiple) * multiple


def _training_crop(config: dict | None) -> int | tuple[int, int] | None:
    """The size of the ``RandomCrop`` of the config's training pipeline."""
    pipeline = (config or {}).get('train_pipeline') or []
    crops = [step['crop_size'] for step in pipeline if step.get('type') == 'RandomCrop']
    return crops[-1] if crops else None


def _input_channels(model: nn.Module) -> int:
    """Channels of the first convolution; a section's grey values can fill one, or three alike."""
    first = next((module for module in model.modules() if isinstance(module, nn.Conv2d)), None)
    channels = first.in_channels if first is not None else 1
    if channels not in (1, 3):
        raise ValueError(f'model takes {channels} input channels; a section gives 1 (or 3 alike)')
    return channels
