"""What every backbone of ours must do; a backbone's test inherits it in a few lines."""

import inspect
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil

import onnxruntime
import pytest
import torch
from mmengine.logging import MMLogger
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def logged() -> Iterator[list[str]]:
    """Collects what is said to MMEngine's current logger."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(f'{record.levelname} {record.getMessage()}')
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)


class BackboneContract:
    """Set ``name``, ``options`` of a tiny variant, its ``channels`` and ``frozen``; the rest where defaults do not do.

    Attributes:
        name: in the registry.
        options: make a variant of some ten thousand parameters, without stochastic depth, of ``in_channels``.
        channels: of each map, in the order in which they are returned.
        strides: of each map.
        frozen: a value of ``frozen_stages`` and the prefixes of all parameters that it takes out of training.
        sizes: of images that it must take.
        training_size: an image on which every parameter has an effect.
        silent_parameters: what reaches no output in training, as a bias before a normalisation.
        graph_options: further options for compilation and export, whose time grows steeply with the number of blocks:
            leave out those that repeat others.
        exports: whether the mechanism can be exported with dynamic sizes.
        multiple: what the exported sizes must be multiples of.
    """

    name: str
    options: dict
    channels: tuple[int, ...]
    frozen: tuple[int, tuple[str, ...]]
    in_channels = 2
    strides: tuple[int, ...] = (4, 8, 16, 32)
    sizes: tuple[tuple[int, int], ...] = ((64, 96), (101, 101), (5, 3), (1, 1))
    training_size = (64, 96)
    silent_parameters: tuple[str, ...] = ()
    graph_options: dict = {}
    exports, multiple = True, 1
    half_tolerance = 0.05

    def build(self, **options) -> nn.Module:
        return MODELS.build(dict(type=self.name, in_channels=self.in_channels, **{**self.options, **options}))

    def image(self, *size: int, batch: int = 1) -> Tensor:
        return torch.randn(batch, self.in_channels, *size)

    @staticmethod
    def length(length: int, stride: int) -> int:
        """Returns how long an axis of an image is at a stride."""
        return ceil(length / stride)

    def has(self, option: str) -> bool:
        return option in inspect.signature(MODELS.get(self.name)).parameters

    def test_any_size_makes_the_pyramid(self):
        backbone = self.build().eval()
        for height, width in self.sizes:
            maps = backbone(self.image(height, width))
            sizes = [(self.length(height, stride), self.length(width, stride)) for stride in self.strides]
            assert [y.shape for y in maps] == [(1, c, *size) for c, size in zip(self.channels, sizes)]
            assert all(y.isfinite().all() for y in maps)

    def test_out_indices_choose_maps(self):
        if not self.has('out_indices'):
            pytest.skip('returns all its maps')
        backbone, x = self.build().eval(), self.image(32, 32)
        chosen = (0, len(self.channels) - 2)
        fewer = self.build(out_indices=chosen).eval()
        weights = backbone.state_dict()
        fewer.load_state_dict({name: weights[name] for name in fewer.state_dict()})
        maps = backbone(x)
        assert all(torch.equal(y, maps[i]) for i, y in zip(chosen, fewer(x), strict=True))
        with pytest.raises(ValueError, match=f'{self.name}: out_indices must be among 0 to .*, got '):
            self.build(out_indices=(0, 9))
        with pytest.raises(ValueError, match=f'{self.name}: out_indices must be a sequence of .*, got 2'):
            self.build(out_indices=2)

    def test_frozen_stages_do_not_train(self):
        stages, prefixes = self.frozen
        backbone = self.build(frozen_stages=stages).train()
        frozen = {name for name, parameter in backbone.named_parameters() if not parameter.requires_grad}
        assert frozen
        assert frozen == {name for name, _ in backbone.named_parameters() if name.startswith(prefixes)}
        before = {name: value.clone() for name, value in backbone.state_dict().items() if name.startswith(prefixes)}
        backbone(self.image(*self.training_size, batch=2))
        after = backbone.state_dict()
        assert all(torch.equal(value, after[name]) for name, value in before.items())
        assert all(parameter.requires_grad for parameter in self.build().parameters())
        with pytest.raises(ValueError, match=f'{self.name}: frozen_stages must be among -1 to .*, got 9'):
            self.build(frozen_stages=9)

    def test_norm_eval_keeps_statistics(self):
        if not self.has('norm_eval'):
            assert not any(isinstance(module, _BatchNorm) for module in self.build().modules())
            return
        for norm_eval in (True, False):
            modules = self.build(norm_eval=norm_eval).train().modules()
            modes = {module.training for module in modules if isinstance(module, _BatchNorm)}
            assert modes == {not norm_eval}

    def test_weights_come_from_a_local_file(self, tmp_path):
        first, path = self.build(), tmp_path / 'local.pth'
        for parameter in first.parameters():
            nn.init.normal_(parameter)
        torch.save(dict(state_dict={f'backbone.{k}': v for k, v in first.state_dict().items()}), path)
        second = self.build(init_cfg=dict(type='Pretrained', checkpoint=str(path), prefix='backbone'))
        with logged() as lines:
            second.init_weights()
        assert all(torch.equal(value, second.state_dict()[name]) for name, value in first.state_dict().items())
        total = len(first.state_dict())
        assert any(f'INFO {self.name}: {total} of {total} tensors loaded from {path}' in line for line in lines)

    def test_what_does_not_match_is_reported(self, tmp_path):
        tensors, path = self.build().state_dict(), tmp_path / 'partial.pth'
        first, *_, last = (name for name, _ in self.build().named_parameters())
        del tensors[last]
        tensors |= {first: torch.ones(1, 2, 3), 'head.weight': torch.ones(2)}
        torch.save(tensors, path)
        backbone = self.build(init_cfg=dict(type='Pretrained', checkpoint=str(path)))
        initial = backbone.state_dict()[last].clone()
        with logged() as lines:
            backbone.init_weights()
        report = next(line for line in lines if 'tensors loaded' in line)
        assert report.startswith(f'WARNING {self.name}: {len(tensors) - 2} of {len(tensors)} tensors')
        assert f'1 not in the checkpoint, left as initialised: {last}' in report
        assert f'1 of another shape, left as initialised: {first} (1, 2, 3) for (' in report
        assert '1 in the checkpoint, of no use here: head.weight' in report
        assert torch.equal(backbone.state_dict()[last], initial)

    def test_a_file_of_another_network_is_an_error(self, tmp_path):
        torch.save({'strange.weight': torch.ones(2)}, tmp_path / 'strange.pth')
        backbone = self.build(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'strange.pth')))
        with pytest.raises(ValueError, match=rf'{self.name}: no tensor of .*strange\.pth fits; prefix is None, source'):
            backbone.init_weights()
        gone = self.build(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'gone.pth')))
        with pytest.raises(FileNotFoundError, match=r"checkpoint '.*gone\.pth' is neither a file nor a URL"):
            gone.init_weights()
        with pytest.raises(TypeError, match=f"{self.name}: init_cfg must be dicts with a type, got 'x.pth'"):
            self.build(init_cfg='x.pth')
        with pytest.raises(ValueError, match=r"source must be None or one of .*, got 'nobody'"):
            self.build(init_cfg=dict(type='Pretrained', checkpoint='x.pth', source='nobody'))

    def test_gradients_reach_every_parameter(self):
        backbone = self.build().train()
        maps = backbone(self.image(*self.training_size, batch=2))
        sum((y * torch.randn_like(y)).sum() for y in maps).backward()
        silent = {n for n, p in backbone.named_parameters() if p.grad is None or not p.grad.any()}
        assert {name for name in silent if not name.endswith(self.silent_parameters or ('?',))} == set()

    @pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
    def test_half_precision_is_finite_and_near(self, dtype: torch.dtype):
        backbone, x = self.build().eval(), self.image(40, 56)
        with torch.no_grad(), torch.autocast('cpu', dtype=dtype):
            maps, large = backbone(x), backbone(1000 * x)
        assert all(y.isfinite().all() for y in large)
        for half, expected in zip(maps, backbone(x)):
            assert (half.float() - expected).abs().mean() < self.half_tolerance * expected.abs().mean()

    def test_compiles_in_one_graph(self):
        backbone, x = self.build(**self.graph_options).eval().requires_grad_(False), self.image(33, 47)
        for ours, expected in zip(torch.compile(backbone, fullgraph=True, backend='aot_eager')(x), backbone(x)):
            torch.testing.assert_close(ours, expected)

    @pytest.mark.slow
    def test_exports_with_dynamic_sizes(self, tmp_path):
        if not self.exports:
            pytest.skip('cannot be exported')
        backbone, path = self.build(**self.graph_options).eval().requires_grad_(False), tmp_path / 'backbone.onnx'
        sizes = {}
        for axis, name in ((2, 'h'), (3, 'w')):
            length = torch.export.Dim(name, min=max(64 // self.multiple, 2), max=1024 // self.multiple)
            sizes[axis] = length if self.multiple == 1 else self.multiple * length
        program = torch.export.export(backbone, (self.image(96, 128),), dynamic_shapes=(sizes,))
        torch.onnx.export(program, dynamo=True, verbose=False).save(path)
        session = onnxruntime.InferenceSession(path)
        for size in ((101, 75) if self.multiple == 1 else (96, 64), (64, 160)):
            x = self.image(*size)
            exported = session.run(None, {session.get_inputs()[0].name: x.numpy()})
            for ours, theirs, expected in zip(program.module()(x), exported, backbone(x), strict=True):
                torch.testing.assert_close(ours, expected)
                torch.testing.assert_close(torch.from_numpy(theirs), expected, rtol=1e-3, atol=1e-4)
