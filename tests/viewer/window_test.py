# SPDX-License-Identifier: Apache-2.0
"""A real window of the viewer on a virtual display, worked by keys and mouse; what it shows is compared by content with what
the same scene looks like when it is projected here.

    window_test.py VGGT FOLDER      screenshots stay in FOLDER for a person to look at
"""
import json
import os
import shutil
import subprocess
import struct
import sys
import time

from x11_client import X11Client

SKIP = 77


def skip(reason):
    print("skipped:", reason)
    sys.exit(SKIP)


for program in ("Xvfb", "xdotool"):
    if not shutil.which(program):
        skip(f"{program} is not installed")
try:
    import numpy as np
    from PIL import Image, ImageGrab, features
except ImportError as error:
    skip(f"{error}")
if not features.check("xcb"):
    skip("this Pillow cannot take screenshots (no XCB)")

vggt, folder = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
shutil.rmtree(folder, ignore_errors=True)
os.makedirs(folder)
photos = os.path.abspath("examples/scenes/hololens_loft/images")
started = time.time()
WIDTH, HEIGHT = 1100, 760
SIDE, BAR = 27 * 16, 24  # the panel and the line below, of Open3D's font
PANE = (0, 0, WIDTH - SIDE, HEIGHT - BAR)
FRUSTUM, SELECTED, WAY = (40, 130, 255), (255, 60, 200), (255, 150, 0)
BACKGROUND, MEASURE, BOX = (30, 32, 36), (255, 255, 0), (255, 230, 80)
# Where the panel has its controls, by the fonts and theme of Open3D 0.16: x is the same for most.
HEADER_X, SLIDER_X, SLIDER_WIDTH = PANE[2] + 37, PANE[2] + 23, 378
CONFIDENCE_Y, EDGES_Y, CROP_Y, CAMERAS_Y, PHOTO_Y = 129, 181, 308, 346, 616
CROP_X_FROM_Y = 363  # with Crop open
# With the sections above it closed
POINTS_Y, SECOND_Y, OPEN_SECOND_Y, SCENE_Y, LENGTH_Y, SAVE_Y, THRESHOLDS_Y = 16, 118, 148, 152, 316, 344, 372
DIALOG_FIELD, DIALOG_OPEN, CANCEL = (500, 373), (753, 410), (PANE[2] + 208, 60)
OPACITY_Y = 507
LENGTH_X, VIDEO_X, PLY_X, GLB_X = PANE[2] + 167, PANE[2] + 154, PANE[2] + 208, PANE[2] + 257
failures = []


def expect(condition, text):
    print(f"{time.time() - started:6.1f} s", "ok  " if condition else "FAIL", text, flush=True)
    if not condition:
        failures.append(text)


def run(*words, **more):
    return subprocess.run([vggt, *words], capture_output=True, text=True, **more)


read, write = os.pipe()
server = subprocess.Popen(
    ["Xvfb", "-displayfd", str(write), "-noreset", "-screen", "0", "1280x960x24"], pass_fds=[write], stderr=subprocess.DEVNULL
)
os.close(write)
display = ":" + os.fdopen(read).readline().strip()
if display == ":":
    skip("Xvfb does not start")
environment = dict(os.environ, DISPLAY=display, XDG_CONFIG_HOME=folder + "/config", LIBGL_ALWAYS_SOFTWARE="1")


class Viewer:
    """A running viewer, its window in the upper left corner."""

    def __init__(self, *words):
        self.process = subprocess.Popen(
            [vggt, "view", "--size", f"{WIDTH},{HEIGHT}", *words],
            env=environment,
            cwd=folder,
            stdout=open(folder + "/viewer.log", "a"),
            stderr=subprocess.STDOUT,
        )
        end = time.time() + 60
        found = []
        while not found and self.process.poll() is None and time.time() < end:
            time.sleep(0.1)
            found = self.xdotool("search", "--name", "vggt view").split()
        if not found:
            sys.exit("no window: " + open(folder + "/viewer.log").read())
        self.window = found[0]
        self.client = X11Client(display)
        self.rest()

    def xdotool(self, *words):
        return subprocess.run(["xdotool", *words], env=environment, capture_output=True, text=True, timeout=120).stdout.strip()

    def key(self, name):
        self.xdotool("key", name)
        self.sync()

    def move(self, x, y):
        self.at = (x, y)
        self.xdotool("mousemove", str(x), str(y))

    def rest(self):
        self.move(200, HEIGHT - 60)

    def sync(self):
        if not self.client.sync(int(self.window), *self.at):
            expect(False, "the viewer answers")

    # Open3D looks where the mouse is and what is pressed when it draws: each step must have been drawn.
    def press(self, x, y, to_x=None, rests=True):
        self.move(x, y)
        self.sync()
        self.xdotool("mousedown", "1")
        self.sync()
        if to_x is not None:
            self.move(to_x, y)
            self.sync()
        self.xdotool("mouseup", "1")
        self.sync()
        if rests:
            self.rest()

    def slide(self, y, share_from, share_to):
        knob = lambda share: round(SLIDER_X + share * SLIDER_WIDTH)
        self.press(knob(share_from), y, knob(share_to))

    def at_corner(self):
        """Puts the window there: Open3D puts it into the middle late."""
        self.xdotool("windowmove", self.window, "0", "0")
        return True

    def title(self):
        return self.xdotool("getwindowname", self.window)

    def picture(self, name=None):
        image = ImageGrab.grab(xdisplay=display).convert("RGB").crop((0, 0, WIDTH, HEIGHT))
        if name:
            image.save(f"{folder}/{name}.png")
        return np.asarray(image).astype(int)

    def pane(self, name=None):
        x0, y0, x1, y1 = PANE
        return self.picture(name)[y0:y1, x0:x1]

    def wait(self, condition, text, seconds=60):
        """The pane once `condition` holds of it and it stands still."""
        end = time.time() + seconds
        before = None
        while time.time() < end and self.process.poll() is None:
            self.at_corner()
            pane = self.pane()
            if condition(pane) and before is not None and np.array_equal(pane, before):
                expect(True, text)
                return pane
            before = pane
            time.sleep(0.2)
        self.picture("failed_" + "".join(c if c.isalnum() else "_" for c in text)[:40])
        expect(False, text)
        return self.pane()

    def wait_for(self, answer, text, seconds=60):
        end = time.time() + seconds
        while time.time() < end and not answer():
            time.sleep(0.1)
        expect(bool(answer()), text)

    def lives(self, text):
        expect(self.process.poll() is None, text)

    def close(self):
        self.client.close_window(int(self.window))
        try:
            code = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = "none: it had to be killed"
        expect(code == 0, f"closing the window ends the viewer: {code}")


def coloured(pane):
    return np.abs(pane - np.array(BACKGROUND)).max(axis=2) > 12


def of_colour(pane, colour, tolerance=40):
    return np.abs(pane - np.array(colour)).max(axis=2) <= tolerance


def changed(pane, other):
    """The share of pixels that differ clearly."""
    return (np.abs(pane - other).max(axis=2) > 40).mean()


def near(mask, pixels=2):
    """The mask, grown."""
    out = mask.copy()
    for dy in range(-pixels, pixels + 1):
        for dx in range(-pixels, pixels + 1):
            out |= np.roll(np.roll(mask, dy, 0), dx, 1)
    return out


def share(part, whole):
    return (part & whole).sum() / max(whole.sum(), 1)


def drawn(out, name):
    """The same view, projected and drawn by the processor."""
    path = f"{folder}/{name}.png"
    answer = run("view", out, "--screenshot", path, "--size", f"{PANE[2]},{PANE[3]}", env=environment)
    expect(answer.returncode == 0, f"--screenshot {name} {answer.stderr.strip()}")
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def ply_positions(path):
    data = open(path, "rb").read()
    header, _, body = data.partition(b"end_header\n")
    lines = header.decode().split("\n")
    count = next(int(line.split()[2]) for line in lines if line.startswith("element vertex"))
    kinds = {"float": "<f4", "uchar": "u1"}
    layout = np.dtype([(line.split()[2], kinds[line.split()[1]]) for line in lines if line.startswith("property")])
    points = np.frombuffer(body, layout, count)
    return np.stack([points["x"], points["y"], points["z"]], 1)


def video_pictures(path):
    """How many pictures an .mp4 that was finished holds; 0 of another."""
    data = open(path, "rb").read() if os.path.exists(path) else b""
    at = data.find(b"stsz")  # the table of their sizes: version, size, count
    return struct.unpack(">I", data[at + 12 : at + 16])[0] if at > 0 and b"moov" in data else 0


def test_start(viewer, out):
    expected = drawn(out, "expected_start")
    viewer.wait(lambda p: of_colour(p, FRUSTUM).sum() > 200 and coloured(p).mean() > 0.1, "points and cameras appear")
    viewer.key("p")  # without the photos in the cameras' planes, which the drawn one has not
    plain = viewer.wait(lambda p: of_colour(p, FRUSTUM).sum() > 200, "P hides the photos")
    viewer.picture("start")
    points = coloured(expected)
    found = share(near(coloured(plain)), points)
    expect(found > 0.97, f"points are where they project: {found:.3f}")
    spurious = (coloured(plain) & ~near(points, 3)).mean()
    expect(spurious < 0.01, f"and nowhere else: {spurious:.4f}")
    difference = np.median(np.abs(plain - expected).max(axis=2)[coloured(plain) & points])
    expect(difference <= 10, f"their colours are those of the photos: {difference}")
    found = share(near(of_colour(plain, FRUSTUM), 3), of_colour(expected, FRUSTUM))
    expect(found > 0.9, f"frusta are where they project: {found:.3f}")
    viewer.key("p")
    viewer.wait(lambda p: changed(p, plain) > 0.005, "P shows them in the cameras")
    viewer.picture("photos_in_cameras")


def test_cameras(viewer, out):
    viewer.key("Right")
    viewer.wait(lambda p: of_colour(p, SELECTED).sum() > 50, "the right arrow selects a camera")
    panel = lambda: viewer.picture()[:, PANE[2] :]
    first = panel()
    viewer.key("Right")
    viewer.wait(lambda p: changed(first, panel()) > 0.01, "and the next one, whose photo the panel shows")
    viewer.picture("second_camera")

    viewer.key("l")
    through = viewer.wait(lambda p: of_colour(p, SELECTED).sum() < 20, "L looks through the camera")
    viewer.picture("through_photo")
    report = json.load(open(out + "/report.json"))
    photo = Image.open(f"{photos}/{report['photos'][1]['name']}").convert("RGB")
    scale = min(PANE[2] / photo.width, PANE[3] / photo.height)
    size = (round(photo.width * scale), round(photo.height * scale))
    left, top = (PANE[2] - size[0]) // 2, (PANE[3] - size[1]) // 2
    inside = through[top + 4 : top + size[1] - 4, left + 4 : left + size[0] - 4].astype(float)
    reference = np.asarray(photo.resize(size)).astype(float)[4:-4, 4:-4]

    def correlation(dx, dy):
        moved = np.roll(np.roll(reference, dy, 0), dx, 1)
        cut = (slice(12, -12), slice(12, -12))
        return np.corrcoef(inside[cut].mean(2).ravel(), moved[cut].mean(2).ravel())[0, 1]

    scores = {(dx, dy): correlation(dx, dy) for dx in range(-4, 5, 2) for dy in range(-4, 5, 2)}
    best = max(scores, key=scores.get)
    expect(best == (0, 0), f"the photo lies where its camera sees: {best}, {scores[best]:.3f}")
    viewer.slide(OPACITY_Y, 0.5, 1)
    opaque = viewer.wait(lambda p: changed(p, through) > 0.1, "the slider of its opacity covers the points with it")
    viewer.picture("only_photo")
    inside = opaque[top + 4 : top + size[1] - 4, left + 4 : left + size[0] - 4].astype(float)
    expect(correlation(0, 0) > 0.95, f"until it is all that is seen: {correlation(0, 0):.3f}")
    viewer.key("BackSpace")
    viewer.key("r")
    viewer.wait(lambda p: of_colour(p, FRUSTUM).sum() > 200, "Backspace and R: the whole scene again")


def test_points(viewer):
    full = viewer.pane()
    few = lambda p: 0 < coloured(p).sum() < 0.7 * coloured(full).sum()
    many = lambda p: coloured(p).sum() > 0.95 * coloured(full).sum()
    viewer.slide(CONFIDENCE_Y, 20 / 99, 0.85)
    viewer.wait(few, "the confidence slider leaves points out")
    viewer.picture("confidence_slider")
    viewer.slide(CONFIDENCE_Y, 0.85, 20 / 99)
    viewer.wait(many, "and brings them back")
    viewer.slide(EDGES_Y, 0.02, 0.1)
    viewer.wait(lambda p: coloured(p).sum() < 0.95 * coloured(full).sum(), "the slider of edges leaves points out")
    viewer.picture("edges_slider")
    viewer.slide(EDGES_Y, 0.1, 0.0)
    full = viewer.wait(many, "and brings them back")

    viewer.key("4")
    by_frame = viewer.wait(lambda p: changed(p, full) > 0.1, "4 colours by frame")
    viewer.picture("by_frame")
    viewer.key("1")
    viewer.wait(lambda p: changed(p, by_frame) > 0.1, "1 by photo")
    viewer.key("F1")
    viewer.wait(lambda p: changed(p, full) > 0.05, "F1 shows help")
    viewer.picture("help")
    viewer.key("BackSpace")
    viewer.wait(lambda p: changed(p, full) < 0.05, "Backspace hides it")
    viewer.key("s")
    saved = folder + "/vggt_view_001.png"
    viewer.wait_for(lambda: os.path.exists(saved) and open(saved, "rb").read()[-8:-4] == b"IEND", "S saves a picture")
    saved = np.asarray(Image.open(saved).convert("RGB")).astype(int)
    expect(share(near(coloured(saved)), coloured(full)) > 0.97, f"of what is shown, {saved.shape[1]} x {saved.shape[0]}")


def test_crop_and_measure(viewer):
    viewer.press(HEADER_X, PHOTO_Y)
    viewer.press(HEADER_X, CAMERAS_Y)
    viewer.press(HEADER_X, CROP_Y)
    full = viewer.pane()
    viewer.slide(CROP_X_FROM_Y, 0.03, 0.5)
    viewer.wait(
        lambda p: coloured(p).sum() < 0.8 * coloured(full).sum() and of_colour(p, BOX, 12).sum() > 100,
        "the crop box cuts points off, and is drawn",
    )
    viewer.picture("crop_box")
    viewer.press(HEADER_X, CROP_Y)

    viewer.key("m")
    viewer.key("c")
    pane = viewer.wait(lambda p: of_colour(p, WAY).sum() < 20, "C hides the cameras: what is left are points")
    rows, columns = np.nonzero(coloured(pane) & ~near(of_colour(pane, BOX, 90), 3))
    order = np.argsort(columns)
    ends = [(columns[order[len(order) * k // 8]], rows[order[len(order) * k // 8]]) for k in (2, 6)]
    for x, y in ends:
        viewer.press(int(x), int(y), rests=False)
    pane = viewer.wait(lambda p: of_colour(p, MEASURE, 12).sum() > 20, "two clicks measure")
    yellow = near(of_colour(pane, MEASURE, 12), 6)
    expect(all(yellow[y, x] for x, y in ends), "between the points that were clicked on")
    viewer.picture("measure")
    viewer.key("c")


def test_saving(viewer, out):
    viewer.press(HEADER_X, POINTS_Y)
    viewer.press(HEADER_X, SCENE_Y)
    viewer.press(LENGTH_X, LENGTH_Y)
    viewer.press(GLB_X, SAVE_Y)
    viewer.press(PLY_X, SAVE_Y)
    viewer.press(HEADER_X, THRESHOLDS_Y)
    viewer.press(VIDEO_X, SAVE_Y)
    viewer.picture("scene_section")
    viewer.wait_for(lambda: os.path.exists(out + "/view.json"), "thresholds are saved")
    view = json.load(open(out + "/view.json"))
    metres = view["metres_per_scene_unit"]
    expect(metres and abs(view["drop_percent"] - 20) < 3, f"as they are: {view}")
    positions = ply_positions(folder + "/vggt_view_001.ply")
    all_points = run("view", out, "--screenshot", folder + "/cropped.png", env=environment)
    expect(all_points.returncode == 0, "and a picture of the command line takes them")
    low = view["crop"]["low"][0] * metres
    expect(len(positions) > 1000 and positions[:, 0].min() > low - 1e-3, f"the PLY has the {len(positions)} points in the box")
    expect(positions[:, 0].max() > low + 0.1 * metres, "in metres")
    glb = open(folder + "/vggt_view_001.glb", "rb").read()
    expect(struct.unpack("<I", glb[8:12])[0] == len(glb) > 15 * len(positions), "the GLB has them, too")
    video = folder + "/vggt_view_001.mp4"
    viewer.wait_for(lambda: video_pictures(video) == 240, "a video is saved")


def test_other_scenes(viewer, out, other):
    broken = folder + "/half"
    shutil.copytree(out, broken)
    with open(broken + "/report.json", "r+") as report:
        report.truncate(300)
    viewer.key("m")
    before = viewer.wait(lambda p: of_colour(p, MEASURE, 12).sum() == 0, "M ends measuring")
    line = lambda: viewer.picture()[HEIGHT - BAR :, : PANE[2]]
    quiet = line()
    expect(viewer.client.drop(int(viewer.window), broken, 200, 300), "a half-written result is dropped on it")
    viewer.wait_for(lambda: (np.abs(line() - quiet) > 40).mean() > 0.01, "and said in the line below")
    viewer.picture("half_written")
    expect(changed(viewer.pane(), before) < 0.01 and viewer.title().endswith("/out"), "the scene stays as it was")
    expect(viewer.client.drop(int(viewer.window), other, 200, 300), "a folder is dropped on it")
    viewer.wait_for(lambda: viewer.title().endswith("/other"), "and opened")
    full = viewer.wait(lambda p: coloured(p).sum() > 1.2 * coloured(before).sum(), "without the crop of the one before")
    viewer.picture("dropped")

    viewer.press(HEADER_X, SCENE_Y)
    viewer.press(HEADER_X, SECOND_Y)
    viewer.press(PANE[2] + 200, OPEN_SECOND_Y)
    viewer.press(*DIALOG_FIELD, rests=False)
    viewer.xdotool("type", "--delay", "40", out)
    viewer.sync()
    viewer.picture("dialog")
    viewer.press(*DIALOG_OPEN)
    pane = viewer.wait(lambda p: changed(p, full) > 0.1, "a second one is opened and compared")
    viewer.picture("difference")
    alike, worst = of_colour(pane, (48, 64, 220)).sum(), of_colour(pane, (220, 40, 30)).sum()
    expect(alike > 5000 and 200 < worst < alike, f"one photo's points differ, the others do not: {worst}, {alike} pixels")
    half = PANE[2] // 2
    viewer.key("v")
    both = pane
    pane = viewer.wait(
        lambda p: changed(p, both) > 0.1 and min(coloured(p[:, :half]).mean(), coloured(p[:, half:]).mean()) > 0.05,
        "V: side by side",
    )
    viewer.picture("side_by_side")
    left, right = of_colour(pane[:, :half], (48, 64, 220)), of_colour(pane[:, half:], (48, 64, 220))
    expect(min(share(near(left), right), share(near(right), left)) > 0.95, "what is alike stands in both halves in one place")
    viewer.key("v")
    first = viewer.wait(lambda p: changed(p, pane) > 0.1, "V: the first")
    viewer.picture("first")
    viewer.key("v")
    second = viewer.wait(lambda p: changed(p, first) > 0.002, "V: the second, whose one photo lies elsewhere")
    viewer.picture("second")
    viewer.key("v")
    viewer.wait(lambda p: changed(p, second) > 0.002 and changed(p, first) > 0.002, "V: both")
    viewer.picture("both")


def test_sizes(viewer):
    for width, height in ((60, 40), (1, 1), (WIDTH, HEIGHT)):
        viewer.xdotool("windowsize", viewer.window, str(width), str(height))
        time.sleep(0.7)
        viewer.lives(f"lives at {width} x {height}")
    viewer.rest()
    viewer.wait(lambda p: coloured(p).mean() > 0.1, "and shows the scene again")
    viewer.picture("resized_back")


def test_live():
    few = folder + "/photos"
    os.mkdir(few)
    for name in sorted(os.listdir(photos))[:3]:
        shutil.copy(f"{photos}/{name}", few)
    # Cancel is light where the panel is dark.
    runs = lambda: viewer.picture()[CANCEL[1], CANCEL[0] + 60 : CANCEL[0] + 120].mean() > 80
    viewer = Viewer(few, "-o", folder + "/live")
    viewer.wait_for(lambda: viewer.at_corner() and runs(), "a run shows its stage and can be cancelled")
    viewer.picture("live_run")
    viewer.wait(lambda p: coloured(p).mean() > 0.05 and of_colour(p, FRUSTUM).sum() > 100, "cameras and points come", 180)
    viewer.wait_for(lambda: os.path.exists(folder + "/live/report.json") and not runs(), "the run ends")
    viewer.picture("live_result")
    viewer.close()

    viewer = Viewer(photos, "-o", folder + "/cancelled")
    viewer.wait_for(lambda: viewer.at_corner() and runs(), "a run of many photos")
    viewer.press(*CANCEL)
    viewer.wait_for(lambda: not runs(), "is cancelled by its button")
    viewer.picture("cancelled")
    viewer.lives("and leaves the window open")
    viewer.close()

    viewer = Viewer(photos, "-o", folder + "/closed")
    viewer.wait_for(lambda: viewer.at_corner() and runs(), "another one")
    viewer.close()
    left = [name for name in os.listdir(folder) if "partial" in name or name in ("cancelled", "closed")]
    expect(not left, f"neither leaves anything: {left}")


def main():
    out, other = folder + "/out", folder + "/other"
    answer = run("reconstruct", photos, "--max-images", "8", "--progress", "none", "-o", out)
    expect(answer.returncode == 0, f"a result to look at: {answer.stderr}")
    shutil.copytree(out, other)
    deeper = f"{other}/depth/{json.load(open(out + '/report.json'))['photos'][3]['file']}.npy"
    np.save(deeper, 1.1 * np.load(deeper))
    viewer = Viewer(out)
    test_start(viewer, out)
    test_cameras(viewer, out)
    test_points(viewer)
    test_crop_and_measure(viewer)
    test_saving(viewer, out)
    test_other_scenes(viewer, out, other)
    test_sizes(viewer)
    viewer.close()
    expect(os.path.exists(folder + "/config/vggt/viewer.json"), "window and colours are remembered")
    test_live()


try:
    main()
finally:
    server.terminate()
    server.wait()
print(f"{len(failures)} failed" if failures else "passed")
sys.exit(1 if failures else 0)
