cdef class Headers:
    cdef public list fields
    cdef public dict _index
    cpdef dict _indexed(self)
    cpdef get(self, name, default=*)
    cpdef list get_all(self, name)
    cpdef add(self, name, value)
    cpdef set(self, name, value)
    cpdef bint has_any(self, names)

cpdef Headers headers_of(list fields, dict index=*)
