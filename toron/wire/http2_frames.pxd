cpdef bytes frame_header(Py_ssize_t size, int kind, int flags, Py_ssize_t stream)
