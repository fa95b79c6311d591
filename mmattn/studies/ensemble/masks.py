"""How the masks of an ensemble are made, and what its members are called in a table."""

from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config

from mmattn.cli.launch import load_config
from mmattn.common.errors import InputError
from mmattn.seismic.salt.cleanup import check_thresholds
from mmattn.studies.ensemble.predictions import Member

DEFAULTS = dict(threshold=0.5, hysteresis=None, min_body=0)


def member_names(members: Sequence[Member]) -> list[str]:
    """Names them by config and checkpoint, with as many of its folders as tell them apart, at least one."""
    paths = [Path(member.checkpoint).with_suffix('').parts for member in members]
    names: list[str] = []
    for count in range(2, max(2, *map(len, paths)) + 1):
        names = [f'{Path(member.config).stem}, {"/".join(path[-count:])}' for member, path in zip(members, paths)]
        if len(set(names)) == len(names):
            break
    return names


def mask_rules(members: Sequence[Member], asked: dict[str, float | None], options: dict | None = None) -> dict:
    """Decides how masks are made of probabilities.

    Args:
        members: of the ensemble; what is not asked for is what their experiments test with.
        asked: ``threshold``, ``hysteresis`` and ``min_body`` of ``mmattn.seismic.salt_mask``; None where nothing was
            asked for.
        options: on top of the configs, as ``--cfg-options`` gives them.

    Returns:
        All three.

    Raises:
        InputError: if experiments differ in what was not asked for, or thresholds do not fit together.
    """
    configs = [_of_experiment(load_config(member.config, options)) for member in members]
    rules = {}
    for name, value in asked.items():
        of_members = [own[name] for own in configs]
        if value is None and len(set(of_members)) > 1:
            option = '--' + name.replace('_', '-')
            values = ', '.join(f'{member.config} {own}' for member, own in zip(members, of_members))
            raise InputError(f'{option} is needed: experiments of the members test with different ones, {values}')
        rules[name] = of_members[0] if value is None else value
    try:
        check_thresholds(rules['threshold'], rules['hysteresis'])
    except ValueError as error:
        raise InputError(str(error)) from None
    return rules


def _of_experiment(config: Config) -> dict:
    evaluators = config.get('test_evaluator') or {}
    evaluators = [evaluators] if isinstance(evaluators, dict) else evaluators
    salt = next((one for one in evaluators if one.get('type') == 'SaltMetric'), {})
    head = config.model.get('decode_head', {})
    head = head[-1] if isinstance(head, list) else head  # of a cascade, the last one says what is salt
    own = dict(threshold=head.get('threshold'), hysteresis=salt.get('hysteresis'), min_body=salt.get('min_body'))
    return {name: DEFAULTS[name] if value is None else value for name, value in own.items()}
