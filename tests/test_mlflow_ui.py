"""The MLflow UI of a store with twelve runs, in a real headless Chromium.

Each test leaves screenshots in its temporary folder (`pytest --basetemp=FOLDER` keeps them).
"""

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from fixtures.mlflow_server import wait_until_it_answers

from nnexp.runs.query import Runs
from nnexp.runs.ui_pages import page_of

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium: pip install 'nnexp[browser]'")
from selenium.common.exceptions import StaleElementReferenceException  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs Chromium and chromedriver")

RUNS = 12
SWEPT = ("init", "optimizer", "seed")
SWEEP = ["data=digits", "trainer.epochs=5", "init=he_normal,xavier_normal", "optimizer=adam,momentum"]
SWEEP += ["seed=0,1,2", "diagnostics.histograms=false", "tracking.register=digits"]
SWEEP += ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
TIMEOUT = 60.0  # seconds for something to appear, on a busy machine
WIDTH = 1600  # pixels
FLAGS = ["--headless=new", "--no-sandbox", "--no-first-run", f"--window-size={WIDTH},1000"]
FEATURES = ("gpu", "quic", "sync", "background-networking", "component-update")
FLAGS += [f"--disable-{feature}" for feature in FEATURES]
LOCAL_STORAGE = {  # of a user who has visited the pages before
    "mlflow.workflowType_v1": '"machine_learning"',
    "mlflow.assistant.panelOpen_v1": "false",
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",
    "mlflow.telemetry.info.alert.dismissed_v1": "true",
    "_mlflow_model_registry_promo_modal_dismissed_v1": "true",
}
HARMLESS = ("/users/current", "ResizeObserver loop", "favicon")  # in the console of MLflow's own pages
BEST = "best/val_accuracy"
ORDER = f"orderByKey={quote(f'metrics.`{BEST}`')}&orderByAsc=false"  # not nested in the parent run
OF_JOBS = "tags.`nnexp.sweep_id` LIKE '%'"  # not the parent run


class Store(NamedTuple):
    """A served store: its URI, the UI's URL, the server's output, what MLflow's client reads."""

    uri: str
    url: str
    output: Path
    experiment: str
    runs: list[Any]  # best first
    client: Any


class Page:
    """A browser window; its methods wait for elements and texts."""

    def __init__(self, driver: Any, url: str, pictures: Path) -> None:
        self.driver, self.url, self.pictures = driver, url, pictures

    def open(self, path: str) -> None:
        self.driver.get("about:blank")  # the UI's pages are fragments of one URL: load each from scratch
        self.driver.get(f"{self.url}/#/{path}")

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        wait = WebDriverWait(self.driver, TIMEOUT, 0.1, (StaleElementReferenceException,))
        return wait.until(lambda _: condition(), f"{what} at {self.driver.current_url}")

    def all(self, selector: str) -> list[Any]:
        """Return the present elements of a CSS selector, or of an XPath that begins with //."""
        kind = "xpath" if selector.startswith("//") else "css selector"
        return list(self.driver.find_elements(kind, selector))

    def find(self, selector: str) -> Any:
        return self.until(lambda: self.all(selector), selector)[0]

    def scroll_to(self, selector: str) -> None:
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", self.find(selector))

    def press(self, selector: str) -> None:
        self.scroll_to(selector)
        self.find(selector).click()

    def read(self, *texts: str) -> str:
        """Return the text of the page, once it has all of these."""

        def page_text() -> str:
            text = str(self.driver.execute_script("return document.body.innerText"))
            return text if all(expected in text for expected in texts) else ""

        return str(self.until(page_text, f"the texts {texts}"))

    def texts(self, selector: str) -> list[str]:
        return [element.get_property("textContent") for element in self.all(selector)]

    def search_charts(self, pattern: str) -> None:
        self.find("input[placeholder='Search metric charts']").send_keys(pattern)

    def picture(self, name: str) -> None:
        self.pictures.mkdir(exist_ok=True)
        assert self.driver.save_screenshot(str(self.pictures / f"{name}.png"))


@pytest.fixture(scope="module")
def served(tmp_path_factory, empty_store: Path, free_port: Callable[[], int]) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "mlruns").mkdir()
    shutil.copy(empty_store, folder / "mlruns" / "mlflow.db")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    port = free_port()
    output, nnexp = folder / "ui.txt", [sys.executable, "-m", "nnexp"]
    with output.open("w") as file:
        command = [*nnexp, "ui", "--no-browser", "--port", str(port)]
        streams = {"stdout": file, "stderr": file, "start_new_session": True}
        server = subprocess.Popen(command, cwd=folder, env=environment, **streams)
    try:
        sweep = [*nnexp, "-m", *SWEEP]
        done = subprocess.run(sweep, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        url = f"http://127.0.0.1:{port}"
        wait_until_it_answers(port, server, output)
        yield read_store(url, output, f"sqlite:///{folder / 'mlruns' / 'mlflow.db'}")
    finally:
        os.killpg(server.pid, signal.SIGKILL)  # SIGTERM would wait for its connections
        server.wait(timeout=TIMEOUT)


def read_store(url: str, output: Path, uri: str) -> Store:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("nnexp").experiment_id
    runs = client.search_runs([experiment], OF_JOBS, order_by=[f"metrics.`{BEST}` DESC"])
    assert len(runs) == RUNS
    assert {run.info.status for run in runs} == {"FINISHED"}
    return Store(uri, url, output, experiment, list(runs), client)


@contextmanager
def browser(profile: Path, local_storage: dict[str, str]) -> Iterator[Any]:
    """Start Chromium with a new profile."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=DRIVER))
    resize(driver, WIDTH)
    entries = f"Object.entries({json.dumps(local_storage)})"
    script = f"for (const [key, value] of {entries}) localStorage.setItem(key, value)"
    source = {"source": f"if (location.protocol === 'http:') {script}"}
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", source)
    try:
        yield driver
    finally:
        driver.quit()


def resize(driver: Any, width: int) -> None:
    size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with browser(tmp_path_factory.mktemp("profile"), LOCAL_STORAGE) as driver:
        yield driver


@pytest.fixture
def page(served: Store, driver: Any, tmp_path: Path) -> Iterator[Page]:
    """Give a test a window; afterwards neither the browser nor the server may have logged errors."""
    yield Page(driver, served.url, tmp_path / "screenshots")
    severe = [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert [message for message in severe if not any(text in message for text in HARMLESS)] == []
    output = served.output.read_text()
    assert "Traceback" not in output, output
    assert 'HTTP/1.1" 5' not in output, output


def test_the_runs_table_sorts_twelve_runs_by_their_best_validation_accuracy(page, served):
    page.open(f"experiments/{served.experiment}/runs?{ORDER}&searchFilter={quote(OF_JOBS)}")
    page.read("12 matching runs", "Sort: best/val_accuracy")
    page.press("[data-testid='column-selection-dropdown']")
    page.find("input[placeholder*='olumns']").send_keys(BEST)
    tree = "//*[@data-testid='column-selector-tree']//span[contains(@class, 'tree-title')]"
    page.press(f"{tree}[normalize-space()='{BEST}']")
    page.find("body").send_keys(Keys.ESCAPE)
    cells = f"[role='gridcell'][col-id*='{BEST}']"
    page.until(lambda: len(page.all(cells)) == RUNS, "a value for each run")
    shown = {row: float(text) for row, text in by_row(page, cells)}
    names = page.texts("[role='row'] a[href*='/runs/']")
    page.picture("runs")
    values = list(shown.values())
    assert values == sorted(values, reverse=True)
    assert len(set(values)) > 3
    assert shown == {run.info.run_id: run.data.metrics[BEST] for run in served.runs}
    assert sorted(names) == sorted(run.info.run_name for run in served.runs)


def by_row(page: Page, cells: str) -> list[tuple[str, str]]:
    """Return run and text of a column's cells, from the top down; the grid orders its elements otherwise."""
    ordered = sorted(page.all(cells), key=lambda cell: cell.location["y"])
    rows = [cell.find_element("xpath", "./ancestor::*[@row-id][1]") for cell in ordered]
    return [(row.get_attribute("row-id"), cell.text) for row, cell in zip(rows, ordered, strict=True)]


@pytest.mark.parametrize("width", [WIDTH, 1100])
def test_nnexp_ui_opens_a_fresh_browser_at_the_leaderboard(served, tmp_path, width):
    with browser(tmp_path / "profile", {}) as driver:
        resize(driver, width)
        page = Page(driver, served.url, tmp_path / "screenshots")
        page.open(page_of([], Runs(served.uri)).removeprefix("/#/"))
        text = page.read("13 matching runs", "Leaderboard", f"Sort: {BEST}", "Model training")
        assert not {"Prompts", "Evaluation runs", "Overview"} & set(text.splitlines())  # for language models
        cells = f"[role='gridcell'][col-id='metrics.`{BEST}`']"
        page.until(lambda: len(page.all(cells)) >= RUNS, "a value for each run")
        values = [float(text) for _, text in by_row(page, cells) if text not in ("", "-")]
        assert values == [run.data.metrics[BEST] for run in served.runs]
        heads = page.texts("[role='columnheader'] [ref='eText'], [role='columnheader'] span")
        page.picture(f"leaderboard-{width}")
        if width == WIDTH:
            assert [name for name in dict.fromkeys(heads) if name in SWEPT] == list(SWEPT)


@pytest.mark.parametrize(
    ("view", "first"),
    [("learning-curves", ["train", "val"]), ("layers", ["activation_std", "activation_mean"])],
)
def test_a_saved_view_has_its_charts_in_sections(page, served, view, first):
    page.open(page_of([], Runs(served.uri), view).removeprefix("/#/"))
    header = "[data-testid='experiment-view-compare-runs-section-header']"
    page.until(lambda: len(page.all(header)) > 5, "sections of charts")
    sections = [text.partition("(")[0].strip() for text in page.texts(header)]
    assert sections[: len(first)] == first
    card = "[data-testid='experiment-view-compare-runs-card']"
    page.until(lambda: drawn(page.find(card)), "curves")
    page.picture(view)


def test_the_menu_lists_the_saved_views_and_the_one_of_the_sweep(page, served):
    sweep = served.runs[0].data.tags["nnexp.sweep_id"]
    page.open(page_of([sweep], Runs(served.uri)).removeprefix("/#/"))
    page.read("12 matching runs")
    page.press("[data-testid='saved-views-trigger']")
    text = page.read("Learning curves", "Layers", "By setting", "Leaderboard")
    page.picture("views")
    assert text.index("Leaderboard") < text.index("Learning curves") < text.index("By setting")


def test_three_selected_runs_are_compared_side_by_side(page, served):
    chosen = served.runs[:12:4]
    page.open(f"experiments/{served.experiment}/runs?{ORDER}&searchFilter={quote(OF_JOBS)}")
    page.read("12 matching runs")
    for run in chosen:
        page.find(f"[row-id='{run.info.run_id}'] a[href*='/runs/']")
        page.find(f"[row-id='{run.info.run_id}'] input[type=checkbox]").click()
    page.press("//button[normalize-space()='Compare']")
    ids = [run.info.run_id for run in chosen]
    text = page.read("Comparing 3 Runs from 1 Experiment", "Run details", *ids)
    assert all(run.info.run_name in text for run in chosen)
    page.picture("side-by-side")


def test_nnexp_ui_opens_a_run_and_the_comparison_of_runs(page, served):
    first, second = (run.info.run_id for run in served.runs[:2])
    page.open(page_of([first, second], Runs(served.uri)).removeprefix("/#/"))
    page.read("Comparing 2 Runs from 1 Experiment", first, second)
    page.picture("comparison")
    page.open(page_of([first], Runs(served.uri)).removeprefix("/#/"))
    page.read(served.runs[0].info.run_name, "Finished", "Parameters (")


def test_curves_of_three_runs_are_grouped_by_train_and_val(page, served):
    chosen = served.runs[:12:4]
    ids = ", ".join(f"'{run.info.run_id}'" for run in chosen)
    only = f"attributes.run_id IN ({ids})"
    query = f"{ORDER}&compareRunsMode=CHART&searchFilter={quote(only)}"
    page.open(f"experiments/{served.experiment}/runs?{query}")
    page.read("3 matching runs")
    header = "[data-testid='experiment-view-compare-runs-section-header']"
    page.until(lambda: len(page.all(header)) > 5, "sections of charts")
    sections = " ".join(page.texts(header))
    assert {"best", "train", "val", "test", "time"} <= set(sections.replace("(", " ").split())
    page.search_charts("^(train|val)/")
    expected = "train(2) val(2)"  # charts in each section
    page.until(lambda: " ".join(page.texts(header)).startswith(expected), expected)
    for title in ("train/accuracy", "train/loss", "val/accuracy", "val/loss"):
        card = f"//*[@data-testid='experiment-view-compare-runs-card'][contains(., '{title}')]"
        page.scroll_to(card)
        page.until(lambda card=card: drawn(page.find(card)), f"the curves of {title}")
        legend = page.find(card).get_property("textContent")
        assert all(run.info.run_name in legend for run in chosen)
    page.scroll_to(header)
    page.picture("curves")


def drawn(chart: Any) -> bool:
    """Return whether a chart has the curves of three runs with five points each."""
    return len(chart.find_elements("css selector", ".scatterlayer .trace .points path.point")) >= 15


def test_a_run_shows_its_data_its_results_and_how_to_repeat_it(page, served):
    run = served.runs[0]
    page.open(f"experiments/{served.experiment}/runs/{run.info.run_id}")
    sections = ["Description", "Datasets", "Registered models", "Metrics (", "Parameters ("]
    page.read(run.info.run_name, "Finished", *sections)
    data = "digits, 10 classes (1,150 training, 288 validation, 359 test examples)"
    scores = [f"{run.data.metrics[name]:.2%}" for name in (BEST, "test/accuracy")]
    repeat = ["Started by nnexp", f"nnexp reproduce {run.info.run_id[:8]}"]
    tags = ["digits, training", "nnexp.sweep_id", "nnexp.config_hash"]
    text = page.read(data, *scores, *repeat, *tags)
    assert f"optimizer {run.data.params['optimizer']}" in text
    page.picture("run")
    page.find("input[placeholder='Search parameters']").send_keys("optimizer.lr")
    page.read("optimizer.lr", run.data.params["optimizer.lr"])
    page.scroll_to("input[placeholder='Search parameters']")
    page.picture("run-parameters")
    version = served.client.search_model_versions(f"run_id = '{run.info.run_id}'")[0].version
    page.find(f"a[href*='models/digits/versions/{version}']")
    page.find(f"a[href*='/models/{run.outputs.model_outputs[0].model_id}']")


def test_the_artifacts_show_the_confusion_matrix_of_the_test_set(page, served):
    run_id = served.runs[0].info.run_id
    page.open(f"experiments/{served.experiment}/runs/{run_id}")
    page.press("//*[@role='tab'][normalize-space()='Artifacts']")
    page.read("config.yaml", "curves.png", "misclassified.png", "confusion", "predictions", "weights")
    for name in ("confusion", "test.png"):
        page.press(f"//*[text()='{name}']")
    page.read("confusion/test.png")
    measure = "return Array.from(document.images, image => [image.naturalWidth, image.naturalHeight])"
    png = Path(served.client.download_artifacts(run_id, "confusion/test.png")).read_bytes()
    size = list(struct.unpack(">II", png[16:24]))
    assert min(size) > 300
    page.until(lambda: size in page.driver.execute_script(measure), f"an image of {size}")
    page.picture("artifact")


def test_the_confusion_matrices_of_the_epochs_follow_a_slider(page, served):
    page.open(f"experiments/{served.experiment}/runs/{served.runs[0].info.run_id}")
    page.press("//*[@role='tab'][normalize-space()='Model metrics']")
    page.search_charts("confusion_val")
    assert page.find("[role='slider']").get_attribute("aria-valuemax") == "5"
    image = "img[src*='confusion_val%2Bstep%2B{}%2B']"
    for step in (1, 2, 4, 5):
        page.find("[role='slider']").send_keys(Keys.ARROW_RIGHT)
        loaded = page.find(image.format(step))
        page.until(lambda image=loaded: image.get_property("naturalWidth") > 200, f"epoch {step}")
        assert page.find("[role='slider']").get_attribute("aria-valuenow") == str(step)
    page.scroll_to(image.format(5))
    page.picture("slider")


def test_the_registered_model_lists_a_version_for_each_run(page, served):
    page.open("models")
    page.press("//a[normalize-space()='digits']")
    versions = [f"Version {number}" for number in range(1, RUNS + 1)]
    page.read("Networks trained by nnexp", *versions)
    page.picture("model")
    links = page.texts("a[href*='/models/digits/versions/']")
    assert sorted(text for text in links if text) == sorted(versions)
    stored = served.client.search_model_versions("name = 'digits'")
    newest = max(stored, key=lambda version: int(version.version))
    page.press(f"//a[normalize-space()='Version {newest.version}']")
    run = served.client.get_run(newest.run_id)
    page.read(f"Version {RUNS}", run.info.run_name, "Inputs (1)", "Outputs (12)")
    page.picture("model-version")
    page.find(f"a[href*='/models/{run.outputs.model_outputs[0].model_id}']")
    page.press(f"a[href*='/runs/{run.info.run_id}']")
    page.read("About this run", run.info.run_name)


def test_the_evaluation_view_can_read_the_tables(page, served):
    page.open(f"experiments/{served.experiment}/runs?{ORDER}&compareRunsMode=ARTIFACT")
    assert "malformed" not in page.read("Group by", "predictions/misclassified.json")
    page.picture("evaluation")
