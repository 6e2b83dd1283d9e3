cimport cython

from toron.wire.http2_messages cimport Messages
from toron.wire.http2_streams cimport Stream

cdef Py_ssize_t WINDOW_MOST


cdef class Control(Messages):
    @cython.locals(more=Py_ssize_t, stream=Stream)
    cpdef _read_window_update(self, Py_ssize_t number, payload, list events)
    @cython.locals(more=Py_ssize_t, stream=Stream)
    cpdef _resize_windows(self, window)
