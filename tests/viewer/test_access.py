"""Addresses, tokens and ports."""

import re
import socket

import pytest

from mmattn.viewer.access import allowed_origins, free_port, new_token, page_address


def test_tokens_differ():
    tokens = {new_token() for _ in range(20)}
    assert len(tokens) == 20
    assert all(re.fullmatch('[0-9a-f]{32}', token) for token in tokens)


@pytest.mark.parametrize(
    ('host', 'name'), [('127.0.0.1', '127.0.0.1'), ('0.0.0.0', '127.0.0.1'), ('::1', '[::1]'), ('work', 'work')]
)
def test_address(host: str, name: str):
    assert page_address(host, 80, 'ab') == f'http://{name}:80/ab/'


def test_origins():
    assert allowed_origins('127.0.0.1', 80) == ['127.0.0.1:80', 'localhost:80']
    assert allowed_origins('0.0.0.0', 80) == ['*']


def test_a_taken_port():
    assert free_port('127.0.0.1', 0) > 0
    with socket.socket() as other:
        other.bind(('127.0.0.1', 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(
            ValueError, match=f"--host '127.0.0.1' and --port {port} must be .*: Address already in use"
        ):
            free_port('127.0.0.1', port)


def test_no_such_host():
    with pytest.raises(ValueError, match=r"--host '203.0.113.7' and --port 0 must be an interface of this machine"):
        free_port('203.0.113.7', 0)
