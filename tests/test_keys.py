# SPDX-License-Identifier: Apache-2.0
"""`kiosk keys`: private keys that stay where they were made, and roots that need two people."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from repositories import Keys, signing_keys, small_release
from tuf_reader import Reader

from kiosk.cli import main
from kiosk.cli.office import in_office
from kiosk.errors import PublishError, SigningKeyError, UsageError
from kiosk.publish import draft, keyfolder
from kiosk.publish.folder import FolderStorage
from kiosk.publish.guarded import read_guarded
from kiosk.publish.roles import with_keys
from kiosk.publish.sealed import Ed25519PrivateKey, seal, unseal
from kiosk.publish.trust import open_draft, open_trust, verified
from kiosk.sync.anchor import in_groups

__all__ = ["signing_keys"]  # a fixture

CHEAP = 1 << 10
"""scrypt's cost where only the form matters."""


@pytest.fixture(autouse=True)
def passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIOSK_KEYS_PASSPHRASE", "correct horse")


def run(*words: object) -> int:
    return main([str(word) for word in words])


def made(folder: Path, name: str = "anna") -> Path:
    keyfolder.make(folder, name, b"pass", cost=CHEAP)
    return folder


def never(folder: Path) -> bytes:
    raise AssertionError(f"asked for the passphrase of {folder}")


def test_a_private_key_lies_encrypted_and_only_its_passphrase_opens_it() -> None:
    key = Ed25519PrivateKey.generate()
    pem = seal(key, b"correct horse", cost=CHEAP)
    assert key.private_bytes_raw() not in pem
    assert unseal(pem, b"correct horse").private_bytes_raw() == key.private_bytes_raw()
    with pytest.raises(SigningKeyError, match="passphrase is wrong"):
        unseal(pem, b"wrong horse")
    with pytest.raises(SigningKeyError, match="needs a passphrase"):
        seal(key, b"")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="apt-get install openssl")
def test_a_sealed_key_is_a_standard_file_that_openssl_opens(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(seal(Ed25519PrivateKey.generate(), b"correct horse"))
    told = ["openssl", "pkey", "-in", str(tmp_path / "key.pem"), "-noout", "-passin"]
    assert subprocess.run([*told, "pass:correct horse"], check=False).returncode == 0
    assert subprocess.run([*told, "pass:x"], check=False, stderr=subprocess.PIPE).returncode != 0


def test_a_key_without_encryption_is_not_used(tmp_path: Path) -> None:
    folder = made(tmp_path / "anna")
    plain = b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n"
    (folder / "private.pem").write_bytes(plain)
    with pytest.raises(SigningKeyError, match="not an encrypted private key"):
        keyfolder.open_key(folder, lambda _: b"pass")


def test_a_made_key_signs_and_its_folder_is_only_its_owners(tmp_path: Path) -> None:
    folder = made(tmp_path / "anna")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "private.pem").stat().st_mode & 0o777 == 0o600
    signer = keyfolder.open_key(folder, lambda _: b"pass")
    signer.public_key.verify_signature(signer.sign(b"word"), b"word")
    assert "private" not in (folder / "public.json").read_text()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_private_key_that_others_may_open_is_refused(tmp_path: Path, mode: int) -> None:
    folder = made(tmp_path / "anna")
    (folder / "private.pem").chmod(mode)
    with pytest.raises(SigningKeyError, match="chmod 600"):
        keyfolder.open_key(folder, never)


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_where_others_may_put_another_key_is_refused(tmp_path: Path, mode: int) -> None:
    folder = made(tmp_path / "anna")
    folder.chmod(mode)
    with pytest.raises(SigningKeyError, match="chmod 700"):
        keyfolder.open_key(folder, never)


def test_a_link_to_a_private_key_is_refused(tmp_path: Path) -> None:
    folder = made(tmp_path / "anna")
    (folder / "private.pem").rename(folder / "elsewhere")
    (folder / "private.pem").symlink_to("elsewhere")
    with pytest.raises(SigningKeyError, match="no link"):
        keyfolder.open_key(folder, never)


def test_a_pipe_in_the_place_of_a_private_key_is_not_waited_for(tmp_path: Path) -> None:
    folder = made(tmp_path / "anna")
    (folder / "private.pem").unlink()
    os.mkfifo(folder / "private.pem", 0o600)
    with pytest.raises(SigningKeyError, match="not a regular file"):
        keyfolder.open_key(folder, never)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_private_key_of_another_user_is_refused(tmp_path: Path) -> None:
    folder = made(tmp_path / "anna")
    os.chown(folder / "private.pem", 12345, -1)
    with pytest.raises(SigningKeyError, match="belongs to another user"):
        keyfolder.open_key(folder, never)


def test_a_passphrase_beside_the_key_is_guarded_as_the_key_is(tmp_path: Path) -> None:
    folder = made(tmp_path / "timestamp")
    (folder / "passphrase").write_bytes(b"pass\n")
    (folder / "passphrase").chmod(0o600)
    keyfolder.open_key(folder, never)
    (folder / "passphrase").chmod(0o644)
    with pytest.raises(SigningKeyError, match="chmod 600"):
        keyfolder.open_key(folder, never)
    with pytest.raises(SigningKeyError, match="is missing"):
        read_guarded(folder / "nothing")


def test_a_key_is_never_made_over_another(tmp_path: Path) -> None:
    folder = made(tmp_path / "anna")
    before = (folder / "private.pem").read_bytes()
    with pytest.raises(SigningKeyError, match="holds a key already"):
        made(folder)
    assert (folder / "private.pem").read_bytes() == before


def test_a_key_is_not_made_in_a_folder_of_other_things(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"")
    before = tmp_path.stat().st_mode
    with pytest.raises(SigningKeyError, match="new or empty folder"):
        made(tmp_path)
    assert tmp_path.stat().st_mode == before


def test_a_public_part_that_says_another_id_is_refused(tmp_path: Path) -> None:
    folder = made(tmp_path / "anna")
    body = json.loads((folder / "public.json").read_text())
    (folder / "public.json").write_text(json.dumps({**body, "keyid": "0" * 64}))
    with pytest.raises(SigningKeyError, match="another id"):
        keyfolder.read_public(folder)


def test_parts_of_two_keys_are_refused(tmp_path: Path) -> None:
    folder, other = made(tmp_path / "anna"), made(tmp_path / "bert")
    shutil.copy(other / "public.json", folder / "public.json")
    with pytest.raises(SigningKeyError, match="of two keys"):
        keyfolder.open_key(folder, lambda _: b"pass")


def test_one_of_two_root_signatures_is_not_enough(signing_keys: Keys) -> None:
    begun = draft.first(signing_keys.roles(), datetime.now(UTC))
    draft.sign(begun, None, signing_keys.ring("anna"))
    assert [row.wanted for row in draft.missing(begun, None)] == [1, 1]
    files = begun.files()
    with pytest.raises(PublishError, match="lacks signatures"):
        verified((files["1.root.json"],), files["1.targets.json"])
    draft.sign(begun, None, signing_keys.ring("bert"))
    files = begun.files()
    verified((files["1.root.json"],), files["1.targets.json"])


def test_one_of_two_signatures_is_not_enough_for_the_list_of_channels(signing_keys: Keys) -> None:
    """Whoever has one root key could otherwise name a channel's key alone."""
    now = datetime.now(UTC)
    whole, half = draft.first(signing_keys.roles(), now), draft.first(signing_keys.roles(), now)
    draft.sign(whole, None, signing_keys.ring())
    draft.sign(half, None, signing_keys.ring("anna"))
    with pytest.raises(PublishError, match=r"targets\.json: lacks signatures"):
        verified((whole.files()["1.root.json"],), half.files()["1.targets.json"])


def test_new_root_keys_alone_cannot_take_over(signing_keys: Keys) -> None:
    trust = signing_keys.trust(datetime.now(UTC))
    spares = [signing_keys.signers[f"spare-{n}"].public_key for n in range(3)]
    after = with_keys(trust.roles, "root", spares)
    step = draft.following(
        trust.root.signed, trust.targets.signed, trust.roles, after, datetime.now(UTC)
    )
    draft.sign(step, trust.root.signed, signing_keys.ring("spare-0", "spare-1", "spare-2"))
    wanted = {row.file: row.wanted for row in draft.missing(step, trust.root.signed)}
    assert wanted == {"2.root.json": 2, "3.root.json": 0, "2.targets.json": 0}
    files = step.files()
    with pytest.raises(PublishError, match="lacks signatures"):
        verified((*trust.roots, files["2.root.json"]), files["2.targets.json"])


def test_a_small_shop_makes_all_keys_in_one_go(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trust, keys = tmp_path / "trust", tmp_path / "keys"
    assert run("keys", "init", trust, "--make", keys, "--unattended") == 0
    assert in_groups(open_trust(trust).fingerprint) in capsys.readouterr().out
    assert sorted(path.name for path in keys.iterdir()) == sorted(
        ["root-1", "root-2", "root-3", "stable", "canary", "snapshot", "timestamp"]
    )
    kept = {path.parent.name for path in keys.rglob("passphrase")}
    assert kept == {"snapshot", "timestamp"}
    assert not list(trust.rglob("private.pem"))
    assert run("keys", "init", trust, "--make", keys) == os.EX_USAGE


def test_what_lies_beside_the_unattended_keys_opens_no_other(tmp_path: Path) -> None:
    trust, keys = tmp_path / "trust", tmp_path / "keys"
    assert run("keys", "init", trust, "--make", keys, "--unattended") == 0
    for kept in ("snapshot", "timestamp"):
        lying = (keys / kept / "passphrase").read_bytes().strip()
        assert keyfolder.open_key(keys / kept, never)
        for other in ("root-1", "stable"):
            with pytest.raises(SigningKeyError, match="passphrase is wrong"):
                keyfolder.open_key(keys / other, lambda folder, told=lying: told)


def test_who_is_to_sign_sees_every_key_that_the_draft_lets_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trust, keys = tmp_path / "trust", tmp_path / "keys"
    assert run("keys", "init", trust, "--make", keys) == 0
    assert run("keys", "make", tmp_path / "mallory", "--name", "mallory") == 0
    assert run("keys", "revoke", trust, "root-3", "--threshold", "1") == 0
    capsys.readouterr()
    assert run("keys", "show", trust) == 0
    told = capsys.readouterr().out
    assert "2.root.json: 1 of 2 root keys sign together\n  - root       root-3 (" in told
    assert "3.root.json: 1 of 2 root keys sign together\n  = the same keys\n" in told
    assert run("keys", "add", trust, "root", tmp_path / "mallory" / "public.json") == 0
    capsys.readouterr()
    assert run("keys", "sign", trust, "--from", trust) == 0
    told = capsys.readouterr().out
    assert "2.root.json: 1 of 3 root keys sign together\n  + root       mallory (" in told
    assert "took over 0 signatures" in told and "a copy of another draft" in told


def test_holders_sign_on_machines_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only public parts and the trust folder travel; each signs a copy, the copies are joined."""
    machines = {name: tmp_path / name for name in ("anna", "bert", "cleo", "office")}
    for name in ("anna", "bert", "cleo"):
        assert run("keys", "make", machines[name] / "key", "--name", name) == 0
    for role in ("stable", "snapshot", "timestamp"):
        assert run("keys", "make", machines["office"] / "keys" / role) == 0
    named = [f"root={machines[name] / 'key' / 'public.json'}" for name in ("anna", "bert", "cleo")]
    named += [
        f"{role}={machines['office'] / 'keys' / role / 'public.json'}"
        for role in ("stable", "snapshot", "timestamp")
    ]
    trust = machines["office"] / "trust"
    public = [word for each in named for word in ("--public", each)]
    assert run("keys", "init", trust, "--channels", "stable", *public) == 0
    with pytest.raises(PublishError, match="no trust folder with enough signatures"):
        open_trust(trust)
    for name in ("anna", "cleo"):
        shutil.copytree(trust, machines[name] / "copy")
        assert run("keys", "sign", machines[name] / "copy", "--keys", machines[name] / "key") == 0
    capsys.readouterr()
    assert run("keys", "sign", trust, "--from", machines["anna"] / "copy") == 0
    assert "1.root.json: signed by anna; 1 more of bert, cleo" in capsys.readouterr().out
    assert run("keys", "sign", trust, "--from", machines["cleo"] / "copy") == 0
    assert open_trust(trust).roles.threshold == 2
    assert open_draft(trust) is None


def test_a_signature_that_does_not_verify_is_not_taken_and_keeps_nobody_from_signing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trust, keys, copy = tmp_path / "trust", tmp_path / "keys", tmp_path / "copy"
    assert run("keys", "init", trust, "--make", keys, "--channels", "stable") == 0
    assert run("keys", "make", tmp_path / "new") == 0
    assert run("keys", "rotate", trust, "stable", tmp_path / "new") == 0
    shutil.copytree(trust, copy)
    assert run("keys", "sign", copy, "--keys", keys / "root-1") == 0
    path = copy / "draft" / "2.targets.json"
    honest = path.read_bytes()
    body = json.loads(honest)
    body["signatures"][0]["sig"] = "00" * 64
    body["signatures"].append({"keyid": "ab" * 32, "sig": "00" * 64})
    path.write_text(json.dumps(body))
    capsys.readouterr()
    assert run("keys", "sign", trust, "--from", copy) == 0
    told = capsys.readouterr().out
    assert "took over 0 signatures" in told and "copy of another draft" not in told
    assert "left out 2.targets.json: the signature of root-1 does not verify" in told
    assert "left out 2.targets.json: the key abababababab has no say in it" in told
    assert "signed by nobody; 2 more of root-1, root-2, root-3" in told
    # Also where it lies in the draft already, it counts for nothing and is replaced.
    shutil.copy(path, trust / "draft" / "2.targets.json")
    assert run("keys", "show", trust) == 0
    assert "signed by nobody; 2 more of root-1, root-2, root-3" in capsys.readouterr().out
    path.write_bytes(honest)
    assert run("keys", "sign", trust, "--from", copy) == 0
    told = capsys.readouterr().out
    assert "took over 1 signatures" in told and "signed by root-1; 1 more of root-2" in told
    assert run("keys", "sign", trust, "--keys", keys / "root-2") == 0
    assert open_draft(trust) is None
    assert open_trust(trust).targets.signed.version == 2


def test_a_life_of_keys_by_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trust, keys, place = tmp_path / "trust", tmp_path / "keys", tmp_path / "place"
    run("keys", "init", trust, "--make", keys, "--channels", "stable")
    signing = ("--trust", trust, "--keys", keys)
    releases = [small_release(tmp_path / f"r{n}", {"v": b"v%d" % n}) for n in range(4)]

    def publish(number: int) -> int:
        return run("catalog", "publish", releases[number], place, "--channel", "stable", *signing)

    assert publish(0) == 0
    told = capsys.readouterr().out
    root = open_trust(trust).roots[0]
    assert f"fingerprint {in_groups(open_trust(trust).fingerprint)}" in told
    assert f"repository {place}" in told
    with Reader(root) as reader:
        storage = FolderStorage(place)
        assert reader.announcement(storage).seq == 1
        run("keys", "make", tmp_path / "new-stamp")
        rotated = ("timestamp", tmp_path / "new-stamp" / "public.json")
        assert run("keys", "rotate", trust, *rotated, "--keys", keys / "root-1") == 0
        assert "1 more of root-2, root-3" in capsys.readouterr().out
        assert run("keys", "sign", trust, "--keys", keys / "root-2") == 0
        assert publish(1) == os.EX_DATAERR  # the old key is no good any more
        assert "new-stamp" in capsys.readouterr().err
        shutil.move(tmp_path / "new-stamp", keys / "new-stamp")
        assert publish(1) == 0
        assert reader.announcement(storage).seq == 2
        shutil.rmtree(keys / "root-3")
        assert run("keys", "revoke", trust, "root-3", "--keys", keys) == 0
        assert run("keys", "renew", trust, "--keys", keys) == 0
        assert publish(2) == 0
        assert reader.announcement(storage).seq == 3
        run("keys", "make", keys / "pilot")
        assert run("keys", "add", trust, "pilot", keys / "pilot", "--keys", keys) == 0
        assert run("catalog", "publish", releases[3], place, "--channel", "pilot", *signing) == 0
        assert reader.announcement(storage, "pilot").seq == 1
    capsys.readouterr()
    assert run("keys", "show", trust) == 0
    shown = capsys.readouterr().out
    assert "2 of 2 sign" in shown
    assert "pilot" in shown
    assert run("keys", "revoke", trust, "root-2", "--keys", keys) == os.EX_DATAERR
    assert "cannot be had" in capsys.readouterr().err


def test_changes_gather_in_one_draft_and_may_be_dropped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trust, keys = tmp_path / "trust", tmp_path / "keys"
    run("keys", "init", trust, "--make", keys, "--channels", "stable")
    for name in ("one", "two"):
        run("keys", "make", keys / name)
    assert run("keys", "add", trust, "stable", keys / "one") == 0
    assert run("keys", "rotate", trust, "timestamp", keys / "two") == 0
    waiting = open_draft(trust)
    assert waiting is not None
    assert waiting.targets is not None
    assert len(waiting.roots) == 2
    assert run("keys", "drop", trust) == 0
    assert open_draft(trust) is None
    assert open_trust(trust).root.signed.version == 1
    assert run("keys", "sign", trust, "--keys", keys) == os.EX_DATAERR
    assert "nothing to sign" in capsys.readouterr().err


def test_without_a_passphrase_or_a_terminal_it_says_where_one_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KIOSK_KEYS_PASSPHRASE")
    assert run("keys", "make", tmp_path / "anna") == os.EX_DATAERR
    assert "--passphrase-file" in capsys.readouterr().err
    (tmp_path / "secret").mkdir(mode=0o700)
    (tmp_path / "secret" / "file").write_bytes(b"pass\n")
    (tmp_path / "secret" / "file").chmod(0o600)
    given = ("--passphrase-file", tmp_path / "secret" / "file")
    assert run("keys", "make", tmp_path / "anna", *given) == 0
    keyfolder.open_key(tmp_path / "anna", lambda _: b"pass")


def test_a_kiosk_without_the_packages_of_head_office_says_what_is_missing() -> None:
    with pytest.raises(UsageError, match=r"no_such_package is not installed here.*make office"):
        in_office("no_such_package", "publish")(Namespace())
