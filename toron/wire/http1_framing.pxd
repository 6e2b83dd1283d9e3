cimport cython


cdef class Framing:
    cdef public object reading
    cdef public object writing
    cdef public Py_ssize_t _head_most
    cdef public object _fields_most
    cdef public object _held
    cdef public Py_ssize_t _searched
    cdef public Py_ssize_t _left
    cdef public object _chunked
    cdef public list _out
    cdef public Py_ssize_t _owed
    cpdef outgoing(self)
    cpdef _joined(self, data)
    cpdef _take_held(self)
    @cython.locals(before=Py_ssize_t, end=Py_ssize_t, most=Py_ssize_t, size=Py_ssize_t)
    cpdef _take_head(self, data)
    cpdef _check_start(self, held, before)
    cpdef _begin_body(self, chunked, length, list events)
    @cython.locals(size=Py_ssize_t, left=Py_ssize_t)
    cpdef _read_body(self, data, list events)
    cpdef _say_data(self, data)
    cpdef _say_end(self, trailers)

