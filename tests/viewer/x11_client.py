# SPDX-License-Identifier: Apache-2.0
"""What xdotool has no word for: closing a window by its cross, and dropping a file on it (XDND)."""
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

    def drop(self, window, path, x, y, seconds=20):
        """Drops a file or folder at (x, y) of the screen; whether the window asked what it is."""
        root = _xlib.XDefaultRootWindow(self._connection)
        own = _xlib.XCreateSimpleWindow(self._connection, ctypes.c_ulong(root), 0, 0, 1, 1, 0, ctypes.c_ulong(0), ctypes.c_ulong(0))
        selection = self._atom("XdndSelection")
        _xlib.XSetSelectionOwner(self._connection, ctypes.c_ulong(selection), ctypes.c_ulong(own), ctypes.c_ulong(0))
        self._message(window, "XdndEnter", own, 5 << 24, self._atom("text/uri-list"))
        self._message(window, "XdndPosition", own, 0, (x << 16) | y, 0, self._atom("XdndActionCopy"))
        self._message(window, "XdndDrop", own, 0, 0)
        uri = f"file://{urllib.parse.quote(path)}\r\n".encode()
        end = time.time() + seconds
        event = _Event()
        while time.time() < end:
            if not _xlib.XPending(self._connection):
                time.sleep(0.02)
                continue
            _xlib.XNextEvent(self._connection, ctypes.byref(event))
            if event.type == _SELECTION_REQUEST:
                request = event.request
                _xlib.XChangeProperty(
                    self._connection,
                    ctypes.c_ulong(request.requestor),
                    ctypes.c_ulong(request.property),
                    ctypes.c_ulong(request.target),
                    8,
                    0,
                    uri,
                    len(uri),
                )
                answer = _Event()
                answer.notify.type = _SELECTION_NOTIFY
                for field in ("requestor", "selection", "target", "property", "time"):
                    setattr(answer.notify, field, getattr(request, field))
                self._send(request.requestor, answer)
                return True
        return False
