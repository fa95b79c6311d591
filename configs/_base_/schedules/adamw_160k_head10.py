# AdamW over 160k iterations; heads learn ten times as fast, no norm decays.
_base_ = ['adamw_160k.py']
# A parameter gets what stands under the longest key that its name contains, and only what matches none gets
# norm_decay_mult: the norms of U-MixFormer's and FeedFormer's heads must be named, or they would decay.
no_decay = dict(lr_mult=10.0, decay_mult=0.0)
optim_wrapper = dict(
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        custom_keys={
            'head': dict(lr_mult=10.0),
            'query_norm': no_decay,
            'key_norm': no_decay,
            'out_norm': no_decay,
            'fuse.bn': no_decay,
            'pos_embed': dict(decay_mult=0.0),
        },
    )
)
