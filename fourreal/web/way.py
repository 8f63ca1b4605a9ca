"""The way through the page: its steps, and the one place that says which of them leads where."""

from enum import Enum

from fourreal.jobs.values import Run
from fourreal.web.session import OWN, Visitor

NEW = "new"  # the tab of a new scene, in which its steps are tabs


class Step(Enum):
    """What can be selected, by its tab's id: the steps of a new scene in order, then what else there is."""

    CREATE = "create"
    VIDEOS = "videos"
    RECONSTRUCT = "reconstruct"
    WATCH = "watch"
    EXPLORE = "explore"
    SCENES = "scenes"
    COMPARE = "compare"
    STUDY = "study"
    SWEEPS = "sweeps"


OF_A_NEW_SCENE = list(Step)[:5]


class After:
    """What a person has done, and the step that it leads to."""

    STARTING_OVER = Step.CREATE
    SAYING_THAT_BOTH_VIDEOS_EXIST = Step.VIDEOS
    TAKING_A_FREEZE_VIDEO = Step.VIDEOS
    CHANGING_VIDEOS_THAT_FAILED = Step.VIDEOS
    CHOOSING_TWO_VIDEOS = Step.RECONSTRUCT
    MAKING_A_SCENE_AGAIN = Step.RECONSTRUCT
    BEGINNING_A_RUN = Step.WATCH
    ASKING_TO_COMPARE = Step.COMPARE
    OPENING_A_LINK_TO_SEVERAL = Step.COMPARE


def first_step(me: Visitor) -> Step:
    """Where a visitor begins: at the videos if they have chosen some and made none, else at the prompt."""
    made = me.making or me.freezing or me.reference_pick == f"{me.reference}:{OWN}"
    return Step.VIDEOS if (me.reference or me.freeze) and not made else Step.CREATE


def step_of(run: Run) -> Step:
    """Where a run is shown: it is watched until it has ended with a scene."""
    return Step.EXPLORE if not run.live and run.has_scene else Step.WATCH
