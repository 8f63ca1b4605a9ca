"""All that a page or an API needs of jobs, for people who may know nothing of each other.

Every call names the owner, and what is somebody else's is not there for them. Nothing here computes: children do.
"""

import hashlib
from pathlib import Path

from fourreal.errors import UserError
from fourreal.jobs.ablations import Ablations
from fourreal.jobs.candidates import Candidates
from fourreal.jobs.creations import Creations
from fourreal.jobs.exports import Exports
from fourreal.jobs.inspections import Inspections
from fourreal.jobs.jobs import Jobs
from fourreal.jobs.library import Library
from fourreal.jobs.placements import Placements
from fourreal.jobs.runs import Runs
from fourreal.jobs.shares import Shares
from fourreal.jobs.studies import Studies
from fourreal.jobs.workspace import LIMITS, Workspace
from fourreal.settings import JobLimits

SHORTEST_TOKEN = 16


class Service:
    """See the module. Each attribute has one purpose; any thread may call any of their methods.

    data: the data folder, made if it is missing. Every method raises UserError, with what to do, for what a person can
    mend; what is unknown and what is another person's are refused in the same words.

    workspace: the folder, the store and the limits that all others share.
    library: videos; inspections: what is seen in them; placements: where their cameras stood.
    jobs: what all that waits in the line has in common. Of two kinds: runs, and creations with their candidates.
    exports, shares: finished scenes for other programs and other people. studies, ablations: comparisons.
    """

    def __init__(self, data: Path, limits: JobLimits = LIMITS) -> None:
        self.workspace = workspace = Workspace.open(data, limits)
        self.library = library = Library(workspace)
        self.inspections = Inspections(workspace, library)
        self.placements = Placements(workspace, library, self.inspections)
        self.jobs = jobs = Jobs(workspace)
        self.runs = Runs(workspace, library, self.inspections, self.placements, jobs)
        self.creations = Creations(workspace, library, jobs)
        self.candidates = Candidates(workspace, library, jobs)
        self.exports = Exports(workspace, jobs)
        self.shares = Shares(workspace, jobs)
        self.studies = Studies(workspace, library, self.runs)
        self.ablations = Ablations(workspace)

    def close(self) -> None:
        self.workspace.close()

    @staticmethod
    def owner(token: str) -> str:
        """The person behind a token that their browser keeps. It is not stored, so the store gives no one away."""
        if not isinstance(token, str) or len(token) < SHORTEST_TOKEN:
            raise UserError(f"The token is too short: use {SHORTEST_TOKEN} characters or more that nobody can guess.")
        return hashlib.sha256(token.encode()).hexdigest()[:32]
