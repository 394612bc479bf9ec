"""`python -m visavox` is the same as `visavox`."""

import sys

from visavox.cli.main import main

sys.exit(main())
