"""Serves the page: python app.py, which is `fourreal-web` without an installation."""

import sys

from fourreal.web.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
