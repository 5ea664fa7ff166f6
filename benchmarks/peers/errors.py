"""Errors of the comparison with peers, which no command of thoraq raises.

PeerFailed
"""

from __future__ import annotations


class PeerFailed(Exception):
    """The engine ended without its rows; its last output says why."""
