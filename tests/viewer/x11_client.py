# SPDX-License-Identifier: Apache-2.0
"""What xdotool has no word for: closing a window by its cross, dropping a file on it (XDND), waiting until it has drawn."""
import ctypes
import time
import urllib.parse

_CLIENT_MESSAGE, _SELECTION_NOTIFY, _SELECTION_REQUEST = 33, 31, 30
_xlib = ctypes.CDLL("libX11.so.6")
_xlib.XOpenDisplay.restype = ctypes.c_void_p
for _name in ("XInternAtom", "XDefaultRootWindow", "XCreateSimpleWindow"):
    getattr(_xlib, _name).restype = ctypes.c_ulong


class _ClientMessage(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong),
        ("message_type", ctypes.c_ulong),
        ("format", ctypes.c_int),
        ("data", ctypes.c_long * 5),
    ]


class _Request(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("owner", ctypes.c_ulong),
        ("requestor", ctypes.c_ulong),
        ("selection", ctypes.c_ulong),
        ("target", ctypes.c_ulong),
        ("property", ctypes.c_ulong),
        ("time", ctypes.c_ulong),
    ]


class _Notify(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("requestor", ctypes.c_ulong),
        ("selection", ctypes.c_ulong),
        ("target", ctypes.c_ulong),
        ("property", ctypes.c_ulong),
        ("time", ctypes.c_ulong),
    ]


class _Event(ctypes.Union):
    _fields_ = [("type", ctypes.c_int), ("client", _ClientMessage), ("request", _Request), ("notify", _Notify), ("pad", ctypes.c_long * 24)]


class X11Client:
    def __init__(self, display):
        self._connection = ctypes.c_void_p(_xlib.XOpenDisplay(display.encode()))
        root = ctypes.c_ulong(_xlib.XDefaultRootWindow(self._connection))
        black = ctypes.c_ulong(0)
        self._own = _xlib.XCreateSimpleWindow(self._connection, root, 0, 0, 1, 1, 0, black, black)

    def _atom(self, name):
        return _xlib.XInternAtom(self._connection, name.encode(), False)

    def _send(self, window, event):
        _xlib.XSendEvent(self._connection, ctypes.c_ulong(window), False, ctypes.c_long(0), ctypes.byref(event))
        _xlib.XFlush(self._connection)

    def _message(self, window, name, *data):
        event = _Event()
        event.client.type = _CLIENT_MESSAGE
        event.client.window = window
        event.client.message_type = self._atom(name)
        event.client.format = 32
        for i, value in enumerate(data):
            event.client.data[i] = value
        self._send(window, event)

    def close_window(self, window):
        self._message(window, "WM_PROTOCOLS", self._atom("WM_DELETE_WINDOW"))

    def _next(self, end):
        """The next event, or none before that time."""
        event = _Event()
        while not _xlib.XPending(self._connection):
            if time.time() > end:
                return None
            time.sleep(0.005)
        _xlib.XNextEvent(self._connection, ctypes.byref(event))
        return event

    def _enter(self, window, x, y):
        self._message(window, "XdndEnter", self._own, 5 << 24, self._atom("text/uri-list"))
        self._message(window, "XdndPosition", self._own, 0, (x << 16) | y, 0, self._atom("XdndActionCopy"))

    def sync(self, window, x, y, seconds=60):
        """Waits until the window has seen all that was done to it and has drawn once more. (x, y) is where the mouse is. It
        answers to what is dragged over it in the order of its events, and what it asks itself to draw comes before the second
        answer."""
        for _ in range(2):
            self._enter(window, x, y)
            end = time.time() + seconds
            event = self._next(end)
            while event and not (event.type == _CLIENT_MESSAGE and event.client.message_type == self._atom("XdndStatus")):
                event = self._next(end)
            if not event:
                return False
        return True

    def drop(self, window, path, x, y, seconds=20):
        """Drops a file or folder at (x, y) of the screen; whether the window asked what it is."""
        selection = self._atom("XdndSelection")
        _xlib.XSetSelectionOwner(self._connection, ctypes.c_ulong(selection), ctypes.c_ulong(self._own), ctypes.c_ulong(0))
        self._enter(window, x, y)
        self._message(window, "XdndDrop", self._own, 0, 0)
        uri = f"file://{urllib.parse.quote(path)}\r\n".encode()
        end = time.time() + seconds
        event = self._next(end)
        while event and event.type != _SELECTION_REQUEST:
            event = self._next(end)
        if not event:
            return False
        request = event.request
        numbers = [ctypes.c_ulong(n) for n in (request.requestor, request.property, request.target)]
        _xlib.XChangeProperty(self._connection, *numbers, 8, 0, uri, len(uri))
        answer = _Event()
        answer.notify.type = _SELECTION_NOTIFY
        for field in ("requestor", "selection", "target", "property", "time"):
            setattr(answer.notify, field, getattr(request, field))
        self._send(request.requestor, answer)
        return True
