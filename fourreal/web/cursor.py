"""What of a run's journal has been shown: read forward by offset, kept small."""

from fourreal.web.figures import finite

MOST_POINTS = 400  # of a curve; beyond that every other one is dropped
TRUST = "trust in "  # how the journal names the share of the video model's word that is taken, by kind of shot

# Stages as they are told, in order; "motion" stands for all its phases.
STAGES = {
    "videos": "Reading the videos",
    "cameras": "Finding the cameras",
    "prepare": "Warming up",
    "canonical": "Building the still scene",
    "motion": "Learning the motion",
    "finish": "Finishing",
}


def fresh(run: str) -> dict:
    """Nothing shown yet."""
    return {
        "run": run,
        "offset": 0,
        "state": [],
        "scene": "",
        "preview": "",
        "critique": "",
        "trust": {},
        "layout": False,
        "last": {},
        "messages": [],
        "base": 0,
        "plotted": 0.0,
        "series": {"step": [], "loss": [], "psnr": [], "stages": [], "distillation": []},
    }


def advance(cursor: dict, entries: list[dict], offset: int) -> dict:
    """`cursor` after more lines of the journal, a new dictionary."""
    if offset < cursor["offset"]:  # the journal was begun anew
        cursor = fresh(cursor["run"])
    cursor = cursor | {"offset": offset, "messages": list(cursor["messages"])}
    series = {name: list(values) for name, values in cursor["series"].items()}
    for entry in entries:
        stage, step = str(entry.get("stage") or ""), int(entry.get("step") or 0)
        before = str(cursor["last"].get("stage") or "")
        if stage and stage != before:
            cursor["messages"] = []  # those of the stage before are over
            cursor["base"] = series["step"][-1] if series["step"] else 0
            if entry.get("steps"):
                series["stages"].append([cursor["base"], stage])
        values = entry.get("values") or {}
        loss, psnr = finite(values.get("loss")), finite(values.get("psnr"))
        if loss is not None or psnr is not None:
            series["step"].append(cursor["base"] + step)
            series["loss"].append(loss)
            series["psnr"].append(psnr)
        if (distilled := finite(values.get("distillation"))) is not None:
            series["distillation"].append([cursor["base"] + step, distilled])
        trust = {name.removeprefix(TRUST): finite(share) for name, share in values.items() if name.startswith(TRUST)}
        cursor["trust"] = cursor["trust"] | {kind: share for kind, share in trust.items() if share is not None}
        for name in ("scene", "preview", "critique"):
            if entry.get(name):
                cursor[name] = str(entry[name])
        if entry.get("message"):
            cursor["messages"] = [*cursor["messages"], str(entry["message"])][-6:]
        cursor["last"] = {**cursor["last"], **entry} if stage == before else entry
    if len(series["step"]) > MOST_POINTS:
        for name in ("step", "loss", "psnr"):
            series[name] = halved(series[name])
    if len(series["distillation"]) > MOST_POINTS:
        series["distillation"] = halved(series["distillation"])
    return cursor | {"series": series}


def halved(values: list) -> list:
    """Every other one, the newest among them."""
    return values[-1:0:-2][::-1]


def stage_name(stage: str) -> str:
    """The stage that people are told, of one in the journal: "motion: field" is "motion"."""
    return stage.split(":")[0].strip()
