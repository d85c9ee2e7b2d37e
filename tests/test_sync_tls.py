# SPDX-License-Identifier: Apache-2.0
"""The same over TLS: a certificate that is not accepted, a clock that prevents it, a drip."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kiosk.values.sync import SyncState
from tests import fault_server as does
from tests.fault_server import Server, serving
from tests.repositories import HeadOffice
from tests.sync_parts import QUICK, Kiosk, office_kiosk, publisher, release


@pytest.fixture
def office(tmp_path: Path) -> HeadOffice:
    office = publisher(tmp_path)
    office.publish(release(tmp_path / "release"))
    return office


@pytest.fixture
def kiosk(tmp_path: Path, office: HeadOffice) -> Kiosk:
    return office_kiosk(tmp_path, office)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificate and key of 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kiosk test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.fixture
def server(office: HeadOffice, certificate: Path) -> Iterator[Server]:
    with serving(office.path, certificate) as server:
        yield server


def test_a_certificate_that_nobody_vouches_for_is_offline(kiosk: Kiosk, server: Server) -> None:
    outcome = kiosk.sync(server.url)
    assert (outcome.status.state, outcome.status.code) == (SyncState.OFFLINE, "tls")
    assert server.asked == []


def test_where_the_clock_cannot_be_right_the_certificate_is_not_to_blame(
    kiosk: Kiosk, server: Server
) -> None:
    kiosk.ahead = datetime(1971, 1, 1, tzinfo=UTC) - datetime.now(UTC)
    outcome = kiosk.sync(server.url)
    assert (outcome.status.state, outcome.status.code) == (
        SyncState.CLOCK_UNTRUSTED,
        "clock_behind",
    )


def test_a_certificate_that_the_system_trusts_is_accepted(
    kiosk: Kiosk, server: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert kiosk.sync(server.url).activated


@pytest.mark.parametrize("fault", [does.drip, does.drip_head, does.stall, does.mute])
def test_a_drip_ends_by_the_clock_also_over_tls(
    fault: does.Fault,
    kiosk: Kiosk,
    server: Server,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    server.always("timestamp", fault)
    outcome = kiosk.sync(server.url, limits=QUICK)
    assert (outcome.status.state, outcome.status.code) == (SyncState.OFFLINE, "slow")


def test_a_server_without_tls_is_offline(kiosk: Kiosk, office: HeadOffice) -> None:
    with serving(office.path) as plain:
        outcome = kiosk.sync(plain.url.replace("http://", "https://"))
    assert outcome.status.state is SyncState.OFFLINE
