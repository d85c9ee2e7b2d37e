# SPDX-License-Identifier: Apache-2.0
"""Tokens of the receiver: read strictly, followed while it runs, and never lost by a bad edit."""

from __future__ import annotations

from pathlib import Path

import pytest
from upload_parts import KIOSK

from kiosk.errors import StateError, UsageError
from kiosk.receive.tokens import ANY, TokenFile, Tokens, add_token, hashed

OTHER = "another-kiosk"


def lines(*tokens: tuple[str, str]) -> str:
    return "".join(f"{hashed(token)} {kiosk}\n" for token, kiosk in tokens)


def test_each_token_speaks_for_its_kiosk_and_comments_for_nobody(tmp_path: Path) -> None:
    path = tmp_path / "tokens.txt"
    path.write_text(f"# ours\n\n   \n{lines(('one', KIOSK), ('two', OTHER), ('shop', ANY))}# end")
    tokens = Tokens.read(path)
    asked = ("one", "two", "shop", "", "# ours", hashed("one"), "One")
    assert [tokens.kiosk_of(token) for token in asked] == [
        KIOSK, OTHER, ANY, None, None, None, None
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "x",
        f"{'0' * 64}",
        f"{'0' * 63} {KIOSK}",
        f"{'G' * 64} {KIOSK}",
        f"{'é' * 64} {KIOSK}",
        f"{'0' * 64} a/b",
    ]
    + [f"{'0' * 64} {KIOSK} more", f"{KIOSK} {'0' * 64}"],
)
def test_a_line_that_says_something_else_is_named_by_its_number(line: str, tmp_path: Path) -> None:
    path = tmp_path / "tokens.txt"
    path.write_text(f"{lines(('one', KIOSK))}\n{line}\n")
    with pytest.raises(StateError, match=r"tokens\.txt.*line 3"):
        Tokens.read(path)


def test_a_token_is_known_and_forgotten_without_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "tokens.txt"
    first = add_token(path, KIOSK)
    followed = TokenFile(path)
    assert followed.kiosk_of(first) == KIOSK
    second = add_token(path, OTHER)
    assert [followed.kiosk_of(each) for each in (first, second)] == [KIOSK, OTHER]
    path.write_text(lines((second, ANY)))
    assert [followed.kiosk_of(each) for each in (first, second)] == [None, ANY]


@pytest.mark.parametrize("text", ["half a li", None])
def test_a_bad_edit_keeps_everybody_who_was_known(
    text: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "tokens.txt"
    token = add_token(path, KIOSK)
    followed = TokenFile(path)
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    assert [followed.kiosk_of(token) for _ in range(3)] == [KIOSK] * 3
    assert len(caplog.records) == 1, "it is said once"
    path.write_text(lines(("new", OTHER)))
    assert [followed.kiosk_of(each) for each in (token, "new")] == [None, OTHER]


def test_new_tokens_differ_and_only_their_hashes_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "tokens.txt"
    made = [add_token(path, KIOSK) for _ in range(3)]
    text = path.read_text()
    assert len(set(made)) == 3
    assert all(token not in text and hashed(token) in text for token in made)
    assert all(len(token) >= 32 for token in made)
    for nobody in ("", "a b", "a/b", "**"):
        with pytest.raises(UsageError, match="no id of a kiosk"):
            add_token(path, nobody)
    assert path.read_text() == text


def test_a_token_that_cannot_be_kept_is_not_given(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot be written"):
        add_token(tmp_path / "missing" / "tokens.txt", KIOSK)
    path = tmp_path / "tokens.txt"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(StateError, match="cannot be written"):
        add_token(path, KIOSK)
    assert path.read_bytes() == b"\xff\xfe"
