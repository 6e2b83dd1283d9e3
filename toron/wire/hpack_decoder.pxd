cimport cython

cdef Py_ssize_t OVERHEAD
cdef Py_ssize_t OWN
cdef Py_ssize_t TABLE_MOST
cdef Py_ssize_t _INTEGER_MOST
cdef list STATIC


cdef class Decoder:
    cdef public Py_ssize_t _most
    cdef public list _entries
    cdef public Py_ssize_t _size
    cdef public Py_ssize_t _limit
    @cython.locals(octet=int, end=Py_ssize_t, at=Py_ssize_t, index=Py_ssize_t, left=Py_ssize_t, fields=list, field=tuple)
    cpdef list decode(self, bytes block)
    @cython.locals(at=Py_ssize_t, size=Py_ssize_t)
    cpdef Py_ssize_t _read_updates(self, bytes block, Py_ssize_t end) except -1
    @cython.locals(back=Py_ssize_t)
    cpdef tuple _entry(self, Py_ssize_t index)
    @cython.locals(most=int, index=Py_ssize_t, name=bytes, value=bytes, field=tuple)
    cpdef tuple _literal(self, bytes block, Py_ssize_t at, int octet)
    @cython.locals(entries=list, size=Py_ssize_t, gone=Py_ssize_t)
    cpdef _evict(self)

@cython.locals(shift=int, octet=int)
cpdef tuple integer(bytes block, Py_ssize_t at, Py_ssize_t number)

@cython.locals(octet=int, size=Py_ssize_t, end=Py_ssize_t)
cpdef tuple string(bytes block, Py_ssize_t at, int huffman)
