cimport cython

cdef Py_ssize_t OVERHEAD
cdef Py_ssize_t OWN
cdef dict NAMES
cdef list _INDEXED
cdef dict _STATIC_INDEXED

@cython.locals(octets=list)
cpdef bytes prefixed(Py_ssize_t number, int most, int flags)


cdef class Encoder:
    cdef public list _entries
    cdef public dict _numbers
    cdef public Py_ssize_t _added
    cdef public Py_ssize_t _size
    cdef public Py_ssize_t _limit
    cdef public set _seen
    cdef public list _updates
    @cython.locals(out=list, numbers=dict)
    cpdef bytes encode(self, list fields)
    @cython.locals(size=Py_ssize_t)
    cpdef _say_literal(self, tuple field, list out)
    cpdef _add(self, tuple field)
    @cython.locals(entries=list, size=Py_ssize_t, gone=Py_ssize_t)
    cpdef _evict(self)
