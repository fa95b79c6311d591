"""The page in headless Chromium: what is on the screen is what the files hold.

python -m tests.viewer.test_browser docs/images/viewer.png              # the pictures in the documentation
python -m tests.viewer.test_browser docs/images/viewer_painting.png
"""

import base64
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage.measure import find_contours

from mmattn.seismic import open_volume
from mmattn.viewer.colours import amplitude_levels
from mmattn.viewer.survey import usual_clip
from mmattn.viewer.ways import traces_along
from tests.seismic.segy_files import grid_file, make_cube

ROOT = Path(__file__).resolve().parents[2]
BROWSER, DRIVER = (shutil.which(name) for name in ('chromium', 'chromedriver'))
SHAPE = (9, 14, 20)
FIGURE = "const figure = Array.from(Bokeh.documents[0]._all_models.values()).find(one => one.type == 'Figure');"
FIND = """
const found = [];
const walk = root => root.querySelectorAll('*').forEach(one => {
    if (one.matches(arguments[0])) found.push(one);
    if (one.shadowRoot) walk(one.shadowRoot);
});
walk(document);
return found;
"""
FRAME = (
    FIGURE
    + """
const view = Bokeh.index.find_one(figure), edge = view.canvas_view.el.getBoundingClientRect(), box = view.frame.bbox;
return [edge.left + box.left, edge.top + box.top, box.width, box.height];
"""
)


def title(driver) -> str:
    return driver.execute_script(FIGURE + 'return figure.title.text || figure.title')


def texts(driver) -> str:
    found = FIND.replace('return found;', "return found.map(one => one.textContent).join('\\n');")
    return driver.execute_script(found, 'pre')


def wait(condition: Callable[[], object], seconds: float = 60) -> object:
    """Returns what a condition gives once it is true."""
    until = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < until, 'the page did not come to it'
        time.sleep(0.1)
    return result


def on_screen(driver, shape: tuple[int, int], frame: list[float] | None = None) -> np.ndarray:
    """The grey levels at the middles of the cells of a picture of (rows, columns), of the first figure by default."""
    left, top, width, height = frame or driver.execute_script(FRAME)
    screen = np.asarray(Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert('L'), float)
    rows = (top + (np.arange(shape[0]) + 0.5) * height / shape[0]).astype(int)
    columns = (left + (np.arange(shape[1]) + 0.5) * width / shape[1]).astype(int)
    return screen[np.ix_(rows, columns)]


@contextmanager
def opened(*files: Path | str, tool: Path | str = 'tools/view.py', sign: str = 'input[type=text]') -> Iterator[object]:
    """The page of some files, and options, in a browser of 1280 x 720, once a sign of it is there."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for option in ('headless=new', 'no-sandbox', 'disable-dev-shm-usage', 'disable-gpu', 'window-size=1280,800'):
        options.add_argument(f'--{option}')
    environment = os.environ | dict(PYTHONPATH=str(ROOT), XDG_CACHE_HOME=str(files[0].parent / 'cache'))
    command = [sys.executable, str(tool), *map(str, files)]
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    try:
        driver.get(next(line.strip() for line in server.stdout if line.startswith('http')))
        wait(lambda: driver.execute_script('return window.Bokeh && Bokeh.documents.length'))
        wait(lambda: driver.execute_script(FIND, sign))
        yield driver
    except BaseException:
        if folder := os.environ.get('MMATTN_SCREENSHOTS'):
            driver.save_screenshot(f'{folder}/failed.png')
        raise
    finally:
        driver.quit()
        server.terminate()
        server.wait()


@pytest.mark.slow
@pytest.mark.skipif(not (BROWSER and DRIVER), reason='needs chromium and chromium-driver')
def test_what_is_on_the_screen_is_what_the_file_holds(tmp_path: Path):
    pytest.importorskip('panel')
    pytest.importorskip('selenium')
    from selenium.webdriver import ActionChains

    cube = make_cube(SHAPE)
    grid_file(cube).write(tmp_path / 'survey.sgy')
    with open_volume(tmp_path / 'survey.sgy') as volume:
        clip = usual_clip(volume)

    def levels(section: np.ndarray) -> np.ndarray:
        return amplitude_levels(section, np.ones(section.shape, bool), clip, 0.0).astype(float)

    def agrees(section: np.ndarray) -> bool:
        return np.corrcoef(on_screen(driver, section.shape).ravel(), levels(section).ravel())[0, 1] > 0.98

    with opened(tmp_path / 'survey.sgy') as driver:
        wait(lambda: title(driver) == 'survey.sgy: inline 14')
        wait(lambda: agrees(cube[4].T))
        assert not agrees(cube[7].T)
        (typed,) = driver.execute_script(FIND, 'input[type=text]')
        typed.clear()
        typed.send_keys('17\n')
        wait(lambda: title(driver) == 'survey.sgy: inline 17')
        wait(lambda: agrees(cube[7].T))
        typed.clear()
        typed.send_keys('70\n')
        wait(lambda: "inline must be a number from 10 to 18, got '70'" in texts(driver))
        left, top, width, height = driver.execute_script(FRAME)
        at = int(left + 3.5 * width / SHAPE[1]), int(top + 8.5 * height / SHAPE[2])
        ActionChains(driver).move_by_offset(*at).perform()
        wait(lambda: f'inline 17 · crossline 303 · time 32 ms · amplitude {cube[7, 3, 8]:.6g}' in texts(driver))
        next(one for one in driver.execute_script(FIND, 'button') if one.text == 'time').click()
        wait(lambda: title(driver) == 'survey.sgy: time 40 ms')
        wait(lambda: agrees(cube[:, :, 10]))


def press(driver, text: str) -> None:
    next(one for one in driver.execute_script(FIND, 'button') if one.text == text).click()


@pytest.mark.slow
@pytest.mark.skipif(not (BROWSER and DRIVER), reason='needs chromium and chromium-driver')
def test_traces_are_shown_until_the_headers_are_read(tmp_path: Path):
    pytest.importorskip('panel')
    pytest.importorskip('selenium')
    cube = make_cube(SHAPE)
    grid_file(cube).write(tmp_path / 'survey.sgy')
    (tmp_path / 'go').touch()
    slow = tmp_path / 'slow.py'
    slow.write_text(
        'import os, runpy, sys, time\n'
        'from mmattn.seismic.segy import regular\n'
        'usual = regular.iterate_windows\n'
        'def waits(layout):\n'
        f'    while os.path.exists({str(tmp_path / "go")!r}):\n'
        '        time.sleep(0.1)\n'
        '    yield from usual(layout)\n'
        'regular.iterate_windows = waits\n'
        f"runpy.run_path({str(ROOT / 'tools' / 'view.py')!r}, run_name='__main__')\n"
    )
    middle = cube[4].T  # traces 57 to 70 of 126

    def agrees() -> bool:
        levels = amplitude_levels(middle, np.ones(middle.shape, bool), np.abs(middle).max(), 0.0).astype(float)
        return np.corrcoef(on_screen(driver, middle.shape).ravel(), levels.ravel())[0, 1] > 0.98

    with opened(tmp_path / 'survey.sgy', tool=slow, sign='pre') as driver:
        wait(lambda: title(driver) == 'survey.sgy: traces 57 to 70 of 126 in the file, inline number 14')
        wait(agrees)
        assert 'reading trace headers' in texts(driver)
        (tmp_path / 'go').unlink()
        wait(lambda: title(driver) == 'survey.sgy: inline 14')
        wait(agrees)
        assert 'reading trace headers' not in texts(driver)


@pytest.mark.slow
@pytest.mark.skipif(not (BROWSER and DRIVER), reason='needs chromium and chromium-driver')
def test_what_is_painted_is_in_the_file_and_on_the_screen(tmp_path: Path):
    pytest.importorskip('panel')
    pytest.importorskip('selenium')
    from selenium.webdriver import ActionChains

    grid_file(make_cube(SHAPE)).write(tmp_path / 'survey.sgy')
    path = tmp_path / 'label.npy'

    def at(driver, row: float, column: float) -> tuple[int, int]:
        left, top, width, height = driver.execute_script(FRAME)
        return int(left + (column + 0.5) * width / SHAPE[1]), int(top + (row + 0.5) * height / SHAPE[2])

    def move(driver, *cells: tuple[float, float], held: bool) -> None:
        places = [at(driver, *cell) for cell in cells]
        chain = ActionChains(driver, duration=100)
        chain.w3c_actions.pointer_action.move_to_location(*places[0])
        chain = chain.click_and_hold() if held else chain.click()
        for place in places[1:]:
            chain.w3c_actions.pointer_action.move_to_location(*place)
            chain = chain if held else chain.click()
        (chain.release() if held else chain).perform()

    def label() -> np.ndarray:
        return np.load(path)[4].T

    with opened(tmp_path / 'survey.sgy', '--label', path) as driver:
        wait(lambda: title(driver) == 'survey.sgy: inline 14')
        before = on_screen(driver, (SHAPE[2], SHAPE[1]))
        press(driver, 'brush')
        move(driver, (5, 3), (5, 6), (5, 10), held=True)
        wait(lambda: (label() == 1).any())
        assert (label()[5, 3:11] == 1).all()
        assert (label()[15:] == 255).all()
        salt = label() == 1
        wait(lambda: abs(on_screen(driver, salt.shape) - before)[salt].mean() > 10)
        assert abs(on_screen(driver, salt.shape) - before)[15:, :9].max() < 3  # right of it is the crosshair
        assert 'inline 14' in title(driver)
        left, right = (driver.execute_script(FIGURE + f'return figure.x_range.{end}') for end in ('start', 'end'))
        assert (left, right) == (-0.5, SHAPE[1] - 0.5)  # the picture stood still
        press(driver, 'not salt')
        press(driver, 'polygon')
        for corner in ((14.5, 1.5), (14.5, 8.5), (18.5, 8.5), (18.5, 1.5)):
            move(driver, corner, held=False)
            time.sleep(0.5)  # two clicks of one double click
        press(driver, 'close the polygon')
        wait(lambda: (label() == 0).any())
        inside = np.zeros(label().shape, bool)
        inside[15:19, 2:9] = True
        np.testing.assert_array_equal(label() == 0, inside)
        press(driver, 'undo')
        wait(lambda: not (label() == 0).any())
        assert (label() == 1).sum() == salt.sum()


def framed(driver, name: str) -> list[float]:
    """Left, top, width and height of the frame of the figure whose title begins so; [] while there is none in sight."""
    return driver.execute_script(
        """
        const of = one => one.title.text ?? one.title ?? '';
        const figure = Array.from(Bokeh.documents[0]._all_models.values()).find(
            one => one.type == 'Figure' && one.visible && of(one).startsWith(arguments[0]));
        const view = figure && Bokeh.index.find_one(figure);
        if (!view) return [];
        const edge = view.canvas_view.el.getBoundingClientRect(), box = view.frame.bbox;
        return [edge.left + box.left, edge.top + box.top, box.width, box.height];
        """,
        name,
    )


def blended(grey: np.ndarray, probability: np.ndarray, opacity: float = 0.5) -> np.ndarray:
    """Brightness of grey levels under sky blue."""
    alpha = opacity * probability
    return (1 - alpha) * grey + alpha * (0.299 * 0x56 + 0.587 * 0xB4 + 0.114 * 0xE9)


@pytest.mark.slow
@pytest.mark.skipif(not (BROWSER and DRIVER), reason='needs chromium and chromium-driver')
def test_two_predictions_a_line_and_attention(tmp_path: Path):
    pytest.importorskip('panel')
    pytest.importorskip('selenium')
    import runpy
    from types import SimpleNamespace

    import torch
    from mmengine.config import Config
    from mmseg.apis import init_model
    from selenium.webdriver import ActionChains

    from mmattn.viewer.survey import open_survey
    from tests.tiny import write_tiny_config

    cube = make_cube(SHAPE)
    grid_file(cube).write(tmp_path / 'survey.sgy')
    first, second = np.full(SHAPE, 0.1, np.float32), np.full(SHAPE, 0.1, np.float32)
    first[:, 2:5, 4:12], second[:, 9:12, 4:12] = 0.95, 0.95
    np.save(tmp_path / 'first.npy', first)
    np.save(tmp_path / 'second.npy', second)
    config = write_tiny_config(tmp_path)
    model = init_model(Config.fromfile(config), device='cpu')
    torch.save(dict(meta={}, state_dict=model.state_dict()), tmp_path / 'a.pth')
    with open_volume(tmp_path / 'survey.sgy') as volume:
        clip = usual_clip(volume)

    def looks_like(name: str, section: np.ndarray, probability: np.ndarray) -> bool:
        frame = framed(driver, name)
        if not frame:
            return False
        grey = amplitude_levels(section, np.ones(section.shape, bool), clip, 0.0).astype(float)
        expected = blended(grey, probability)
        found = on_screen(driver, section.shape, frame)
        return np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.98

    def click(name: str, row: float, column: float, shape: tuple[int, int]) -> None:
        left, top, width, height = wait(lambda: framed(driver, name))
        chain = ActionChains(driver)
        place = int(left + (column + 0.5) * width / shape[1]), int(top + (row + 0.5) * height / shape[0])
        chain.w3c_actions.pointer_action.move_to_location(*place)
        chain.click().perform()
        time.sleep(0.5)  # no double click

    files = tmp_path / 'survey.sgy', tmp_path / 'first.npy', '--compare', tmp_path / 'second.npy'
    with opened(*files, '--config', config, '--checkpoint', tmp_path / 'a.pth') as driver:
        wait(lambda: looks_like('survey.sgy: inline 14', cube[4].T, first[4].T))
        wait(lambda: looks_like('second.npy: inline 14', cube[4].T, second[4].T))
        assert not looks_like('second.npy: inline 14', cube[4].T, first[4].T)

        click('survey.sgy', 8, 3, (20, 14))
        sources = FIND.replace(
            'return found;', "return found.map(one => one.src).filter(one => one.startsWith('data:'));"
        )
        (source,) = wait(lambda: driver.execute_script(sources, 'img'))
        tool = runpy.run_path(str(ROOT / 'tools' / 'view.py'), run_name='view')
        args = SimpleNamespace(config=str(config), checkpoint=str(tmp_path / 'a.pth'), clip=None)
        with open_survey(tmp_path / 'survey.sgy') as survey:
            expected = Image.open(io.BytesIO(tool['explainer'](args, survey)('iline', 4, 8, 3)))
        shown = Image.open(io.BytesIO(base64.b64decode(source.partition(',')[2])))
        np.testing.assert_allclose(np.asarray(shown, float), np.asarray(expected, float), atol=2)

        press(driver, 'line: click its corners on a slice')
        wait(lambda: framed(driver, 'survey.sgy: time 32 ms'))  # through the click
        time.sleep(1)
        for corner in ((1, 2), (7, 11)):
            click('survey.sgy: time', *corner, (9, 14))
        rows, columns = traces_along([(1, 2), (7, 11)], SHAPE[:2])
        wait(lambda: looks_like('survey.sgy: along the line', cube[rows, columns].T, first[rows, columns].T))


def draw_painting(path: Path) -> None:
    """Draws the page of a made-up survey while a label is painted: a polygon of salt and a stroke of not salt."""
    from selenium.webdriver import ActionChains

    with tempfile.TemporaryDirectory() as name:
        survey = Path(name) / 'survey.sgy'
        command = 'tools/make_synthetic.py', 'volume', str(survey), '--shape', '96', '120', '160', '--seed', '5'
        subprocess.run([sys.executable, *command], cwd=ROOT, check=True)
        with open_volume(Path(name) / 'survey_label.sgy') as label:
            truth = label.section('iline', 48).T > 0.5
        outside = np.argwhere(~truth[20:60]).mean(axis=0) + np.array([20, 0])
        (line, *_) = sorted(find_contours(np.pad(truth, 1).astype(float), 0.5), key=len, reverse=True)
        with opened(survey, '--label', Path(name) / 'label.zarr') as driver:
            wait(lambda: 'inline' in title(driver))
            time.sleep(3)

            def way(cells: list, *, held: bool) -> None:
                left, top, width, height = driver.execute_script(FRAME)
                chain = ActionChains(driver, duration=50)
                for number, (row, column) in enumerate(cells):
                    place = int(left + (column + 0.5) * width / 120), int(top + (row + 0.5) * height / 160)
                    chain.w3c_actions.pointer_action.move_to_location(*place)
                    if not held:
                        chain = chain.click().pause(0.6)
                    elif number == 0:
                        chain = chain.click_and_hold()
                (chain.release() if held else chain).perform()

            press(driver, 'polygon')
            way([tuple(np.clip(one - 1, 0, (158, 118))) for one in line[:: max(1, len(line) // 14)]], held=False)
            press(driver, 'close the polygon')
            press(driver, 'brush')
            press(driver, 'not salt')
            across = (outside[0], 0.2 * 120), (outside[0] + 5, 0.5 * 120), (outside[0], 0.8 * 120)
            way(list(across), held=True)
            time.sleep(3)
            driver.save_screenshot(str(path))


def draw(path: Path) -> None:
    """Draws the page of a made-up survey, with a blurred label for its probability."""
    with tempfile.TemporaryDirectory() as name:
        survey, salt = Path(name) / 'survey.sgy', Path(name) / 'salt.npy'
        command = 'tools/make_synthetic.py', 'volume', str(survey), '--shape', '96', '120', '160', '--seed', '5'
        subprocess.run([sys.executable, *command], cwd=ROOT, check=True)
        with open_volume(Path(name) / 'survey_label.sgy') as label:
            np.save(salt, 0.02 + 0.96 * gaussian_filter(label.slab('iline', 0, label.shape[0]), 2))
        with opened(survey, salt) as driver:
            wait(lambda: 'inline' in title(driver))
            time.sleep(3)
            driver.save_screenshot(str(path))


if __name__ == '__main__':
    (draw_painting if 'painting' in sys.argv[1] else draw)(Path(sys.argv[1]))
