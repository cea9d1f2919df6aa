"""How a child's answer is cut into pieces on its way to the parent: a kind, a length, that many bytes.

Payloads that carry meaning are JSON, never pickles: a child that a hostile file has taken over can lie, but it cannot
make its parent run anything.
"""

import socket
import struct
from collections.abc import Iterator

DATA = b"D"
"""A piece of an exported file."""
ANSWER = b"A"
"""JSON: the answer; nothing follows."""
PROBLEM = b"P"
"""JSON: the error that ended the work; nothing follows."""

_HEAD = struct.Struct("<cI")


def send(channel: socket.socket, kind: bytes, payload: bytes) -> None:
    """Send one frame; waits for as long as the receiver is slow."""
    channel.sendall(_HEAD.pack(kind, len(payload)) + payload)


class Buffer:
    """Puts frames together again. Refuses, with `ValueError`, a frame longer than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._bytes = bytearray()

    def feed(self, received: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The frames that `received` completes."""
        self._bytes += received
        while len(self._bytes) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._bytes)
            if length > self._limit:
                raise ValueError("a frame is longer than any answer")
            end = _HEAD.size + length
            if len(self._bytes) < end:
                return
            payload = bytes(self._bytes[_HEAD.size : end])
            del self._bytes[:end]
            yield kind, payload
