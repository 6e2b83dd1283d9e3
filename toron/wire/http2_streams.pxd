from toron.wire.events cimport ResponseHead
from toron.wire.http2_heads cimport response_fields


cdef class StreamMessages:
    cdef public Py_ssize_t id
    cdef public object reading
    cdef public object writing
    cdef public object method
    cdef public object upgrade
    cdef public Py_ssize_t expected
    cdef public Py_ssize_t owed
    cdef public bint full
    cpdef set_up(self, Py_ssize_t number)
    cpdef came(self, Py_ssize_t size)
    cpdef ended(self)
    cpdef list answer(self, ResponseHead head)
    cpdef said(self, Py_ssize_t size)


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
