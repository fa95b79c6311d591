# python tools/train.py configs/salt_recipe/best_cross_entropy.py
# ../salt_best.py without the Lovász loss: cross-entropy from beginning to end.
_base_ = ['ema.py']
model = dict(decode_head=dict(empty_loss_weight=0.1, suppress_empty=True))
val_evaluator = dict(min_body=32)
test_evaluator = val_evaluator
