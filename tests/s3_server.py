# SPDX-License-Identifier: Apache-2.0
"""A real S3-compatible server (moto's) on loopback, for the whole session."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

KEY_ID, SECRET, REGION = "kiosk-test", "kiosk-test", "us-east-1"


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    """Its http address; the environment names it, so that `s3://…` goes there."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    named = {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    try:
        with pytest.MonkeyPatch.context() as environment:
            for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
                environment.delenv(name, raising=False)
            for name, value in named.items():
                environment.setenv(name, value)
            yield address
    finally:
        server.stop()


@pytest.fixture
def bucket(s3_address: str) -> str:
    """A new bucket's `s3://` address."""
    import boto3

    name = f"kiosk-{uuid.uuid4().hex[:12]}"
    boto3.client("s3", endpoint_url=s3_address).create_bucket(Bucket=name)
    return f"s3://{name}"
