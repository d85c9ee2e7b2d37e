# SPDX-License-Identifier: Apache-2.0
"""The keys at hand: opened only when something is to be signed with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from securesystemslib.signer import Signer
from tuf.api.metadata import Key, Metadata

from kiosk.errors import SigningKeyError
from kiosk.publish.metadata import Body
from kiosk.publish.roles import holder


class KeyRing:
    """Signers by key id; each is asked for at most once."""

    def __init__(self, openers: Mapping[str, Callable[[], Signer]]) -> None:
        self._openers = dict(openers)
        self._open: dict[str, Signer] = {}

    @classmethod
    def of(cls, signers: Iterable[Signer]) -> KeyRing:
        """A ring of keys that are open already."""
        ring = cls({})
        ring._open = {signer.public_key.keyid: signer for signer in signers}
        return ring

    def has(self, key: Key) -> bool:
        return key.keyid in self._open or key.keyid in self._openers

    def signer(self, key: Key) -> Signer:
        """Raises SigningKeyError when it is not at hand, is locked or lies unsafely."""
        if key.keyid not in self._open:
            if key.keyid not in self._openers:
                raise SigningKeyError(f"the key of {holder(key)} is not at hand; give its folder")
            self._open[key.keyid] = self._openers[key.keyid]()
        return self._open[key.keyid]

    def sign(self, metadata: Metadata[Body], role: str, keys: Iterable[Key]) -> None:
        """Sign alone, with the first of `keys` that is at hand. Raises SigningKeyError."""
        metadata.sign(self.signer(self.one_of(role, keys)))

    def one_of(self, role: str, keys: Iterable[Key]) -> Key:
        """The first of `keys` that is at hand. Raises SigningKeyError."""
        named = list(keys)
        for key in named:
            if self.has(key):
                return key
        holders = " or ".join(holder(key) for key in named)
        raise SigningKeyError(
            f"no key of the role {role} is at hand; give the folder of {holders} with --keys"
        )
