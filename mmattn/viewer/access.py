"""Who may see a page: whoever knows the token in its address."""

import secrets
import socket

_LOCAL = '127.0.0.1', 'localhost'
_HERE = {'0.0.0.0': '127.0.0.1', '::': '[::1]', '::1': '[::1]'}


def new_token() -> str:
    """128 random bits as hexadecimal digits."""
    return secrets.token_hex(16)


def page_address(host: str, port: int, token: str) -> str:
    """The address of the page, for a browser on this machine where the host stands for all its interfaces."""
    return f'http://{_HERE.get(host, host)}:{port}/{token}/'


def allowed_origins(host: str, port: int) -> list[str]:
    """Pages of which hosts may talk to the server: of this machine; of any, under the token, with another host."""
    return [f'{name}:{port}' for name in _LOCAL] if host in _LOCAL else ['*']


def free_port(host: str, port: int) -> int:
    """Returns a port that nothing listens on.

    Args:
        host: name or address of an interface of this machine.
        port: that is wanted; 0 takes any.

    Raises:
        ValueError: if there is no such interface, or the port is taken; names both.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return probe.getsockname()[1]
    except OSError as error:
        raise ValueError(
            f'--host {host!r} and --port {port} must be an interface of this machine and a free port: {error.strerror}'
        ) from None
