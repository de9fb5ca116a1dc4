#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium opens the page of a result of 'vggt reconstruct': report_page_test.py RESULT [SCREENSHOTS]

The page must load from disk without a message on the console, draw the points, turn, shift and zoom when it is
dragged and scrolled, fly to a photo, reset, fit a phone, and say so where WebGL is missing. Screenshots go to
SCREENSHOTS, else to RESULT's parent folder. Exit code 77: Chromium, its driver or selenium is missing, nothing
was tested.
"""

import io
import json
import pathlib
import shutil
import sys
import time

try:
    import numpy as np
    from PIL import Image
    from selenium import webdriver
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError as error:
    print(f"SKIPPED: {error}")
    sys.exit(77)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
SOFTWARE_WEBGL = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
NO_WEBGL = ["--disable-3d-apis"]
FLIGHT_S = 30  # at most, until the picture rests
EDGE = 8
BACKGROUND = (40, 40)  # a pixel without points, within the frame's round corner


def check(condition, message):
    if not condition:
        print(f"FAILED: {message}")
        sys.exit(1)


def browser(flags, size, dark=False):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    # No sandbox: the tests may run as root, in a container; the page is our own.
    for flag in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", *flags]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=DRIVER))
    driver.set_script_timeout(60)
    # The window has borders; the page itself gets this size.
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": size[2], "mobile": size[0] < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
    return driver


def open_page(driver, page):
    driver.get(page.resolve().as_uri())
    return driver.find_element(By.ID, "cloud")


def check_quiet(driver, where):
    messages = driver.get_log("browser")
    check(not messages, f"{where}: the console says {messages}")
    requests = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    urls = [r["params"]["request"]["url"] for r in requests if r["method"] == "Network.requestWillBeSent"]
    foreign = [url for url in urls if not url.startswith(("file:", "data:", "about:", "chrome:"))]
    check(not foreign, f"{where}: the page asks for {foreign}")


def pixels(canvas):
    """The canvas without the frame of the focus, once two pictures in a row are the same."""
    before = None
    end = time.monotonic() + FLIGHT_S
    while time.monotonic() < end:
        picture = np.asarray(Image.open(io.BytesIO(canvas.screenshot_as_png)).convert("RGB")).astype(int)
        picture = picture[EDGE:-EDGE, EDGE:-EDGE]
        if before is not None and picture.shape == before.shape and (picture == before).all():
            return picture
        before = picture
        time.sleep(0.25)
    check(False, "the picture does not come to rest")


def share_drawn(picture):
    """Share of pixels that are not of the background."""
    return float((np.abs(picture - picture[BACKGROUND]).max(axis=2) > 12).mean())


def middle(picture):
    rows, columns = np.nonzero(np.abs(picture - picture[BACKGROUND]).max(axis=2) > 12)
    return columns.mean(), rows.mean()


def difference(a, b):
    return float((np.abs(a - b).max(axis=2) > 12).mean())


def save(driver, folder, name):
    (folder / name).write_bytes(driver.get_screenshot_as_png())


def check_view(page, folder):
    with browser(SOFTWARE_WEBGL, (1280, 900, 1)) as driver:
        canvas = open_page(driver, page)
        check(not driver.find_element(By.ID, "message").is_displayed(), "a message lies over the cloud")
        start = pixels(canvas)
        check(share_drawn(start) > 0.05, f"only {share_drawn(start):.3f} of the canvas is drawn")
        save(driver, folder, "report_page.png")

        ActionChains(driver).drag_and_drop_by_offset(canvas, 220, 0).perform()
        turned = pixels(canvas)
        check(difference(start, turned) > 0.03, "dragging does not turn the cloud")
        ActionChains(driver).key_down(Keys.SHIFT).drag_and_drop_by_offset(canvas, 150, 0).key_up(Keys.SHIFT).perform()
        shifted = pixels(canvas)
        by_px = np.subtract(middle(shifted), middle(turned))
        check(50 < by_px[0] < 250 and abs(by_px[1]) < 20, f"dragging with Shift by 150 px shifts by {by_px}")
        ActionChains(driver).scroll_from_origin(webdriver.common.actions.wheel_input.ScrollOrigin.from_element(canvas),
                                                0, -600).perform()
        near = pixels(canvas)
        check(difference(shifted, near) > 0.03, "the wheel does not zoom")
        check(driver.execute_script("return scrollY") == 0, "the wheel scrolls the page from over the cloud")
        canvas.send_keys(Keys.ARROW_LEFT)
        check(difference(near, pixels(canvas)) > 0.01, "an arrow key does not turn the cloud")
        corner = (60 - canvas.rect["width"] / 2, 60 - canvas.rect["height"] / 2)  # where no camera is hit
        ActionChains(driver).move_to_element_with_offset(canvas, *map(int, corner)).double_click().perform()
        check(difference(start, pixels(canvas)) < 0.002, "a double click does not bring back the first view")

        # A browser may take the graphics card away and give it back.
        driver.execute_async_script("""
            const done = arguments[1], context = arguments[0].getContext('webgl').getExtension('WEBGL_lose_context');
            arguments[0].addEventListener('webglcontextrestored', () => setTimeout(done, 200));
            context.loseContext();
            setTimeout(() => context.restoreContext(), 200);""", canvas)
        check(difference(start, pixels(canvas)) < 0.002, "after a lost context the picture does not come back")

        cameras = driver.find_element(By.ID, "cameras")
        cameras.click()
        check(difference(start, pixels(canvas)) > 0.0005, "the cameras cannot be hidden")
        cameras.click()
        size = driver.find_element(By.ID, "size")
        size.send_keys(Keys.END)
        check(share_drawn(pixels(canvas)) > share_drawn(start), "larger points do not cover more")
        driver.execute_script("arguments[0].value = 0; arguments[0].dispatchEvent(new Event('input'))", size)

        report = json.loads((page.parent / "report.json").read_text())
        rows = driver.find_elements(By.CSS_SELECTOR, "#photos tbody tr")
        check(len(rows) == len(report["photos"]), f"{len(rows)} rows, {len(report['photos'])} photos")
        for row, photo in zip(rows, report["photos"]):
            check(photo["name"] in row.text, f"{photo['name']} is not in its row: {row.text}")
        broken = driver.execute_script(
            "return [...document.images].filter(i => { i.loading = 'eager'; return i.complete && !i.naturalWidth; }).length")
        check(broken == 0, f"{broken} pictures cannot be decoded")
        driver.execute_script("arguments[0].scrollIntoView({block: 'start'})", rows[0])
        save(driver, folder, "report_page_photos.png")
        rows[min(1, len(rows) - 1)].find_element(By.CSS_SELECTOR, "button").click()
        time.sleep(1.5)  # the page scrolls back to the cloud
        check(driver.find_element(By.ID, "panel").is_displayed(), "a chosen photo is not shown")
        beside = int(driver.find_element(By.ID, "panel").rect["x"] - canvas.rect["x"]) - 10
        check(difference(start[:, :beside], pixels(canvas)[:, :beside]) > 0.05, "choosing a photo does not fly to it")
        save(driver, folder, "report_page_photo.png")
        driver.execute_script("scrollTo(0, document.body.scrollHeight)")
        save(driver, folder, "report_page_end.png")
        check_quiet(driver, "wide and light")
    return start


def check_looks(page, folder):
    with browser(SOFTWARE_WEBGL, (1280, 900, 2), dark=True) as driver:
        picture = pixels(open_page(driver, page))
        check(picture[BACKGROUND].max() < 64, f"the dark theme's background is {picture[BACKGROUND]}")
        check(driver.execute_script("const c = document.getElementById('cloud'); return c.width == 2 * c.clientWidth"),
              "the canvas does not have the screen's pixels")
        save(driver, folder, "report_page_dark.png")
        check_quiet(driver, "wide and dark")
    with browser(SOFTWARE_WEBGL, (390, 844, 2)) as driver:
        canvas = open_page(driver, page)
        check(share_drawn(pixels(canvas)) > 0.05, "a phone shows no points")
        check(driver.execute_script("return document.documentElement.scrollWidth") <= 390, "a phone has to scroll sideways")
        save(driver, folder, "report_page_phone.png")
        check_pinch(driver, canvas)
        driver.execute_script("document.getElementById('photos').scrollIntoView()")
        save(driver, folder, "report_page_phone_photos.png")
        check_quiet(driver, "phone")


def check_pinch(driver, canvas):
    before = pixels(canvas)
    x, y = canvas.rect["x"] + canvas.rect["width"] / 2, canvas.rect["y"] + canvas.rect["height"] / 2
    for step in range(11):
        points = [{"x": x - 30 - 5 * step, "y": y, "id": 0}, {"x": x + 30 + 5 * step, "y": y, "id": 1}]
        kind = "touchMove" if step else "touchStart"
        driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    after = pixels(canvas)
    check(share_drawn(after) > 1.3 * share_drawn(before), "two fingers moving apart do not bring the points nearer")


def check_without_webgl(page, folder):
    with browser(NO_WEBGL, (1280, 900, 1)) as driver:
        open_page(driver, page)
        check("WebGL" in driver.find_element(By.ID, "message").text, "the page does not say that WebGL is missing")
        row = driver.find_element(By.CSS_SELECTOR, "#photos tbody tr")
        row.find_element(By.CSS_SELECTOR, "button").click()
        check(driver.find_element(By.ID, "panel").is_displayed(), "without WebGL no photo is shown")
        check_quiet(driver, "without WebGL")


def main():
    if not CHROMIUM or not DRIVER:
        print("SKIPPED: chromium or chromedriver is not installed")
        sys.exit(77)
    result = pathlib.Path(sys.argv[1])
    folder = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else result.resolve().parent
    page = result / "report.html"
    check(page.stat().st_size < 8_000_000, f"{page.stat().st_size} bytes")
    check_view(page, folder)
    check_looks(page, folder)
    check_without_webgl(page, folder)
    print(f"PASSED: {page.stat().st_size} bytes; screenshots in {folder}")


if __name__ == "__main__":
    main()
