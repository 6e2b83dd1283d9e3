cimport cython

cdef int _PASSED
cdef int _CRUMB
cdef int _HELD
cdef int _LOOKALIKE
cdef dict _KINDS
cdef dict _NONE_HELD


cpdef int kind_of(tuple field) except -1

@cython.locals(
    held=dict, crumbs=list, crumb_at=Py_ssize_t, before=Py_ssize_t, at=Py_ssize_t, field=tuple, kind=int,
)
cpdef dict sort(list fields, Py_ssize_t start, Py_ssize_t most, bint strict, list passed, dict index)
