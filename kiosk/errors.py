# SPDX-License-Identifier: Apache-2.0
"""The error tree: families a caller can act on, each with its exit code.

Every message names the thing, the reason, and what to do. `os.EX_*` are the BSD sysexits.
"""

from __future__ import annotations

import os


class KioskError(Exception):
    """Any failure the kiosk explains itself. Its text is for people."""

    exit_code: int = os.EX_SOFTWARE


class UsageError(KioskError):
    """The command was called wrongly: change the call."""

    exit_code = os.EX_USAGE


class ConfigError(KioskError, ValueError):
    """The configuration file is wrong: all its mistakes at once."""

    exit_code = os.EX_CONFIG

    def __init__(self, source: str, mistakes: list[str]) -> None:
        self.source = source
        self.mistakes = mistakes
        listing = "\n".join(f"  - {mistake}" for mistake in mistakes)
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        super().__init__(f"{source}: {count}\n{listing}")


class ImageError(KioskError, ValueError):
    """A picture cannot be used: give another one. `code` is stable across versions."""

    exit_code = os.EX_DATAERR

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class CameraError(KioskError):
    """No picture from the camera: it may come back, so the caller may reopen it."""

    exit_code = os.EX_NOINPUT


class CameraMissing(CameraError):
    """There is no such camera, or it may not be opened."""


class CameraStalled(CameraError):
    """The camera is open but gave no new picture in time."""


class CameraGarbage(CameraError):
    """The camera gives pictures that cannot be right: blank, frozen or damaged."""


class CameraEnded(CameraError):
    """A file source that does not loop has shown its last picture."""


class WatcherFailed(KioskError):
    """What reopens the camera has failed, a fault of ours: only a new start can help."""


class ModelError(KioskError):
    """A model or its card cannot be trusted: restore the file."""

    exit_code = os.EX_DATAERR


class CatalogError(KioskError):
    """A release cannot be used: rebuild or restore it."""

    exit_code = os.EX_DATAERR


class SourceError(CatalogError):
    """The pictures or lists a release is to be built from are not usable."""


class ImportRefused(SourceError, ValueError):
    """A line of an import cannot be used, or the import as a whole. `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class FilterError(UsageError, ValueError):
    """A filter cannot be read: correct it where it says."""

    exit_code = os.EX_USAGE

    def __init__(self, text: str, position: int, expected: str, found: str) -> None:
        self.position = position
        """Character, counted from 0."""
        self.expected = expected
        start = max(0, position - 30)
        around = text[start : position + 30]
        super().__init__(
            f"filter, character {position + 1}: expected {expected}, found {found}\n"
            f"  {around}\n  {' ' * (position - start)}^"
        )


class EngineError(KioskError):
    """What computes a build cannot go on; what it has done is kept."""

    exit_code = os.EX_UNAVAILABLE


class WorkshopError(CatalogError):
    """A workshop cannot be used as asked: change what was asked, or restore it."""


class WorkshopUnreachable(WorkshopError):
    """The database of a workshop does not answer: what was told as done is; try the rest again."""

    exit_code = os.EX_TEMPFAIL


class AnnouncementError(CatalogError, ValueError):
    """What a channel says of itself cannot be used."""


class PublishError(CatalogError):
    """A release cannot be published as asked: mend what is named; readers see what they saw."""


class PlaceError(PublishError):
    """The place of a repository cannot be reached, read or written: mend it and try again."""

    exit_code = os.EX_IOERR


class SigningKeyError(PublishError):
    """A signing key is missing, locked, of the wrong role, or lies where others can read it."""


class SyncError(KioskError):
    """A sync pass came to no new release. `code` is stable; the kiosk answers as before."""

    exit_code = os.EX_TEMPFAIL

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class Offline(SyncError):
    """Nobody answered with anything that could be judged: it is tried again."""


class Stale(SyncError):
    """What is announced is past its date."""


class ClockUntrusted(SyncError):
    """The clock of this device cannot be right."""


class Tampered(SyncError):
    """What came is not what was signed, or older than what was here."""

    exit_code = os.EX_DATAERR


class Held(SyncError):
    """A release is not for this kiosk, not yet, or did not pass its checks."""

    exit_code = os.EX_UNAVAILABLE


class TooLarge(Held):
    """Who takes it takes less at once: send less, or have the limit raised."""


class IndexFault(KioskError):
    """The Annoy index cannot be trusted: exact search answers instead."""


class StateError(KioskError):
    """The state directory cannot be written: free space or fix its permissions."""

    exit_code = os.EX_CANTCREAT


class JournalMissing(StateError):
    """There is no journal to read: name another state directory."""

    exit_code = os.EX_NOINPUT


class RefusalError(KioskError, ValueError):
    """Nothing of this decision can be refused: show the item again."""

    exit_code = os.EX_DATAERR


class AdditionError(KioskError, ValueError):
    """An item cannot be enrolled as asked: change what was asked. `code` is stable."""

    exit_code = os.EX_DATAERR

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class OrderError(KioskError, ValueError):
    """An expected list cannot be used as asked: change what was asked. `code` is stable."""

    exit_code = os.EX_DATAERR

    def __init__(self, code: str, message: str, mistakes: tuple[str, ...] = ()) -> None:
        self.code = code
        self.mistakes = mistakes
        listing = "".join(f"\n  - {mistake}" for mistake in mistakes)
        super().__init__(message + listing)
        self.message = message


class DecisionMissing(StateError):
    """The journal holds no such decision: name another one."""

    exit_code = os.EX_NOINPUT


class ReleaseNeeded(CatalogError):
    """Another release than the one at hand is needed: name its folder."""

    exit_code = os.EX_NOINPUT


class BusyError(KioskError):
    """Another process holds what is needed, such as the port or the build."""

    exit_code = os.EX_TEMPFAIL


class EmbeddingError(KioskError, ValueError):
    """A vector is not usable: wrong shape, not finite or of zero length."""

    exit_code = os.EX_DATAERR
