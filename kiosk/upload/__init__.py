# SPDX-License-Identifier: Apache-2.0
"""The journal to head office: stored here, forwarded when somebody answers, once."""

from kiosk.upload.http import HttpSink
from kiosk.upload.mqtt import MqttSink
from kiosk.upload.outgoing import Outgoing
from kiosk.upload.run import Report, upload
from kiosk.upload.sink import MemorySink, Receipt, Sink

__all__ = ["HttpSink", "MemorySink", "MqttSink", "Outgoing", "Receipt", "Report", "Sink", "upload"]
