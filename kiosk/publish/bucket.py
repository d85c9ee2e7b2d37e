# SPDX-License-Identifier: Apache-2.0
"""A repository in a bucket, or anything else that fsspec reaches: `s3://bucket/folder`, `sftp://…`.

On S3 `create` and `replace` are conditional writes, so the service itself lets only one of two
writers through. Elsewhere they are looked up first, which the lock makes good enough. The lock is
an object with an owner and an end: whoever finds it past its end takes it.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import fsspec  # type: ignore[import-untyped]  # has no stubs

from kiosk.errors import BusyError, PublishError
from kiosk.publish.storage import MAX_READ_BYTES, Stored

LOCK = "publishing.json"
LOCK_S = 1800.0
"""One that was killed keeps others out for as long, but nobody on its own machine."""
_CHUNK_BYTES = 1 << 20
_IMMUTABLE = "public, max-age=31536000, immutable"
_SHORT = "public, max-age=60"
_S3 = {"s3", "s3a"}


class BucketStorage:
    """`Storage` over an fsspec file system."""

    def __init__(self, url: str, **options: Any) -> None:  # noqa: ANN401 - what fsspec takes
        """`options` go to the file system, such as a service's address. Raises PublishError."""
        self._url = url.rstrip("/")
        try:
            files, path = fsspec.core.url_to_fs(self._url, use_listings_cache=False, **options)
        except (ValueError, ImportError) as error:
            raise PublishError(f"{url}: cannot be published to ({error})") from error
        self._files, self._path = files, str(path).rstrip("/")
        protocols = {files.protocol} if isinstance(files.protocol, str) else set(files.protocol)
        self._conditional = bool(protocols & _S3)

    @property
    def address(self) -> str:
        return self._url

    def read(self, name: str) -> bytes | None:
        size = self.size(name)
        if size is None:
            return None
        if size > MAX_READ_BYTES:
            raise PublishError(f"{self._url}/{name}: is too large; restore the repository")
        try:
            return bytes(self._files.cat_file(self._full(name)))
        except FileNotFoundError:
            return None

    def size(self, name: str) -> int | None:
        found = self._info(name)
        return None if found is None else int(found["size"])

    def sha256(self, name: str) -> str:
        made = hashlib.sha256()
        with self._files.open(self._full(name), "rb", cache_type="readahead") as file:
            while block := file.read(_CHUNK_BYTES):
                made.update(block)
        return made.hexdigest()

    def create(self, name: str, source: bytes | Path) -> bool:
        if self._info(name) is not None:
            return False
        self._make_folder(name)
        said = self._said(_IMMUTABLE)
        try:
            if isinstance(source, bytes):
                self._files.pipe_file(self._full(name), source, mode=self._create_mode, **said)
            else:
                self._files.put_file(str(source), self._full(name), mode=self._create_mode, **said)
        except FileExistsError:
            return False
        return True

    def replace(self, name: str, data: bytes, before: bytes | None) -> None:
        found = self._info(name)
        if (self.read(name) if found is not None else None) != before:
            raise self._overtaken(name)
        said = self._said(_SHORT)
        if self._conditional:
            said |= {"IfNoneMatch": "*"} if found is None else {"IfMatch": found["ETag"]}
        self._make_folder(name)
        try:
            self._files.pipe_file(self._full(name), data, **said)
        except OSError as error:  # s3fs has no name of its own for an unmet condition
            if self.read(name) != before:
                raise self._overtaken(name) from error
            raise

    def names(self, folder: str) -> Iterator[Stored]:
        try:
            found = self._files.find(self._full(folder), detail=True)
        except FileNotFoundError:
            return
        for path, info in found.items():
            name = str(path).removeprefix(self._path).lstrip("/")
            yield Stored(name, int(info["size"]), _modified_s(info))

    def remove(self, name: str) -> None:
        try:
            self._files.rm_file(self._full(name))
        except FileNotFoundError:
            return

    @contextmanager
    def held(self) -> Iterator[None]:
        body = json.dumps(
            {
                "host": socket.gethostname(),
                "process": os.getpid(),
                "until": time.time() + LOCK_S,
                "token": secrets.token_hex(8),
            }
        ).encode()
        if not self.create(LOCK, body):
            before = self.read(LOCK)
            holder = _holder(before, time.time())
            if holder:
                raise BusyError(
                    f"{self._url}: {holder} is publishing here; wait for it and try again, or "
                    f"remove {LOCK} when it was stopped"
                )
            self.replace(LOCK, body, before)
        if self.read(LOCK) != body:  # a place without conditional writes let two of us through
            raise BusyError(f"{self._url}: another publisher was faster; try again")
        try:
            yield
        finally:
            if self.read(LOCK) == body:
                self.remove(LOCK)

    @property
    def _create_mode(self) -> str:
        return "create" if self._conditional else "overwrite"

    def _full(self, name: str) -> str:
        return f"{self._path}/{name}"

    def _info(self, name: str) -> dict[str, Any] | None:
        self._files.invalidate_cache()
        try:
            found: dict[str, Any] = self._files.info(self._full(name))
        except FileNotFoundError:
            return None
        return found if found["type"] == "file" else None

    def _make_folder(self, name: str) -> None:
        if not self._conditional:  # buckets have none
            self._files.makedirs(self._full(name).rpartition("/")[0], exist_ok=True)

    def _said(self, cached: str) -> dict[str, str]:
        return {"CacheControl": cached} if self._conditional else {}

    def _overtaken(self, name: str) -> BusyError:
        return BusyError(
            f"{self._url}/{name}: was changed by another publisher meanwhile; run the command again"
        )


def _holder(data: bytes | None, now_s: float) -> str:
    """Who holds a lock; empty: nobody any more. One that cannot be read is of nobody."""
    try:
        body = json.loads(data or b"{}")
        host, process, until = str(body["host"]), int(body["process"]), float(body["until"])
    except (ValueError, KeyError, TypeError):
        return ""
    gone = host == socket.gethostname() and not Path(f"/proc/{process}").exists()
    return "" if gone or until <= now_s else f"process {process} on {host}"


def _modified_s(info: dict[str, Any]) -> float:
    for key in ("LastModified", "mtime", "created", "last_modified", "modified"):
        value = info.get(key)
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, int | float):
            return float(value)
    return 0.0
