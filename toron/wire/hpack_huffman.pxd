cimport cython

cdef bytes _NEXTS
cdef bytes _OCTETS
cdef bytes _FLAGS
cdef int _EMITS
cdef int _FAILS
cdef int _MAY_END

@cython.locals(made=bytearray, state=int, flag=int, octet=int, at=int, index=Py_ssize_t)
cpdef bytes _decode(bytes data)
