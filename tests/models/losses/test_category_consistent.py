"""The category consistent loss against its definition by loops, at its edges, and by what minimising it does."""

import math
from itertools import permutations

import pytest
import torch
from mmseg.registry import MODELS

from mmattn.models.losses import CategoryConsistentLoss
from mmattn.models.losses.category_consistent import compactness

Vector = list[float]


def norm(vector: Vector) -> float:
    return math.sqrt(sum(value * value for value in vector))


def minus(first: Vector, second: Vector) -> Vector:
    return [a - b for a, b in zip(first, second)]


def by_definition(
    pixels: list[tuple[Vector, int]], delta_v: float, delta_d: float, alpha: float, beta: float, gamma: float
) -> float:
    def phi_var(distance: float) -> float:
        if distance > delta_d:
            return distance - delta_d + (delta_d - delta_v) ** 2
        return (distance - delta_v) ** 2 if distance > delta_v else 0.0

    def phi_dis(distance: float) -> float:
        return (2 * delta_d - distance) ** 2 if distance <= 2 * delta_d else 0.0

    classes = {label for _, label in pixels if label != 255}
    members = {c: [vector for vector, label in pixels if label == c] for c in classes}
    means = {c: [sum(column) / len(column) for column in zip(*members[c])] for c in classes}
    k = len(classes)
    l_var = sum(sum(phi_var(norm(minus(h, means[c]))) for h in members[c]) / len(members[c]) for c in classes) / k
    l_dis = sum(phi_dis(norm(minus(means[a], means[b]))) for a, b in permutations(classes, 2)) / max(k * (k - 1), 1)
    l_reg = sum(norm(means[c]) for c in classes) / k
    return alpha * l_var + beta * l_dis + gamma * l_reg


def batch(num_classes: int = 4, scale: float = 1.0, dtype=torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    feature = scale * torch.randn(3, 5, 4, 6, dtype=dtype)
    label = torch.randint(0, num_classes, (3, 4, 6))
    label[torch.rand(label.shape) < 0.2] = 255
    return feature, label


@pytest.mark.parametrize('num_classes', [1, 2, 4])
@pytest.mark.parametrize('scale', [0.2, 0.6, 3.0])
@pytest.mark.parametrize(
    'options',
    [{}, dict(delta_v=0.3, delta_d=0.9, alpha=0.7, beta=2.0, gamma=0.5), dict(alpha=0, gamma=0), dict(beta=0)],
)
def test_equals_the_definition(num_classes: int, scale: float, options: dict):
    feature, label = batch(num_classes, scale)
    pixels = list(zip(feature.permute(0, 2, 3, 1).reshape(-1, 5).tolist(), label.flatten().tolist()))
    published = dict(delta_v=0.5, delta_d=1.5, alpha=1.0, beta=1.0, gamma=0.001)
    expected = by_definition(pixels, **(published | options))
    assert CategoryConsistentLoss(**options)(feature, label).item() == pytest.approx(expected, rel=1e-9)
    halved = CategoryConsistentLoss(loss_weight=0.5, **options)(feature, label[:, None])
    assert halved.item() == pytest.approx(expected / 2, rel=1e-9)


def test_hand_computed():
    # Class 0 at (0, 0) and (4, 0), mean (2, 0); class 3 at (2, 2). Distances 2, 2 and 0; the means are 2 apart.
    feature = torch.tensor([[[[0.0, 4.0, 2.0]], [[0.0, 0.0, 2.0]]]])
    label = torch.tensor([[[0, 0, 3]]])
    l_var, l_dis, l_reg = (0.5 + 1.0) / 2, (3.0 - 2.0) ** 2, (2.0 + math.sqrt(8)) / 2
    assert CategoryConsistentLoss()(feature, label).item() == pytest.approx(l_var + l_dis + 0.001 * l_reg)


def test_compactness_is_continuous_with_the_published_slopes():
    distance = torch.tensor([0.2, 0.5, 1.0, 1.5 - 1e-9, 1.5 + 1e-9, 3.0], dtype=torch.float64, requires_grad=True)
    penalty = compactness(distance, delta_v=0.5, delta_d=1.5)
    penalty.sum().backward()
    torch.testing.assert_close(penalty, torch.tensor([0, 0, 0.25, 1, 1, 2.5], dtype=torch.float64))
    torch.testing.assert_close(distance.grad, torch.tensor([0, 0, 1, 2, 1, 1], dtype=torch.float64))


def test_a_class_is_one_group_over_the_batch():
    loss, (feature, label) = CategoryConsistentLoss(), batch()
    joined = loss(feature.transpose(0, 1).flatten(1)[None, :, None], label.flatten()[None, None])
    torch.testing.assert_close(loss(feature, label), joined)


@pytest.mark.parametrize('size', [(4, 6), (8, 12), (12, 18), (20, 30)])
def test_the_nearest_labels_count(size: tuple[int, int]):
    feature, label = batch()
    large = label.repeat_interleave(size[0] // 4, 1).repeat_interleave(size[1] // 6, 2)
    loss = CategoryConsistentLoss()
    assert loss(feature, large) == loss(feature, label)
    assert loss(feature, large.to(torch.uint8)) == loss(feature, label)


def test_of_a_larger_label_the_pixel_in_the_middle_counts():
    feature = torch.randn(1, 2, 1, 2)
    label = torch.full((1, 3, 6), 9)
    label[0, 1, 1], label[0, 1, 4] = 0, 1
    loss = CategoryConsistentLoss()
    assert loss(feature, label) == loss(feature, torch.tensor([[[0, 1]]]))


def test_ignored_pixels_do_not_matter():
    (feature, label), loss = batch(), CategoryConsistentLoss()
    changed = torch.where((label == 255)[:, None], torch.full_like(feature, 1e6), feature)
    assert loss(changed, label) == loss(feature, label)
    assert loss(feature, torch.where(label == 255, 7, label), ignore_index=7) == loss(feature, label)


def test_without_a_valid_pixel_it_is_zero_with_zero_gradient():
    feature = torch.randn(2, 5, 4, 6, requires_grad=True)
    loss = CategoryConsistentLoss()(feature, torch.full((2, 4, 6), 255))
    loss.backward()
    assert loss == 0
    assert (feature.grad == 0).all()


def test_gradients_are_finite_where_norms_are_zero():
    feature = torch.zeros(1, 3, 2, 2, requires_grad=True)
    loss = CategoryConsistentLoss()(feature, torch.tensor([[[0, 0], [1, 2]]]))
    loss.backward()
    assert loss.item() == pytest.approx(9.0)  # the means are 0 apart: (2 * 1.5)^2
    assert feature.grad.isfinite().all()


def test_gradcheck():
    feature, label = batch(scale=1.5)
    assert torch.autograd.gradcheck(lambda x: CategoryConsistentLoss()(x, label), feature.requires_grad_())


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype):
    feature, label = batch(scale=300, dtype=torch.float32)
    half = feature.to(dtype).requires_grad_()
    loss = CategoryConsistentLoss()(half, label)
    assert loss.dtype == torch.float32
    assert loss == CategoryConsistentLoss()(half.float(), label)
    loss.backward()
    assert half.grad.dtype == dtype
    assert half.grad.isfinite().all()


def test_minimising_it_separates_the_classes():
    _, label = batch(3)
    feature = (0.1 * torch.randn(3, 5, 4, 6)).requires_grad_()
    optimizer = torch.optim.Adam([feature], lr=0.05)
    for _ in range(150):
        optimizer.zero_grad()
        CategoryConsistentLoss(gamma=0)(feature, label).backward()
        optimizer.step()
    pixels = feature.detach().permute(0, 2, 3, 1)
    means = torch.stack([pixels[label == c].mean(0) for c in range(3)])
    assert torch.pdist(means).min() > 2.9
    assert all((pixels[label == c] - means[c]).norm(dim=1).max() < 0.6 for c in range(3))


def test_from_a_config():
    loss = MODELS.build(dict(type='CategoryConsistentLoss', loss_name='loss_feature'))
    assert loss.loss_name == 'loss_feature'
    assert CategoryConsistentLoss().loss_name == 'loss_ccl'


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(alpha=-1), 'alpha must be a finite number of at least 0, got -1'),
        (dict(delta_v=float('nan')), 'delta_v must be a finite number of at least 0, got nan'),
        (dict(gamma='no'), "gamma must be a number, got 'no'"),
        (dict(delta_d=0.4), 'delta_d must be at least delta_v=0.5, got 0.4'),
        (dict(loss_name='ccl'), "loss_name must start with 'loss_', got 'ccl'"),
    ],
)
def test_wrong_options_are_named(options: dict, message: str):
    with pytest.raises((TypeError, ValueError), match=f'CategoryConsistentLoss: {message}'):
        CategoryConsistentLoss(**options)


@pytest.mark.parametrize('shape', [(2, 4, 6), (3, 2, 4, 6), (4, 6)])
def test_wrong_shapes_are_named(shape: tuple[int, ...]):
    with pytest.raises(
        ValueError, match=r'expected a feature \(N, C, h, w\) and a label \(N, H, W\), got shapes \(3, 5'
    ):
        CategoryConsistentLoss()(batch()[0], torch.zeros(shape, dtype=torch.long))
