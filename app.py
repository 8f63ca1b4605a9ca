"""Serves the page from a checkout: python app.py. FOURREAL_DATA names the folder of videos and scenes (default: runs)."""

import sys

from fourreal.web.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
