"""A scene and its viewer as one `.html` file that opens by a double click and asks no host for anything.

The viewer's bundle and the `.r4d` lie in it as base64, so nothing in them can end a script, and are reached by `data:`
addresses: beside a `file://` page no other file may be read, and its policy forbids every host.
"""

import html
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

from fourreal.errors import UserError
from fourreal.installed import VIEWER
from fourreal.whole import writing

if TYPE_CHECKING:
    from fourreal.scene.scene4d import Scene4D

BUNDLE = VIEWER / "viewer.js"
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' data: blob:; worker-src blob:; connect-src data:; "
    "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}</title>
<link rel="icon" href="data:,">
<style>html, body {{ height: 100%; margin: 0; background: #0d0f13; color: #e9ecf1; font: 15px system-ui, sans-serif }}
#scene {{ height: 100vh; height: 100dvh }} #failed:not(:empty), noscript {{ display: block; padding: 1rem }}</style>
</head>
<body>
<div id="scene" role="region" aria-label="{name}"></div>
<p id="failed" role="alert"></p>
<noscript>This file holds a scene in 3D, which a browser draws only with JavaScript: allow it.</noscript>
<script type="module">
const failed = document.getElementById("failed");
const scene = "data:application/octet-stream;base64,{scene}";
import("data:text/javascript;base64,{viewer}").then(({{ Viewer }}) => {{
  window.viewer = new Viewer(document.getElementById("scene"));
  return viewer.load(scene, {{ name: document.title }});
}}).catch((error) => (failed.textContent = `The scene cannot be shown: ${{error.message}}`));
</script>
</body>
</html>
"""


def export_html(scene: "Scene4D", path: Path, name: str = "") -> None:
    """Write the scene to `path`. name: of the scene, for people.

    Raises:
        UserError: the file cannot be written, then what was there stays as it was; or the viewer was not built.
    """
    from fourreal.scene.r4d import r4d_bytes  # here, as whoever has such a file needs no torch to wrap it

    content = html_bytes(r4d_bytes(scene, name, level=9), name)
    with writing(path) as temporary:
        temporary.write_bytes(content)


def html_bytes(r4d: bytes, name: str = "") -> bytes:
    """The content of a file that shows what an `.r4d` file holds."""
    try:
        viewer = BUNDLE.read_bytes()
    except FileNotFoundError:
        raise UserError("The viewer is missing: run `npm ci && npm run build` in fourreal/web/viewer.") from None
    base64 = lambda content: b64encode(content).decode("ascii")
    return PAGE.format(
        policy=html.escape(POLICY), name=html.escape(name or "Scene"), scene=base64(r4d), viewer=base64(viewer)
    ).encode("utf-8", errors="replace")
