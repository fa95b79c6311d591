# What every velocity network shares: L1 and L2 on the scale from 0 to 1, which stand for 1,500 and 4,500 m/s.
head = dict(
    type='VelocityHead',
    velocity_range=(1500.0, 4500.0),
    loss_decode=[dict(type='RegressionLoss', mode='l1'), dict(type='RegressionLoss', mode='l2')],
)
