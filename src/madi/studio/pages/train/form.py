"""The left side: data, network and settings, checked as they change and kept in the address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nicegui import run, ui

from madi.config import TrainConfig
from madi.errors import MadiError
from madi.models import MODELS
from madi.studio.frame import Page
from madi.studio.pages.train.layers import Layers
from madi.studio.pages.train.sources import Sources
from madi.studio.training import settings
from madi.studio.training.data import Known, boxed, known
from madi.studio.training.network import Checked, check, check_named
from madi.studio.training.settings import OWN, Asked

VECTORS = ("mlp", "logistic_regression")
PICTURES = ("lenet5", "simple_convnet", "deep_convnet", "resnet_cifar")
FIRST = "planar"
OF_DATA = ("layers", "network", "epochs", "batch", "rate", "validation", "loss", "target", "job", "step")


class Form:
    """What is asked for.

    values    the texts of all fields, those of the address before the defaults
    known     what there is to know of the data, once they are read
    asked     the configuration, or what is wrong with it;  checked: the network, line by line
    listeners are called when any of these changes
    """

    def __init__(self, shown: Page, values: Mapping[str, str]) -> None:
        self.shown, self.texts = shown, shown.texts
        self.known: Known | None = None
        self.checked = Checked(())
        self.asked = Asked(None)
        self.listeners: list[Callable[[], None]] = []
        given = {name: value for name, value in shown.address.values.items() if name not in ("lang", "theme", "job")}
        self._own = {**values, **given}
        self._fields: dict[str, Any] = {}
        self._reading = False

    @property
    def data(self) -> str:
        """The name of the data."""
        return self._own.get("data", FIRST)

    @property
    def values(self) -> dict[str, str]:
        """All fields."""
        return {"data": self.data, "network": OWN, **settings.defaults(self.data, self.shape), **self._own}

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Of one example, as far as it is known."""
        if self.known is not None:
            return self.known.shape
        listed = boxed(self.shown.workplace).get(self.data)
        return listed.shape if listed is not None else (2,) if self.data in settings.GATES else None

    @property
    def ready(self) -> bool:
        """Whether a training can begin."""
        return self.known is not None and self.asked.config is not None and self.checked.fits

    # ---- changes

    def set(self, name: str, value: str) -> None:
        """A field has been changed."""
        if value == self.values.get(name, ""):
            return
        self._own[name] = value
        if name == "target":
            self.known = None
            ui.timer(0, self.learn, once=True)
        self.shown.address.set(**{name: value})
        self.check()

    def choose_data(self, name: str) -> None:
        """Other data: what was chosen for those before goes."""
        for each in OF_DATA:
            self._own.pop(each, None)
        self._own["data"] = name
        self.known = None
        self.shown.address.set(**dict.fromkeys(OF_DATA), data=name)
        self.rebuild()
        ui.timer(0, self.learn, once=True)

    def reset(self) -> None:
        """The defaults of these data."""
        names = [name for name in self._own if name not in ("data", "target")]
        self._own = {name: value for name, value in self._own.items() if name in ("data", "target")}
        self.shown.address.set(**dict.fromkeys(names))
        self.rebuild()

    async def learn(self) -> None:
        """Read the data in a thread, and check the network against them."""
        if self._reading or (settings.is_table(self.values) and not self.values.get("target")):
            await self.sources.offer_targets()
            return
        self._reading, wanted = True, (self.data, self.values.get("target"))
        self.sources.tell_reading()
        try:
            found, error = await run.io_bound(self._read), ""
        except (MadiError, OSError) as wrong:
            found, error = None, str(wrong)
        finally:
            self._reading = False
        if wanted != (self.data, self.values.get("target")):
            return await self.learn()
        foreseen = found is not None and found.classes and found.shape == self.shape
        self.known = found
        self.sources.tell(error)
        if foreseen:  # what is typed meanwhile stays
            self.sources.tell_known()
            self.check()
        else:
            self.rebuild()

    def _read(self) -> Known:
        kept = self.shown.workplace.kept.setdefault("train.known", {})
        options = settings.data_options(self.values, self.shown.workplace)
        key = (options["dataset"], options.get("target"))
        if key not in kept:
            kept[key] = known(TrainConfig(**options), self.sources.progress)
        found: Known = kept[key]
        return found

    def check(self) -> None:
        """Check all of it, and show what is wrong where it is."""
        self.asked = settings.asked(self.values, self.shown.workplace)
        for name, field in self._fields.items():
            field.error = self.asked.errors.get(name)
        if "data" in self.asked.errors:
            self.sources.tell(self.asked.errors["data"])
        self._check_network()
        for listener in self.listeners:
            listener()

    def _check_network(self) -> None:
        found = self.known
        if found is None:
            return
        task = found.task(self.values.get("loss") or None)
        try:
            if self.values["network"] == OWN:
                self.checked = check(self.layers.texts, task)
            elif self.asked.config is not None:
                self.checked = check_named(self.asked.config, task)
        except MadiError as error:
            self.checked = Checked(())
            self.layers.fail(str(error))
            return
        self.layers.tell(self.checked, found.shape)

    # ---- elements

    def build(self) -> None:
        """The three cards."""
        with ui.element("div").classes("card"):
            self.sources = Sources(self)
            self.sources.build()
        self._network = ui.element("div").classes("card")
        self._training = ui.element("div").classes("card")
        self.rebuild()

    def rebuild(self) -> None:
        """The cards of network and training for the data as they are known."""
        self._fields = {}
        self._network.clear()
        self._training.clear()
        with self._network:
            self._build_network()
        with self._training:
            self._build_training()
        self.sources.tell_known()
        self.check()

    def _build_network(self) -> None:
        own = self.values["network"] == OWN
        ui.html(f"<h2>{self.texts('train.network')}</h2>", sanitize=False)
        shape = self.shape or (1,)
        names = [*VECTORS, *(PICTURES if len(shape) == 3 else ())]
        options = {OWN: self.texts("train.own_layers"), **{name: name for name in names if name in MODELS}}
        chosen = self.values["network"] if self.values["network"] in options else OWN
        kind = ui.select(options, value=chosen)
        kind.props(f'outlined dense options-dense aria-label="{self.texts("train.network")}"')
        kind.on_value_change(lambda event: self._choose_network(event.value))
        if self.values["network"] == "mlp":
            with ui.element("div").classes("train-fields"):
                self._input("hidden", placeholder="100, 50")
                self._select("activation", ["", *settings.ACTIVATIONS])
        self.layers = Layers(self.texts, self.values["layers"].split("\n") if own else None, self._typed)
        self.layers.build()

    def _choose_network(self, name: str) -> None:
        self._own["network"] = name
        self.shown.address.set(network=name)
        self.rebuild()

    def _typed(self, texts: list[str]) -> None:
        self._own["layers"] = "\n".join(texts)
        self.shown.address.set(layers=self._own["layers"])
        self.check()

    def _build_training(self) -> None:
        ui.html(f"<h2>{self.texts('train.training')}</h2>", sanitize=False)
        classes = self.known is None or bool(self.known.classes)
        losses = settings.LOSSES_OF_CLASSES if classes else settings.LOSSES_OF_NUMBERS
        with ui.element("div").classes("train-fields"):
            self._select("optimizer", settings.OPTIMIZERS)
            self._input("rate", placeholder=self.texts("train.usual"))
            self._input("epochs")
            self._input("batch")
        more = ui.expansion(self.texts("train.more")).classes("train-more").props("dense")
        with more, ui.element("div").classes("train-fields"):
            self._select("schedule", settings.SCHEDULES)
            self._select("loss", losses, value=self.values.get("loss") or losses[0])
            self._input("decay", placeholder=self.texts("train.usual"))
            self._input("validation")
            self._input("seed")
            ui.button(self.texts("train.reset"), on_click=self.reset).props("flat dense no-caps")

    def _input(self, name: str, *, placeholder: str = "") -> None:
        field = ui.input(self.texts(f"train.{name}"), value=self.values.get(name, ""), placeholder=placeholder)
        field.props("outlined dense stack-label debounce=250 no-error-icon")
        field.without_auto_validation().on_value_change(lambda event: self.set(name, str(event.value or "")))
        self._fields[name] = field

    def _select(self, name: str, options: Any, *, value: str | None = None) -> None:
        chosen = self.values.get(name, "") if value is None else value
        shown = {option: option or self.texts("train.usual") for option in options}
        field = ui.select(shown, label=self.texts(f"train.{name}"), value=chosen if chosen in shown else None)
        field.props("outlined dense options-dense stack-label no-error-icon")
        field.without_auto_validation().on_value_change(lambda event: self.set(name, str(event.value or "")))
        self._fields[name] = field
