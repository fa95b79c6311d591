"""What every decode head must do; a head's test inherits it in a few lines."""

import onnxruntime
import pytest
import torch
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

import mmattn  # noqa: F401  registers the heads
from tests.models.decode_heads.pyramids import pyramid, samples

BCE = dict(type='CrossEntropyLoss', use_sigmoid=True, avg_non_ignore=True)
CE = dict(type='CrossEntropyLoss', avg_non_ignore=True)


class DecodeHeadContract:
    """Set ``name``, ``channels`` and ``options`` of a tiny variant; the rest where the defaults do not do.

    Attributes:
        name: in the registry.
        channels: of the maps that the head takes: of the one map, or of each of a pyramid's four.
        options: make a variant of a few thousand parameters without stochastic depth.
        scale: how many times larger than its (shallowest) map its logits are.
        training_size: of an image on which every parameter has an effect.
        silent_parameters: what reaches no loss, as a key's bias, to which softmax is blind.
        multiple: what the exported sizes of the image must be multiples of.
        half_tolerance: mean error in float16 and bfloat16 autocast over the mean logit.
        graphs: whether compilation and export are tested; False where another variant's test says the same.
    """

    name: str
    channels: int | tuple[int, ...]
    options: dict = {}
    scale = 1
    training_size = (96, 64)
    silent_parameters: tuple[str, ...] = ()
    multiple = 32
    half_tolerance = 0.05
    graphs = True

    def build(self, outputs: int = 2, **options) -> nn.Module:
        """Returns the head for salt with one (sigmoid) or two output channels, residual weights set to act."""
        config = dict(num_classes=2, out_channels=outputs, threshold=0.5 if outputs == 1 else None)
        config |= dict(norm_cfg=dict(type='BN'), loss_decode=BCE if outputs == 1 else CE, dropout_ratio=0)
        head = MODELS.build(dict(type=self.name, in_channels=self.channels, **{**config, **self.options, **options}))
        for name, parameter in head.named_parameters():
            if name.endswith(('gamma', 'weight')) and not parameter.any():
                nn.init.constant_(parameter, 0.7)
        return head

    def maps(self, height: int, width: int, batch: int = 1) -> list[Tensor]:
        """Returns an encoder's maps for an image: strides 4 to 32, or the one map at stride 8; sizes rounded up."""
        several = isinstance(self.channels, tuple)
        maps = pyramid(height, width, batch, self.channels if several else (1, self.channels, 1, 1))
        return maps if several else maps[1:2]

    def labels(self, height: int, width: int, batch: int = 2) -> list[SegDataSample]:
        return samples(2, (height, width), batch)

    def skip_unless_graphs(self) -> None:
        if not self.graphs:
            pytest.skip('tested on another variant')

    @staticmethod
    def total(losses: dict[str, Tensor]) -> Tensor:
        return sum(value for name, value in losses.items() if 'loss' in name)

    @staticmethod
    def logits(outputs: Tensor | tuple[Tensor, ...]) -> Tensor:
        """Returns the logits that predict, of a head that gives several."""
        return outputs if isinstance(outputs, Tensor) else outputs[0]

    @pytest.mark.parametrize('size', [(101, 101), (33, 7), (1, 1)])
    def test_any_size(self, size: tuple[int, int]):
        head, maps = self.build().eval(), self.maps(*size)
        logits = self.logits(head(maps))
        assert logits.shape == (1, 2, *(self.scale * n for n in maps[0].shape[2:]))
        assert logits.isfinite().all()
        metas = [dict(img_shape=size, pad_shape=size)]
        assert head.predict(maps, metas, {}).shape == (1, 2, *size)

    @pytest.mark.parametrize('outputs', [1, 2])
    def test_gradients_reach_every_parameter(self, outputs: int):
        head = self.build(outputs).train()
        losses = head.loss(self.maps(*self.training_size, batch=2), self.labels(*self.training_size), {})
        assert {name.split('.')[-1] for name in losses} >= {'loss_ce', 'acc_seg'}
        self.total(losses).backward()
        silent = {n for n, p in head.named_parameters() if p.grad is None or not p.grad.any()}
        silent = {name for name in silent if not name.endswith(self.silent_parameters or ('?',))}
        assert not silent, sorted(silent)
        assert head.conv_seg.out_channels == outputs
        assert head.dropout is None

    @pytest.mark.parametrize('outputs', [1, 2])
    def test_ignored_labels_teach_nothing(self, outputs: int):
        # MMSegmentation's sigmoid cross entropy stops where no label counts
        loss = dict(type='LovaszHingeLoss') if outputs == 1 else CE
        head = self.build(outputs, ignore_index=7, loss_decode=loss).train()
        maps = self.maps(64, 64, batch=2)
        ignored = self.labels(64, 64)
        for sample in ignored:
            sample.gt_sem_seg.data.fill_(7)
        total = self.total(head.loss(maps, ignored, {}))
        assert total == 0
        total.backward()
        assert all(p.grad is None or p.grad.isfinite().all() for p in head.parameters())

    def test_losses_add_up(self):
        twice = [CE, dict(type='DiceLoss', loss_weight=0.5)]
        head, maps, labels = self.build(loss_decode=twice).eval(), self.maps(64, 64, batch=2), self.labels(64, 64)
        losses = head.loss(maps, labels, {})
        single = self.build(loss_decode=CE).eval()
        single.load_state_dict(head.state_dict())
        expected = single.loss(maps, labels, {})
        assert set(losses) - set(expected) == {n.replace('loss_ce', 'loss_dice') for n in expected if 'loss_ce' in n}
        for name in expected:
            torch.testing.assert_close(losses[name], expected[name])

    def test_sampler_chooses_pixels(self):
        head = self.build(sampler=dict(type='OHEMPixelSampler', thresh=0.5, min_kept=20)).eval()
        plain, maps, labels = self.build().eval(), self.maps(64, 64, batch=2), self.labels(64, 64)
        plain.load_state_dict(head.state_dict())
        hard, every = head.loss(maps, labels, {}), plain.loss(maps, labels, {})
        assert self.total(hard).isfinite()
        assert not torch.allclose(self.total(hard), self.total(every))

    def test_norm_and_activation_are_the_configs(self):
        head = self.build(norm_cfg=dict(type='GN', num_groups=2), act_cfg=dict(type='LeakyReLU'), dropout_ratio=0.3)
        kinds = [type(module) for module in head.modules()]
        assert nn.GroupNorm in kinds
        assert nn.LeakyReLU in kinds
        assert not any(issubclass(kind, _BatchNorm) for kind in kinds)
        assert isinstance(head.dropout, nn.Dropout2d)
        assert head.dropout.p == 0.3

    def test_align_corners_reaches_the_prediction(self):
        maps, metas = self.maps(48, 64), [dict(img_shape=(46, 61), pad_shape=(46, 61))]
        corners, centres = (self.build(align_corners=value).eval() for value in (True, False))
        centres.load_state_dict(corners.state_dict())
        first, second = (head.predict(maps, metas, {}) for head in (corners, centres))
        assert not torch.allclose(first, second)

    def test_save_and_load(self, tmp_path):
        first, second, maps = self.build().eval(), self.build().eval(), self.maps(48, 40)
        torch.save(first.state_dict(), tmp_path / 'head.pth')
        second.load_state_dict(torch.load(tmp_path / 'head.pth', weights_only=True))
        assert torch.equal(self.logits(first(maps)), self.logits(second(maps)))

    @pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
    def test_half_precision_is_finite_and_near(self, dtype: torch.dtype):
        head, maps = self.build().eval(), self.maps(96, 64)
        with torch.no_grad(), torch.autocast('cpu', dtype=dtype):
            half, large = self.logits(head(maps)), self.logits(head([300 * x for x in maps]))
        expected = self.logits(head(maps))
        assert large.isfinite().all()
        assert (half.float() - expected).abs().mean() < self.half_tolerance * expected.abs().mean()

    def test_compiles_in_one_graph(self):
        self.skip_unless_graphs()
        head, maps = self.build().eval().requires_grad_(False), self.maps(101, 70)
        compiled = torch.compile(head, fullgraph=True, backend='aot_eager')
        torch.testing.assert_close(self.logits(compiled(maps)), self.logits(head(maps)))

    @pytest.mark.slow
    def test_exports_with_dynamic_sizes(self, tmp_path):
        self.skip_unless_graphs()
        head, path = self.build().eval().requires_grad_(False), tmp_path / 'head.onnx'
        maps = self.maps(6 * self.multiple, 8 * self.multiple)
        height, width = (torch.export.Dim(name, min=3, max=32) for name in ('h', 'w'))
        sizes = []
        for x in maps:
            rows, columns = x.shape[2] // 6, x.shape[3] // 8
            sizes.append({2: rows * height if rows > 1 else height, 3: columns * width if columns > 1 else width})
        program = torch.export.export(head, (maps,), dynamic_shapes=(sizes,))
        torch.onnx.export(program, dynamo=True, verbose=False).save(path)
        session, maps = onnxruntime.InferenceSession(path), self.maps(3 * self.multiple, 9 * self.multiple)
        expected = self.logits(head(maps))
        torch.testing.assert_close(self.logits(program.module()(maps)), expected, rtol=1e-4, atol=1e-5)
        feed = {node.name: x.numpy() for node, x in zip(session.get_inputs(), maps, strict=True)}
        exported = torch.from_numpy(session.run(None, feed)[0])
        torch.testing.assert_close(exported, expected, rtol=1e-3, atol=1e-4)
