"""What a comparison with peers cannot do: no command of thoraq's raises these.

PeerFailed
"""

from __future__ import annotations


class PeerFailed(Exception):
    """The engine ended without its rows; its last lines say why."""
