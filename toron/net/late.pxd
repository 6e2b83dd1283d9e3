cdef class Late:
    cdef public bint open
    cdef public list _streams
    cpdef add(self, stream)
    cpdef send(self)
    cpdef close(self)
