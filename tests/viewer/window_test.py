# SPDX-License-Identifier: Apache-2.0
"""A real window of the viewer on a virtual display, worked by keys and mouse; what it shows is compared by content with what
the same scene looks like when it is projected here.

    window_test.py VGGT FOLDER      screenshots stay in FOLDER for a person to look at
"""
import ctypes
import json
import os
import shutil
import subprocess
import sys
import time

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
WIDTH, HEIGHT = 1100, 760
SIDE, BAR = 22 * 16, 24  # the panel and the line below, of Open3D's font
PANE = (0, 0, WIDTH - SIDE, HEIGHT - BAR)
FRUSTUM, SELECTED, WAY = (40, 130, 255), (255, 60, 200), (255, 150, 0)
BACKGROUND = (30, 32, 36)
failures = []


def expect(condition, text):
    print("ok  " if condition else "FAIL", text)
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


def ask_to_close(window):
    """What a window manager sends when its cross is clicked; xdotool of Debian 12 has no word for it."""
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = x11.XInternAtom.restype = ctypes.c_void_p

    class ClientMessage(ctypes.Structure):
        _fields_ = [
            ("type", ctypes.c_int),
            ("serial", ctypes.c_ulong),
            ("send_event", ctypes.c_int),
            ("display", ctypes.c_void_p),
            ("window", ctypes.c_ulong),
            ("message_type", ctypes.c_ulong),
            ("format", ctypes.c_int),
            ("data", ctypes.c_long * 5),
            ("padding", ctypes.c_long * 24),
        ]

    connection = ctypes.c_void_p(x11.XOpenDisplay(display.encode()))
    atom = lambda name: x11.XInternAtom(connection, name, False)
    event = ClientMessage(type=33, window=window, message_type=atom(b"WM_PROTOCOLS"), format=32)
    event.data[0] = atom(b"WM_DELETE_WINDOW")
    x11.XSendEvent(connection, ctypes.c_ulong(window), False, ctypes.c_long(0), ctypes.byref(event))
    x11.XFlush(connection)
    x11.XCloseDisplay(connection)


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
        self.window = self.xdotool("search", "--sync", "--name", "vggt view").split()[0]
        self.xdotool("mousemove", "200", str(HEIGHT - 60))

    def xdotool(self, *words):
        return subprocess.run(
            ["xdotool", *words], env=environment, capture_output=True, text=True, timeout=120
        ).stdout.strip()

    def key(self, name):
        self.xdotool("key", name)

    def picture(self, name=None):
        image = ImageGrab.grab(xdisplay=display).convert("RGB").crop((0, 0, WIDTH, HEIGHT))
        if name:
            image.save(f"{folder}/{name}.png")
        return np.asarray(image).astype(int)

    def pane(self, name=None):
        x0, y0, x1, y1 = PANE
        return self.picture(name)[y0:y1, x0:x1]

    def wait(self, condition, text, seconds=120):
        """The pane once `condition` holds of it and it stands still."""
        end = time.time() + seconds
        before = None
        while time.time() < end:
            time.sleep(0.5)
            self.xdotool("windowmove", self.window, "0", "0")  # Open3D puts it into the middle late
            if self.process.poll() is not None:
                break
            pane = self.pane()
            if condition(pane) and before is not None and np.array_equal(pane, before):
                expect(True, text)
                return pane
            before = pane
        self.picture("failed_" + text.replace(" ", "_").replace("/", "_")[:40])
        expect(False, text)
        return self.pane()

    def lives(self, text):
        expect(self.process.poll() is None, text)

    def close(self):
        ask_to_close(int(self.window))
        try:
            code = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = "none: it had to be killed"
        expect(code == 0, f"closing the window ends the viewer: {code}")


def coloured(pane, background=BACKGROUND):
    return np.abs(pane - np.array(background)).max(axis=2) > 12


def of_colour(pane, colour):
    return np.abs(pane - np.array(colour)).max(axis=2) <= 40


def near(mask, pixels=2):
    """The mask, grown."""
    out = mask.copy()
    for dy in range(-pixels, pixels + 1):
        for dx in range(-pixels, pixels + 1):
            out |= np.roll(np.roll(mask, dy, 0), dx, 1)
    return out


def share(part, whole):
    return (part & whole).sum() / max(whole.sum(), 1)


def drawn(out, name, *words):
    """The same view by the processor."""
    path = f"{folder}/{name}.png"
    size = f"{PANE[2]},{PANE[3]}"
    answer = run("view", out, "--screenshot", path, "--size", size, *words, env=environment)
    expect(answer.returncode == 0, f"--screenshot {name}: {answer.stderr.strip()}")
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def project(camera, point):
    r = np.array(camera["rotation_cam_from_world"]).reshape(3, 3)
    x = r @ point + np.array(camera["translation_cam_from_world"])
    return np.array([camera["fx_px"] * x[0] / x[2] + camera["cx_px"], camera["fy_px"] * x[1] / x[2] + camera["cy_px"]])


def centre(camera):
    r = np.array(camera["rotation_cam_from_world"]).reshape(3, 3)
    return -r.T @ np.array(camera["translation_cam_from_world"])


def main():
    out, other = folder + "/out", folder + "/other"
    for target, precision in ((out, "bf16"), (other, "fp32")):
        answer = run("reconstruct", photos, "--max-images", "8", "--precision", precision, "-o", target)
        expect(answer.returncode == 0, "a result to look at: " + answer.stderr[-200:])

    # ---- the demo's result, from the start ----
    viewer = Viewer(out)
    expected = drawn(out, "expected_start")
    viewer.wait(lambda p: of_colour(p, FRUSTUM).sum() > 200 and coloured(p).mean() > 0.1, "points and cameras appear")
    time.sleep(6)  # the photos in the cameras come after them
    viewer.wait(lambda p: True, "and stand still")
    viewer.picture("photos_in_cameras")
    with_photos = viewer.pane()
    viewer.key("p")  # without the photos in the cameras' planes, which the drawn one has not
    pane = viewer.wait(lambda p: of_colour(p, FRUSTUM).sum() > 200, "P hides the photos")
    expect((np.abs(pane - with_photos).max(axis=2) > 20).mean() > 0.005, "which stood in the cameras")
    viewer.picture("start")
    points = coloured(expected)
    expect(share(near(coloured(pane)), points) > 0.97, f"points are where they project: {share(near(coloured(pane)), points):.3f}")
    spurious = coloured(pane) & ~near(points, 3)
    expect(spurious.mean() < 0.01, f"and nowhere else: {spurious.mean():.4f}")
    both = coloured(pane) & points
    difference = np.abs(pane - expected).max(axis=2)[both]
    expect(np.median(difference) <= 10, f"their colours are those of the photos: {np.median(difference)}")
    frusta = of_colour(expected, FRUSTUM)
    hit = share(near(of_colour(pane, FRUSTUM), 3), frusta)
    expect(hit > 0.9, f"frusta are where they project: {hit:.3f}")

    # ---- cameras, one after the other ----
    viewer.key("Right")
    viewer.wait(lambda p: of_colour(p, SELECTED).sum() > 50, "the right arrow selects a camera")
    first = viewer.picture("first_camera")
    viewer.key("Right")
    viewer.wait(lambda p: True, "and the next one")
    second = viewer.picture("second_camera")
    expect((np.abs(first - second)[:, PANE[2]:].max(axis=2) > 20).mean() > 0.01, "the panel shows another photo")

    # ---- through a camera: photo and points lie on each other ----
    viewer.key("l")
    viewer.wait(lambda p: of_colour(p, SELECTED).sum() < 20, "L looks through the camera")
    through = viewer.pane("through_photo")[..., :3]
    report = json.load(open(out + "/report.json"))
    photo = np.asarray(Image.open(f"{photos}/{report['photos'][1]['name']}").convert("RGB"))
    scale = min(PANE[2] / photo.shape[1], PANE[3] / photo.shape[0])
    size = (round(photo.shape[1] * scale), round(photo.shape[0] * scale))
    left, top = (PANE[2] - size[0]) // 2, (PANE[3] - size[1]) // 2
    inside = through[top + 4 : top + size[1] - 4, left + 4 : left + size[0] - 4].astype(float)
    photo = np.asarray(Image.fromarray(photo).resize(size)).astype(float)
    reference = photo[4:-4, 4:-4]

    def correlation(dx, dy):
        moved = np.roll(np.roll(reference, dy, 0), dx, 1)
        cut = (slice(12, -12), slice(12, -12))
        a, b = inside[cut].mean(2), moved[cut].mean(2)
        return np.corrcoef(a.ravel(), b.ravel())[0, 1]

    scores = {(dx, dy): correlation(dx, dy) for dx in range(-6, 7, 2) for dy in range(-6, 7, 2)}
    best = max(scores, key=scores.get)
    expect(best == (0, 0) and scores[best] > 0.8, f"the photo lies where its camera sees: {best}, {scores[best]:.3f}")
    viewer.key("BackSpace")
    viewer.key("r")
    viewer.wait(lambda p: of_colour(p, FRUSTUM).sum() > 200, "Backspace and R: the whole scene again")

    # ---- a slider by the mouse ----
    before = viewer.pane()
    # The first slider of the panel: below the counts, the colours (a click there colours otherwise) and its own name.
    moved = None
    for y in range(84, 260, 8):
        viewer.xdotool("mousemove", str(PANE[2] + 70), str(y), "mousedown", "1")
        time.sleep(0.3)
        viewer.xdotool("mousemove", str(PANE[2] + 300), str(y))
        time.sleep(0.3)
        viewer.xdotool("mouseup", "1")
        time.sleep(0.7)
        after = viewer.pane()
        if coloured(after).sum() < 0.6 * coloured(before).sum() and coloured(after).sum() > 0:
            moved = y
            break
        viewer.key("BackSpace")
    viewer.picture("slider")
    expect(moved is not None, f"the confidence slider leaves points out at once (at {moved})")
    viewer.xdotool("mousemove", "200", str(HEIGHT - 60))
    for _ in range(20):
        viewer.key("bracketleft")
    full = viewer.wait(lambda p: coloured(p).sum() >= 0.95 * coloured(before).sum(), "and [ brings them back")

    # ---- colours, help, a picture ----
    viewer.key("4")
    by_frame = viewer.wait(lambda p: (np.abs(p - full).max(axis=2) > 40).mean() > 0.1, "4 colours by frame")
    viewer.picture("by_frame")
    viewer.key("1")
    viewer.wait(lambda p: (np.abs(p - by_frame).max(axis=2) > 40).mean() > 0.1, "1 by photo")
    viewer.key("F1")
    viewer.wait(lambda p: (np.abs(p - full).max(axis=2) > 40).mean() > 0.05, "F1 shows help")
    viewer.picture("help")
    viewer.key("BackSpace")
    viewer.wait(lambda p: (np.abs(p - full).max(axis=2) > 40).mean() < 0.05, "Backspace hides it")
    viewer.key("s")
    for _ in range(40):
        if os.path.exists(folder + "/vggt_view_001.png"):
            break
        time.sleep(0.5)
    time.sleep(1)
    saved = np.asarray(Image.open(folder + "/vggt_view_001.png").convert("RGB")).astype(int)
    expect(coloured(saved).mean() > 0.1, f"S saves a picture with the points, {saved.shape[1]} x {saved.shape[0]}")

    # ---- sizes that a window manager might give ----
    for width, height in ((60, 40), (1, 1), (WIDTH, HEIGHT)):
        viewer.xdotool("windowsize", viewer.window, str(width), str(height))
        time.sleep(1.5)
        viewer.lives(f"lives at {width} x {height}")
    viewer.xdotool("mousemove", "200", str(HEIGHT - 60))
    viewer.wait(lambda p: coloured(p).mean() > 0.1, "and shows the scene again")
    viewer.picture("resized_back")
    viewer.close()
    expect(os.path.exists(folder + "/config/vggt/viewer.json"), "window and colours are remembered")

    # ---- two results ----
    viewer = Viewer(out, other)
    viewer.wait(lambda p: coloured(p).mean() > 0.1, "two results appear")
    time.sleep(4)
    viewer.wait(lambda p: coloured(p).mean() > 0.1, "and are compared")
    viewer.picture("difference")
    for name in ("side_by_side", "first", "second", "over"):
        viewer.key("v")
        viewer.wait(lambda p: coloured(p).mean() > 0.03, f"V: {name}")
        pane = viewer.pane(name)
        if name == "side_by_side":
            half = pane.shape[1] // 2
            expect(coloured(pane[:, :half]).mean() > 0.03 and coloured(pane[:, half:]).mean() > 0.03, "a result on each side")
    viewer.close()

    # ---- broken ones, and live ----
    shutil.copytree(out, folder + "/half")
    for name in os.listdir(folder + "/half/depth"):
        if name.endswith("3.npy"):
            open(f"{folder}/half/depth/{name}", "wb").close()
    open(folder + "/half/report.json", "w").write(open(out + "/report.json").read()[:300])
    viewer = Viewer(folder + "/half")
    time.sleep(4)
    viewer.lives("a half-written result is said, not died of")
    viewer.picture("half_written")
    viewer.close()

    viewer = Viewer(photos, "-o", folder + "/live")
    viewer.wait(lambda p: coloured(p).mean() > 0.1, "photos are reconstructed and shown", 180)
    viewer.picture("live")
    expect(os.path.exists(folder + "/live/report.json"), "the result is there")
    viewer.close()

    viewer = Viewer(photos, "-o", folder + "/cancelled")
    viewer.close()
    expect(not os.path.exists(folder + "/cancelled/report.json"), "closing during a run ends it")
    left = [name for name in os.listdir(folder) if "partial" in name]
    expect(not left, f"and leaves nothing half-written: {left}")


try:
    main()
finally:
    server.terminate()
    server.wait()
print(f"{len(failures)} failed" if failures else "passed")
sys.exit(1 if failures else 0)
