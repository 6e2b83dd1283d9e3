from toron.wire.stream_messages cimport StreamMessages


cdef class Stream(StreamMessages):
    cdef public Py_ssize_t interim
    cdef public Py_ssize_t left
    cdef public Py_ssize_t credit
    cdef public Py_ssize_t room
    cdef public object queue
    cdef public Py_ssize_t queued
    cdef public bint waits
    cdef public bint ending
    cdef public list trailers
    cdef public Py_ssize_t flushes
    cdef public Py_ssize_t begun
    cpdef drop(self)
