"""Run the command line as ``python -m delssome``."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys

from delssome.cli import main

if __name__ == "__main__":
    sys.exit(main())
