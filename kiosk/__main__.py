# SPDX-License-Identifier: Apache-2.0
"""`python -m kiosk` is the `kiosk` command."""

import sys

from kiosk.cli import main

if __name__ == "__main__":
    sys.exit(main())
