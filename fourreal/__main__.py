"""`python -m fourreal`."""

import sys

from fourreal.cli import main

if __name__ == "__main__":
    sys.exit(main())
