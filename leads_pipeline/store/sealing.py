"""Encryption of what is stored: AES-256-GCM, a data key for each upload, wrapped by a key from the settings.

A block is sealed under its upload's data key and bound to its place: another upload's block, one from elsewhere in the
file, or a file that was cut off does not open. The keys from the settings wrap data keys alone, so that a change of keys
touches some sixty bytes an upload. No SQL here.
"""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from leads_pipeline.errors import ContentsLost

KEY_BYTES = 32
NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Sealed:
    """A block as it is stored: its nonce (12 bytes), and the ciphertext with its tag (16 bytes longer than the block)."""

    nonce: bytes
    bytes: bytes


class DataKey:
    """The key of one upload's blocks, never stored but wrapped."""

    def __init__(self, upload_id: UUID, key: bytes | None = None) -> None:
        self.upload_id = upload_id
        self.key = key or secrets.token_bytes(KEY_BYTES)
        self._cipher = AESGCM(self.key)

    def seal(self, block: bytes, number: int, *, last: bool) -> Sealed:
        """Seal the block at `number`, counted from 0; `last` says that none follows."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return Sealed(nonce, self._cipher.encrypt(nonce, block, self._place(number, last=last)))

    def open(self, sealed: Sealed, number: int, *, last: bool) -> bytes:
        """The block. Raises `ContentsLost` when it is not the very one that was sealed there."""
        try:
            return self._cipher.decrypt(sealed.nonce, sealed.bytes, self._place(number, last=last))
        except InvalidTag as error:
            raise damaged(self.upload_id) from error

    def _place(self, number: int, *, last: bool) -> bytes:
        return self.upload_id.bytes + number.to_bytes(8, "big") + bytes([last])


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A data key as it is stored, and the id of the key that wraps it."""

    key_id: str
    bytes: bytes


@dataclass(frozen=True)
class Keyring:
    """The keys from the settings by their ids, 32 bytes each. The first wraps what is new; all of them unwrap."""

    keys: Mapping[str, bytes] = field(default_factory=dict[str, bytes], repr=False)

    @property
    def newest(self) -> str | None:
        """The id of the key that wraps; None when there is none, and nothing is encrypted."""
        return next(iter(self.keys), None)

    def wrap(self, key: DataKey) -> Wrapped:
        """The data key, wrapped by the newest key."""
        key_id = self.newest
        assert key_id is not None, "without a key nothing is wrapped"
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(self.keys[key_id]).encrypt(nonce, key.key, _bound_to(key.upload_id, key_id))
        return Wrapped(key_id, nonce + sealed)

    def unwrap(self, wrapped: Wrapped, upload_id: UUID) -> DataKey:
        """The data key. Raises `ContentsLost` when its key is not among ours, or is another one of that name."""
        if wrapped.key_id not in self.keys:
            raise ContentsLost(
                f"The contents of upload {upload_id} are encrypted under the key {wrapped.key_id}, which LEADS_CONTENTS_KEYS "
                "does not hold. Add it after the others, then map the upload again.",
                code="contents_key_missing",
                status=503,
            )
        nonce, sealed = wrapped.bytes[:NONCE_BYTES], wrapped.bytes[NONCE_BYTES:]
        cipher = AESGCM(self.keys[wrapped.key_id])
        try:
            return DataKey(upload_id, cipher.decrypt(nonce, sealed, _bound_to(upload_id, wrapped.key_id)))
        except InvalidTag as error:
            raise ContentsLost(
                f"The key {wrapped.key_id} in LEADS_CONTENTS_KEYS is not the one that upload {upload_id} was encrypted under.",
                code="contents_key_missing",
                status=503,
            ) from error


def new_key() -> str:
    """A key as the settings take it: 32 random bytes in base64."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def damaged(upload_id: UUID) -> ContentsLost:
    return ContentsLost(
        f"The stored contents of upload {upload_id} were changed or cut off since they came. Send the file again."
    )


def _bound_to(upload_id: UUID, key_id: str) -> bytes:
    return b"leads contents\0" + upload_id.bytes + key_id.encode()
