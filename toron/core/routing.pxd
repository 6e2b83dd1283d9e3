from toron.core.message cimport Request


cdef class _Candidate:
    cdef public object leads_to
    cdef public tuple conditions
    cdef public object priority
    cdef public object order
    cdef public object expression
    cdef public bytes prefix
    cdef public bint below
    cdef public long place
    cdef public tuple steps
    cpdef bint accepts(self, Request request)


cdef class _Paths:
    cdef public list expressions
    cdef public object prefixes
    cdef public double first
    cdef public object urgent
    cdef public Py_ssize_t longest
    cpdef _Candidate find(self, bytes path, Request request, _Candidate best)
    cpdef _Candidate _find_prefix(self, bytes path, Request request, _Candidate best)
