"""What the address of the page says: `?scene=<name>` or `?compare=<name>,<name>`, names as in `things`.

Own things have names there that lead nobody else to them: `own:` and a digest.
"""

import hashlib
from urllib.parse import parse_qs, quote

from fourreal.errors import UserError
from fourreal.jobs.service import Service
from fourreal.web.things import choices

MOST = 4
LONGEST = 1000  # characters of an address that are looked at
OWN = ("scene:", "input:", "video:")


def things_of(query: dict[str, list[str]]) -> list[str]:
    """The names in a parsed query: one of a scene, two to four that are compared, or none."""
    if query.get("scene"):
        return [query["scene"][0][:LONGEST]]
    names = query.get("compare", [""])[0][:LONGEST].split(",")
    return names[:MOST] if len(names) > 1 else []


def opened_by(service: Service, owner: str, search: str) -> list[str]:
    """The things that `search`, the browser's location.search, names for this person. Raises UserError for a name of
    another person's, as for one of nothing."""
    names = things_of(parse_qs(search[:LONGEST].removeprefix("?")))
    if not any(name.startswith("own:") for name in names):
        return names
    own = {digest(name): name for _, name in choices(service, owner) if name.startswith(OWN)}
    own_names = [own.get(name, name) for name in names]
    if any(name.startswith("own:") for name in own_names):
        raise UserError("This link leads to a scene of another browser. Ask its owner to share it.")
    return own_names


def address(names: list[str]) -> str:
    """The query for things, "" for the scene that a newcomer sees."""
    if not names:
        return ""
    shown = ",".join(quote(digest(name) if name.startswith(OWN) else name, safe=":/") for name in names)
    return f"?{'scene' if len(names) == 1 else 'compare'}={shown}"


def digest(name: str) -> str:
    """A name of an own thing that tells its owner which one it is, and nobody else anything."""
    return f"own:{hashlib.sha256(name.encode()).hexdigest()[:16]}"
