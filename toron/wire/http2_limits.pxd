cimport cython


cdef class Bucket:
    cdef public double _most
    cdef public double _per_second
    cdef public double _tokens
    cdef public double _when
    @cython.locals(tokens=double)
    cpdef bint take(self, double now) except -1
    cpdef give(self, double count)
