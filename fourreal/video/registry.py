"""The video models there are. A name leads to its module and class, which are loaded when somebody asks for them."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from fourreal.errors import UserError
from fourreal.installed import assets
from fourreal.progress import CancelToken, Progress, ignore
from fourreal.video.capabilities import Capabilities, Rig

GB = 1024**3
MOST_STEPS = 1000


@dataclass(frozen=True)
class Entry:
    """A model as it is offered.

    name: what it is called on the command line. title, summary: for people.
    repository, revision: on the Hugging Face hub. The revision is a branch, as the commits could not be looked up where
        this was written: once a download has worked, put the commit it reports in its place.
    licence: of the weights, and where to read it.
    parameters: billions, by component; those of the transformers and VAEs counted, of the text encoders computed.
    working_gb: guessed memory beside the weights, at the native size and length. Not measured.
    seconds: for a native video, by the kind of device, "cpu" being two cores; empty as long as nobody has measured it.
    cpu_bfloat16: whether diffusers runs it on a CPU at two bytes a number.
    module, model: where the class is. adapters: LoRAs by the base they were made for (see `lora.ADAPTERS`).
    loader: the module whose `load_model`, `fetch` and `here` are behind those of this one. shipped: a folder with the
        weights that comes along.
    pictures: what is to be said where a reference video is to begin with a picture of the person's.
    vocabulary: a module that knows which words mean something to it, where they are few.
    """

    name: str
    title: str
    summary: str
    repository: str
    licence: str
    parameters: MappingProxyType[str, float]
    working_gb: float
    capabilities: Capabilities
    module: str
    model: str
    revision: str = "main"
    seconds: MappingProxyType[str, float] = field(default_factory=lambda: MappingProxyType({}))
    adapters: tuple[str, ...] = ()
    cpu_bfloat16: bool = True
    loader: str = "fourreal.video.loading"
    shipped: Path | None = None
    vocabulary: str = ""
    pictures: str = ""

    @property
    def roles(self) -> tuple[str, ...]:
        """What it serves for: "reference" (from text), "freeze" (from a picture), "distill" (one step at a time)."""
        return (("reference",) if self.capabilities.text_alone else ()) + ("freeze", "distill")

    def check(self, role: str, prompt: str, frames: int, size: tuple[int, int], steps: int) -> None:
        """Raise UserError for what this model does not have."""
        self.capabilities.check_prompt(prompt)
        if self.vocabulary:
            self._vocabulary.check(prompt)
        self.capabilities.check_frames(frames)
        self.capabilities.check_size(size)
        if not 1 <= steps <= MOST_STEPS:
            raise UserError(f"{steps} steps of denoising cannot be done; ask for 1 to {MOST_STEPS}.")
        if role not in self.roles:
            raise UserError(
                f"{self.title} starts from a picture, so it makes no reference videos. Choose another model for them, "
                "or give a picture."
            )

    def remark(self, prompt: str) -> str:
        """What of a prompt means nothing to it, with the nearest that does; "" as far as anybody knows."""
        return self._vocabulary.remark(prompt) if self.vocabulary else ""

    @property
    def words(self) -> Mapping[str, Sequence[str]]:
        """All words that mean something to it, by their kind; empty where they are not few."""
        return self._vocabulary.WORDS if self.vocabulary else {}

    @property
    def _vocabulary(self) -> ModuleType:
        return importlib.import_module(self.vocabulary)

    @property
    def download_gb(self) -> float:
        """Computed at two bytes a parameter; a repository may hold some of it at four."""
        return sum(self.parameters.values()) * 2e9 / GB

    @property
    def weights(self) -> str:
        """How large its weights are, for people."""
        gigabytes = self.download_gb
        return f"{gigabytes:.0f} GB" if gigabytes >= 1 else f"{gigabytes * 1024:.0f} MB"

    @property
    def memory_gb(self) -> float:
        """Graphics memory for which nothing needs to be moved out of the way. Computed, not measured."""
        return self.download_gb + self.working_gb

    @property
    def least_memory_gb(self) -> float:
        """With the largest component alone in graphics memory. Computed, not measured."""
        return max(self.parameters.values()) * 2e9 / GB + self.working_gb

    @property
    def page(self) -> str:
        """Where to read about it; "" for one that comes along."""
        return f"https://huggingface.co/{self.repository}" if self.shipped is None else ""


_APACHE = "Apache-2.0"

WAN = Capabilities(
    frame_step=4,
    size_step=16,
    native_size=(832, 480),
    native_frames=81,
    fps=16.0,
    conditioning="anywhere",
    guidance=5.0,
    steps=50,
    prompt_tokens=512,
)

MODELS: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry(
            name="wan-vace-1.3b",
            title="Wan 2.1 VACE 1.3B",
            summary="The default for 24 GB: text, and known frames anywhere.",
            repository="Wan-AI/Wan2.1-VACE-1.3B-diffusers",
            licence=_APACHE,
            parameters=MappingProxyType({"transformer": 2.15, "text_encoder": 5.68, "vae": 0.127}),
            working_gb=6.0,
            capabilities=WAN,
            module="fourreal.video.wan_vace",
            model="WanVace",
        ),
        Entry(
            name="wan-vace-14b",
            title="Wan 2.1 VACE 14B",
            summary="The same with more detail, for 48 GB and more.",
            repository="Wan-AI/Wan2.1-VACE-14B-diffusers",
            licence=_APACHE,
            parameters=MappingProxyType({"transformer": 17.3, "text_encoder": 5.68, "vae": 0.127}),
            working_gb=10.0,
            capabilities=WAN,
            module="fourreal.video.wan_vace",
            model="WanVace",
            adapters=("Wan2.1-I2V-14B",),
        ),
        Entry(
            name="ltx-video",
            title="LTX-Video 0.9.5",
            summary="Fast and small: text, and a clip that the video begins with.",
            repository="Lightricks/LTX-Video-0.9.5",
            licence="OpenRAIL-M (LTX-Video)",
            parameters=MappingProxyType({"transformer": 1.92, "text_encoder": 4.76, "vae": 0.42}),
            working_gb=4.0,
            capabilities=Capabilities(
                frame_step=8,
                size_step=32,
                native_size=(704, 480),
                native_frames=121,
                fps=24.0,
                conditioning="leading clip",
                guidance=3.0,
                steps=40,
                prompt_tokens=256,
                most_frames=257,
            ),
            module="fourreal.video.ltx",
            model="Ltx",
        ),
        Entry(
            name="sana-wm",
            title="SANA-WM",
            summary="Follows a camera path: a freeze-time video whose cameras are commanded.",
            repository="Efficient-Large-Model/SANA-WM_bidirectional-diffusers",
            licence=_APACHE,
            parameters=MappingProxyType({"transformer": 2.66, "text_encoder": 2.61, "vae": 1.22}),
            working_gb=8.0,
            capabilities=Capabilities(
                frame_step=8,
                size_step=32,
                native_size=(1280, 704),
                native_frames=161,
                fps=16.0,
                conditioning="first frame",
                text_alone=False,
                cameras=True,
                guidance=5.0,
                steps=60,
                prompt_tokens=300,
            ),
            module="fourreal.video.sana_wm",
            model="SanaWm",
            cpu_bfloat16=False,
        ),
        Entry(
            name="wan-ti2v-5b",
            title="Wan 2.2 TI2V 5B",
            summary="720p from text, or from one picture.",
            repository="Wan-AI/Wan2.2-TI2V-5B-Diffusers",
            licence=_APACHE,
            parameters=MappingProxyType({"transformer": 5.0, "text_encoder": 5.68, "vae": 0.705}),
            working_gb=8.0,
            capabilities=replace(
                WAN, size_step=32, native_size=(1280, 704), native_frames=121, fps=24.0, conditioning="first frame"
            ),
            module="fourreal.video.wan_ti2v",
            model="WanTi2v",
        ),
        Entry(
            name="mini",
            title="Mini",
            summary="A small demonstration that runs anywhere: a few words, and one ball, box or cylinder.",
            repository="comes along",
            licence="Apache-2.0",
            parameters=MappingProxyType({"network": 0.0019, "upsampler": 0.0001}),
            working_gb=0.5,
            capabilities=Capabilities(
                frame_step=15,
                size_step=4,
                native_size=(256, 144),
                native_frames=16,
                fps=8.0,
                conditioning="anywhere",
                cameras=True,
                guidance=2.0,
                steps=6,
                prompt_tokens=64,
                least_size=36,
                most_frames=16,
                sizes=((256, 144), (64, 36)),
                distilled_size=(64, 36),
                rig=Rig(1.1, 3.0, 16.0),
                windows=2,
                conditioned_guidance=1.0,  # measured: the arc and the frozen scene are nearer to the truth without
            ),
            module="fourreal.video.mini.model",
            model="Mini",
            revision="1",
            seconds=MappingProxyType({"cpu": 2.0}),
            loader="fourreal.video.mini.loading",
            shipped=assets() / "mini",
            vocabulary="fourreal.video.mini.vocabulary",
            pictures="Mini has seen nothing but its own balls and boxes: it cannot carry on a photo or a drawing well.",
        ),
    )
}

DEFAULT = "wan-vace-1.3b"
EMBEDDED = "mini"


def usual(cuda: bool) -> str:
    """The model that is taken unless another is asked for: without a graphics card the one that runs anywhere."""
    return DEFAULT if cuda else EMBEDDED


def entry(name: str) -> Entry:
    """The model of that name; UserError names those there are."""
    if name not in MODELS:
        raise UserError(f"There is no video model called {name!r}. There are: {', '.join(MODELS)}.")
    return MODELS[name]


def load(
    name: str,
    source: Path | str | None = None,
    device: str | None = None,
    adapter: str | None = None,
    progress: Progress = ignore,
    cancel: CancelToken | None = None,
):
    """The model, ready to be asked: a `fourreal.video.model.VideoModel`.

    source: a folder with the weights as diffusers saves them; None takes them from the hub's local copy, downloading
    what is missing of it. device: "cuda", "cpu"; None takes the graphics card if there is one. adapter: a LoRA, by its
    name in `lora.ADAPTERS`, as a file, or as "repository:file".

    Raises UserError where it cannot be had (no network, gated, half there, too little memory or disk) with what to do.
    """
    loader, model = _loader(name)
    return loader.load_model(Order(entry(name), model, source, device, adapter, progress, cancel or CancelToken()))


def fetch(
    name: str,
    source: Path | str | None = None,
    device: str | None = None,
    adapter: str | None = None,
    progress: Progress = ignore,
    cancel: CancelToken | None = None,
) -> tuple[Path, str]:
    """The folder with the weights, downloaded as far as they are missing, and the identity of the model that `load`
    makes of them. Raises what `load` raises of that."""
    loader, model = _loader(name)
    return loader.fetch(Order(entry(name), model, source, device, adapter, progress, cancel or CancelToken()))


def here(name: str, source: Path | str | None = None) -> Path | None:
    """The folder with the weights, where nothing needs to be downloaded; else None.

    Raises UserError where `source`, or the folder that somebody provided, is not whole or holds another model.
    """
    loader, model = _loader(name)
    return loader.here(Order(entry(name), model, source))


@dataclass(frozen=True)
class Order:
    """What a loader is asked for: an entry with its class, and what `load` says of the rest."""

    entry: Entry
    model: type[Any]
    source: Path | str | None
    device: str | None = None
    adapter: str | None = None
    progress: Progress = ignore
    cancel: CancelToken = field(default_factory=CancelToken)


def _loader(name: str) -> tuple[ModuleType, type]:
    """The module that makes models of an entry's class, and this."""
    chosen = entry(name)
    return importlib.import_module(chosen.loader), getattr(importlib.import_module(chosen.module), chosen.model)
