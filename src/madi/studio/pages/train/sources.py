"""The card of the data: in the box, within the studio's folder, or brought along."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nicegui import run, ui

from madi.config import TrainConfig
from madi.errors import MadiError
from madi.studio.training.data import GATES, TABLES, boxed, columns_of, known, own_files, place_for_upload
from madi.studio.training.settings import is_table

if TYPE_CHECKING:
    from madi.studio.pages.train.form import Form

MOST = 60  # MB of an upload: below what the guard lets pass


class Sources:
    """The choice of data and what there is to say of them."""

    def __init__(self, form: Form) -> None:
        self.form, self.texts, self.workplace = form, form.texts, form.shown.workplace
        self._read: tuple[int, int] | None = None
        self._newest: Any = None  # of what was brought: the others are chosen no more

    def progress(self, done: int, count: int) -> None:
        """So many pictures of so many are read; told from another thread."""
        self._read = (done, count)

    # ---- elements

    def build(self) -> None:
        """The card."""
        ui.html(f"<h2>{self.texts('train.data')}</h2>", sanitize=False)
        self._choice = ui.select(self._options(), value=None)
        self._choice.props(f'outlined dense options-dense aria-label="{self.texts("train.data")}"')
        self._choice.set_value(self.form.data if self.form.data in self._options() else None)
        self._choice.on_value_change(self._chosen)
        self._target = ui.select([], label=self.texts("train.target")).props("outlined dense options-dense")
        self._target.set_visibility(False)
        self._target.on_value_change(self._aimed)
        self._about = ui.label("").classes("soft train-about").props("aria-live=polite")
        self._error = ui.label("").classes("notice").props("role=alert")
        self._error.set_visibility(False)
        self._columns = ui.expansion(self.texts("train.columns")).props("dense").classes("train-more")
        self._columns.set_visibility(False)
        with ui.expansion(self.texts("train.own")).props("dense").classes("train-more"):
            ui.label(self.texts("train.own_hint", most=MOST)).classes("soft")
            self._upload = ui.upload(
                label=self.texts("train.upload"), auto_upload=True, max_file_size=MOST * 10**6,
                on_upload=self._brought, on_rejected=lambda: self._refuse(self.texts("train.too_large", most=MOST)),
            )  # fmt: skip
            self._upload.props("flat bordered").classes("train-upload")
            # The browser empties the list itself, as soon as a file is sent: were it told to, that might reach it when
            # the next one is on its way, and end that.
            self._upload.on("uploaded", js_handler=f'() => runMethod({self._upload.id}, "reset", [])')
            self._refused = ui.label("").classes("notice").props("role=alert")
            self._refused.set_visibility(False)

    def _options(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, listed in boxed(self.workplace).items():
            found[name] = name if listed.present else self.texts("train.to_download", name=name)
        found |= {name: self.texts("train.gate", name=name) for name in GATES}
        return found | {f"file:{name}": name for name in own_files(self.workplace)}

    def _chosen(self, event: Any) -> None:
        if event.value and event.value != self.form.data:
            self._refuse("")
            self._target.set_visibility(False)
            self.form.choose_data(event.value)

    async def _brought(self, event: Any) -> None:
        """Keep a file under a name of ours, see that it can be read, and choose it, unless a newer one has come."""
        self._newest, path, error = event, None, ""
        self._refuse("")
        try:
            path = place_for_upload(event.file.name, self.workplace)
            await event.file.save(path)
            self._about.set_text(self.texts("train.reading"))
            await run.io_bound(self._expect_readable, path)
        except (MadiError, OSError) as wrong:
            if path is not None:
                path.unlink(missing_ok=True)
            error = str(wrong).replace(str(path), event.file.name)
        if self._newest is event:
            self._answer(path, error)

    def _answer(self, path: Path | None, error: str) -> None:
        """Choose what was brought, or say why it is not taken."""
        if path is None or error:
            return self._refuse(error)
        name = f"file:{path.relative_to(self.workplace.folder.resolve()).as_posix()}"
        self._choice.set_options(self._options(), value=name)
        return None

    def _expect_readable(self, path: Path) -> None:
        """Read what was brought as a training would; of a table the columns, until a target is chosen."""
        if path.suffix in TABLES:
            columns_of(path)
        else:
            known(TrainConfig(dataset=str(path)), self.progress)

    def _aimed(self, event: Any) -> None:
        if event.value:
            self.form.set("target", event.value)

    async def offer_targets(self) -> None:
        """The columns of a table to choose from: the last is as a rule what is to be predicted."""
        data = self.form.data
        if not is_table(self.form.values):
            return None
        path = self.workplace.place(data.removeprefix("file:"))
        try:
            columns = await run.io_bound(columns_of, path)
        except MadiError as error:
            return self.tell(str(error))
        if not columns or data != self.form.data:  # the program is ending, or other data were chosen meanwhile
            return None
        self._target.set_options(columns)
        self._target.set_visibility(True)
        self._target.set_value(columns[-1])
        return None

    # ---- what is told

    def tell_reading(self) -> None:
        """The data are being read."""
        self._about.set_text(self.texts("train.reading"))
        self._error.set_visibility(False)

    def tell(self, error: str) -> None:
        """What is wrong with the data, or nothing."""
        self._error.set_text(self._within(error))
        self._error.set_visibility(bool(error))
        if error:
            self._about.set_text("")

    def _refuse(self, error: str) -> None:
        """What is wrong with what was brought, or nothing; what is said of the data that are chosen stays."""
        self._refused.set_text(self._within(error))
        self._refused.set_visibility(bool(error))
        if error:
            self._about.set_text("")
            self.tell_known()

    def _within(self, text: str) -> str:
        """The text with paths as they are called within the studio's folder."""
        return text.replace(f"{self.workplace.folder.resolve()}/", "")

    def tell_known(self) -> None:
        """How many examples of which shape, and what becomes of columns."""
        found = self.form.known
        if found is None:
            return
        name = "examples" if found.classes else "examples_numbers"
        shape = " × ".join(map(str, found.shape))
        shape = self.texts("train.inputs", count=shape) if len(found.shape) == 1 else shape
        classes = len(found.classes) or found.numbers
        told = self.texts(f"train.{name}", count=f"{found.count:,}", shape=shape, classes=classes)
        self._about.set_text(f"{told}. {found.notice}".strip() if found.notice else told)
        target = self.form.values.get("target")
        if target and not self._target.visible:
            self._target.set_options([target], value=target)
            self._target.set_visibility(True)
        self._show_columns(found.columns)

    def _show_columns(self, columns: Any) -> None:
        self._columns.clear()
        self._columns.set_visibility(bool(columns))
        with self._columns, ui.element("table").classes("train-columns"):
            for row in columns[:40]:
                with ui.element("tr"):
                    for cell in row:
                        with ui.element("td"):
                            ui.label(cell)
