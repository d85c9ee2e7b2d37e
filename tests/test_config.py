# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from kiosk import config
from kiosk.config import Config, catalog_directory, state_directory
from kiosk.errors import ConfigError


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "kiosk.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_no_file_gives_the_defaults() -> None:
    assert config.load() == Config()


def test_what_is_printed_loads_back_equal(tmp_path: Path) -> None:
    original = config.load(None, ["camera.device=/dev/v4l/by-id/ä 1", "decide.time_limit_s=2.5"])
    again = config.load(write(tmp_path, config.to_toml(original)))
    assert again == original


def test_changed_prints_only_the_difference() -> None:
    loaded = config.load(None, ["camera.source=demo", "web.port=8080"])
    assert config.changed(loaded) == '[camera]\nsource = "demo"\n'
    assert config.changed(Config()) == ""


def test_five_mistakes_are_reported_at_once_with_key_value_reason_and_nearest_key(
    tmp_path: Path,
) -> None:
    path = write(
        tmp_path,
        """
        port = 80
        [camera]
        sorce = "demo"
        rotation = 45
        width = "wide"
        [web]
        port = 70000
        """,
    )
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    text = str(caught.value)
    assert len(caught.value.mistakes) == 5
    assert str(path) in text
    assert "camera.sorce: there is no such option; did you mean camera.source?" in text
    assert "camera.rotation = 45: must be one of 0, 90, 180, 270" in text
    assert 'camera.width = "wide": must be a whole number' in text
    assert "web.port = 70000: must be from 0 to 65535" in text
    assert "port: stands outside a [section]; did you mean web.port?" in text


def test_a_misspelt_choice_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'picamera2'"):
        config.load(None, ["camera.source=picamera"])


def test_a_right_name_in_the_wrong_section_is_found() -> None:
    with pytest.raises(ConfigError, match=r"did you mean decide\.candidates"):
        config.load(None, ["web.candidates=3"])


def test_true_is_not_a_number_and_one_is_not_true(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(write(tmp_path, "[camera]\nfps = true\nlock = 1\n"))
    assert len(caught.value.mistakes) == 2


def test_nan_is_no_number(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must be a number"):
        config.load(write(tmp_path, "[search]\nrecall = nan\n"))


@pytest.mark.parametrize("content", [b"[camera\n", b"\xff\xfe\x00"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "kiosk.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="is not valid TOML"):
        config.load(path)


def test_a_missing_file_and_a_directory_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        config.load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        config.load(tmp_path)


def test_an_override_wins_over_the_file_and_text_needs_no_quotes(tmp_path: Path) -> None:
    path = write(tmp_path, '[camera]\nsource = "files"\ndevice = "a"\n')
    loaded = config.load(path, ["camera.device=0", "camera.fps=10", "camera.loop=false"])
    assert loaded.camera.source == "files"
    assert loaded.camera.device == "0"
    assert loaded.camera.fps == 10.0
    assert loaded.camera.loop is False


def test_an_override_without_a_value_is_explained() -> None:
    with pytest.raises(ConfigError, match=r"write it as section\.key=value"):
        config.load(None, ["camera.source"])


def test_folders_follow_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/kiosk:/var/lib/other")
    assert state_directory(Config()) == Path("/var/lib/kiosk")
    assert catalog_directory(Config()) == Path("/var/lib/kiosk/catalog")
    named = config.load(None, ["state.directory=/data", "catalog.directory=/media/usb/r7"])
    assert state_directory(named) == Path("/data")
    assert catalog_directory(named) == Path("/media/usb/r7")


def test_every_option_explains_itself() -> None:
    for option in config.options():
        assert option.about, option.key
        assert type(option.default) is option.kind
